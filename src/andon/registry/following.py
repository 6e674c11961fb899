"""Keeps the directory in step with what other processes change in the registry."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from andon.kit.errors import UnavailableError
from andon.kit.tasks import end_tasks
from andon.registry.directory import Directory
from andon.registry.service import Registry

logger = logging.getLogger(__name__)


class DirectoryFollower:
    """Looks every `interval_s`, and at once when somebody must know; `patience_s` is the longest that one waits."""

    def __init__(
        self, registry: Registry, directory: Directory, *, interval_s: float = 1.0, patience_s: float = 5.0
    ) -> None:
        self._registry = registry
        self._directory = directory
        self._interval_s = interval_s
        self._patience_s = patience_s
        self._wanted = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []  # for a look that has not begun yet
        self._away = False
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
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(over)
        self._wanted.set()
        try:
            async with asyncio.timeout(self._patience_s):
                await over
        except TimeoutError:
            return False
        return True

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await self._wanted.wait()
            self._wanted.clear()
            waiting, self._waiting = self._waiting, []
            if await self._look():
                for over in waiting:
                    if not over.done():
                        over.set_result(None)
            else:
                self._waiting += waiting
                await asyncio.sleep(self._interval_s)

    async def _look(self) -> bool:
        try:
            await asyncio.to_thread(self._registry.refresh)
        except UnavailableError as error:
            if not self._away:
                logger.warning("changes of the registry cannot be read", extra={"error": error.message})
            self._away = True
            return False
        if self._away:
            logger.info("changes of the registry can be read again")
        self._away = False
        return True
