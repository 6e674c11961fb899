"""Keeps the directory in step with what other processes change in the registry."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable

from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.kit.tasks import end_tasks
from andon.registry.directory import Directory
from andon.registry.service import Registry

logger = logging.getLogger(__name__)


class DirectoryFollower:
    """Looks every `interval_s`, and at once when somebody must know.

    `patience_s` is the longest that one waits; after the database has been away for so long, it is a single look.
    """

    def __init__(
        self, registry: Registry, directory: Directory, *, interval_s: float = 1.0, patience_s: float = 5.0
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._wanted = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []  # for a look that has not begun yet
        self._outage = Outage(
            logger, "changes of the registry cannot be read", "changes of the registry can be read again"
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look; from now on the directory can be asked to catch up."""
        self._task = asyncio.create_task(self._run(), name="directory follower")
        self._directory.follow(self.catch_up)

    async def stop(self) -> None:
        """Look no more."""
        self._directory.follow(None)
        if self._task is not None:
            await end_tasks(self._task)

    async def catch_up(self) -> bool:
        """Until a look that began after this call is over. False when there is none for long: the database is away."""
        over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(over)
        self._wanted.set()
        try:
            async with asyncio.timeout(self._patience_s):
                return await over
        except TimeoutError:
            return False

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._wanted.wait()
            self._wanted.clear()
            waiting, self._waiting = self._waiting, []
            found = await self._look()
            if found or self._outage.lasts_s >= self._patience_s:
                _answer(waiting, found)
            else:
                self._waiting += waiting
            if not found:
                await asyncio.sleep(self._interval_s)

    async def _look(self) -> bool:
        try:
            await asyncio.to_thread(self._registry.refresh)
        except UnavailableError as error:
            self._outage.begin(error.message)
            return False
        self._outage.end()
        return True


def _answer(waiting: Iterable[asyncio.Future[bool]], found: bool) -> None:
    for over in waiting:
        if not over.done():
            over.set_result(found)
