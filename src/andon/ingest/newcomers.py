"""Messages of devices that are not known yet: held, unacknowledged, until it is certain that nobody registered them.

Where devices are registered in another process, the directory learns of them a moment later. A device's first samples
must not be taken for a stranger's meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from andon.kit.tasks import end_tasks
from andon.registry.directory import Directory

logger = logging.getLogger(__name__)

Resume = Callable[[], None]


class NotKnownYetError(Exception):
    """The directory is older than the message: look again before judging it."""


class Newcomers:
    """Holds at most `max_held` messages and `max_bytes`; in order they go on once the directory has caught up."""

    def __init__(self, directory: Directory, max_held: int, max_bytes: int) -> None:
        self._directory = directory
        self._max_held = max_held
        self._max_bytes = max_bytes
        self._bytes = 0
        self._held: list[tuple[str, Resume]] = []
        self._topics: set[str] = set()
        self._looking: asyncio.Task[None] | None = None

    def must_wait(self, topic: str) -> bool:
        """Whether earlier messages of this topic are held: a later one must not overtake them."""
        return topic in self._topics

    def hold(self, topic: str, size: int, resume: Resume) -> bool:
        """Have `resume` called when the directory has caught up. False when too much is held already."""
        if len(self._held) >= self._max_held or self._bytes + size > self._max_bytes:
            return False
        self._bytes += size
        self._held.append((topic, resume))
        self._topics.add(topic)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="look for newcomers")
        return True

    async def stop(self) -> None:
        """Forget what is held: it was not acknowledged and comes again."""
        if self._looking is not None:
            await end_tasks(self._looking)
        self._held, self._topics, self._bytes = [], set(), 0

    async def _look(self) -> None:
        try:
            while self._held:
                held = self._held
                await self._directory.catch_up()
                self._held, self._topics, self._bytes = [], set(), 0
                for _, resume in held:
                    resume()
        finally:
            self._looking = None
