"""What only one process at a time may do: done while the lease is ours, stood by for while it is another's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from andon.engines.database.lease import Lease
from andon.kit.errors import UnavailableError
from andon.kit.tasks import end_tasks

if TYPE_CHECKING:
    from andon.app.plant import Plant

logger = logging.getLogger(__name__)

RETRY_S = 1.0

Work = asyncio.Task[None] | None
"""A task that lasts as long as the work does: when it ends by itself, the work has failed."""
Run = Callable[[], AbstractAsyncContextManager[Work]]
Tell = Callable[[str], Awaitable[None]]


async def _nobody(_state: str) -> None:
    return None


@asynccontextmanager
async def lead(lease: Lease, run: Run, tell: Tell = _nobody) -> AsyncIterator[None]:
    """Enter `run` whenever the lease is ours, leave it when it is lost; does not wait for either.

    `tell` hears `running` and `standby`. A run that fails to start gives others their chance, and tries again.
    """
    leading = asyncio.create_task(_lead(lease, run, tell), name=f"lead {lease.name}")
    try:
        yield
    finally:
        await end_tasks(leading)
        await lease.release()


@asynccontextmanager
async def led(
    plant: Plant, role: str, lease: Lease, run: Callable[[Plant], AbstractAsyncContextManager[Work]]
) -> AsyncIterator[None]:
    """Lead a role; the other processes learn at once where it runs now."""

    async def tell(state: str) -> None:
        plant.states[role] = state
        await plant.fleet.tell()

    plant.states[role] = "standby"
    async with lead(lease, lambda: run(plant), tell):
        yield


async def _lead(lease: Lease, run: Run, tell: Tell) -> None:
    while True:
        await lease.acquire()
        try:
            async with run() as work:
                await tell("running")
                await _until_over(lease, work)
        except (UnavailableError, OSError, TimeoutError) as error:
            logger.warning("this cannot be done yet", extra={"lease": lease.name, "error": str(error)})
            await _let_others(lease)
        except Exception:
            logger.exception("what the lease is for failed", extra={"lease": lease.name})
            await _let_others(lease)
        if (current := asyncio.current_task()) is not None and current.cancelling():
            raise asyncio.CancelledError  # a failure on the way out has hidden it
        await tell("standby")


async def _until_over(lease: Lease, work: Work) -> None:
    """Until the lease is lost. Raises what the work failed with."""
    lost = asyncio.create_task(lease.lost(), name=f"lease {lease.name} lost")
    try:
        await asyncio.wait({lost, work} if work is not None else {lost}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        lost.cancel()
    if work is not None and work.done():
        work.result()


async def _let_others(lease: Lease) -> None:
    await lease.release()
    await asyncio.sleep(RETRY_S)
