"""`andon run ROLE…` once nothing stands in its way: starts the roles of this process, and ends them on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping

from andon.app.banner import show_addresses
from andon.app.plant import Plant, build_plant
from andon.app.role_web import Asgi, build_role_asgi
from andon.app.roles import running
from andon.app.serving import serving
from andon.app.settings import Settings
from andon.app.stopping import stop_on_signals, unless_stopped, until_stopped
from andon.app.topology import Topology
from andon.app.tuning import collect_now_and_then, spare_the_collector
from andon.engines.broker.embedded import ANYWHERE
from andon.kit.errors import UnavailableError

logger = logging.getLogger(__name__)

RETRY_S = 1.0


async def serve(settings: Settings, topology: Topology, listening: Mapping[str, socket.socket]) -> None:
    """Until a signal ends it. StartError for what waiting does not mend."""
    stopping = stop_on_signals()
    urls = dict(_urls(settings, listening))
    async with contextlib.AsyncExitStack() as stack:
        plant = await unless_stopped(stopping, _started(stack, lambda: build_plant(settings, topology), urls))
        if plant is None:
            return
        servers = [
            await stack.enter_async_context(serving(_asgi(plant, role), sock)) for role, sock in listening.items()
        ]
        if plant.runs("api"):
            await asyncio.to_thread(plant.ensure_admin)
        plant.ready = True
        spare_the_collector()
        collecting = asyncio.create_task(collect_now_and_then(), name="collector")
        stack.callback(collecting.cancel)
        show_addresses(plant.urls, plant.generated_password)
        await until_stopped(stopping, *servers)
        plant.ready = False
        logger.info("stopping")


def _asgi(plant: Plant, role: str) -> Asgi:
    if role != "api":
        return build_role_asgi(plant, role)
    from andon.app.web import build_asgi  # it imports the endpoints of all domains

    return build_asgi(plant)


async def _started(
    stack: contextlib.AsyncExitStack,
    build: Callable[[], Awaitable[Plant]],
    urls: Mapping[str, str],
) -> Plant:
    """A plant whose roles run; engines that are away for a moment are waited for.

    StartError for what waiting does not mend.
    """
    waiting = False
    while True:
        async with contextlib.AsyncExitStack() as attempt:
            plant = await build()
            attempt.push_async_callback(plant.close)
            plant.urls.update(urls)
            try:
                await attempt.enter_async_context(running(plant))
            except UnavailableError as error:
                if not waiting:
                    logger.warning("waiting for what the roles need", extra={"error": error.message})
                waiting = True
            else:
                stack.push_async_exit(attempt.pop_all())
                return plant
        await asyncio.sleep(RETRY_S)


def _urls(settings: Settings, listening: Mapping[str, socket.socket]) -> Iterator[tuple[str, str]]:
    """Where the other processes reach each role."""
    own = socket.gethostname() if settings.host in ANYWHERE else settings.host
    host = settings.advertise_host or own
    for role, sock in listening.items():
        yield role, f"http://{host}:{sock.getsockname()[1]}"
