"""Signals that a known device shows for the first time become tags; the messages that brought them wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

from andon.ingest.devices import TagsMissingError
from andon.ingest.settings import IngestSettings
from andon.kit.errors import AndonError, UnavailableError
from andon.kit.tasks import end_tasks
from andon.registry.directory import DeviceInfo
from andon.registry.model import NewTag
from andon.registry.service import Registry
from andon.wire.errors import WireError

logger = logging.getLogger(__name__)

_RETRY_S = 0.5

Resume = Callable[[WireError | None], None]
"""Called when the tags are there, or with the reason why they never will be."""


class TagRegistrar:
    """Registers tags off the loop, one device at a time.

    `on_waiting` is called when `holds_back` may have changed. A device whose new signals were refused is not asked for
    again within `refuse_new_tags_s`.
    """

    def __init__(self, registry: Registry, settings: IngestSettings, on_waiting: Callable[[], None]) -> None:
        self._registry = registry
        self._settings = settings
        self._on_waiting = on_waiting
        self._held_back = False
        self._away: set[str] = set()  # devices whose tags wait for the database
        self._waiting: dict[str, deque[tuple[TagsMissingError, Resume]]] = {}
        self._count = 0
        self._refused: dict[str, tuple[float, WireError]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def holds_back(self) -> bool:
        """Whether so many messages wait that the sources are to bring nothing now.

        Not while the database is away: what brings nothing new must not wait for it.
        """
        return self._count >= self._settings.max_deferred and not self._away

    def when_registered(self, missing: TagsMissingError, resume: Resume) -> None:
        """Have `resume` called once the tags are there. WireError when they cannot be, or too much waits already."""
        uuid = missing.device.uuid
        self._check_refused(uuid)
        # A source that is told to hold back still brings what it had read already.
        if self._count >= self._settings.max_deferred * (1 if self._away else 2):
            raise WireError("too_many_new_signals", "too many messages with new signals wait to be registered")
        self._now_waiting(self._count + 1)
        queue = self._waiting.get(uuid)
        if queue is not None:
            queue.append((missing, resume))
            return
        self._waiting[uuid] = deque([(missing, resume)])
        task = asyncio.create_task(self._work(uuid), name="register tags")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def register(self, device: DeviceInfo, tags: Sequence[NewTag]) -> None:
        """Register tags now. WireError `signals_refused` with the registry's reason.

        UnavailableError while the database is away.
        """
        try:
            await asyncio.to_thread(self._registry.ensure_tags, device.organisation_id, device.device_id, tags)
        except UnavailableError:
            raise
        except AndonError as error:
            raise WireError("signals_refused", error.message, error.field) from error

    async def idle(self) -> None:
        """Until nothing is being registered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """End what is under way; messages that wait stay unacknowledged."""
        await end_tasks(*self._tasks)
        self._waiting.clear()
        self._now_waiting(0)

    async def _work(self, uuid: str) -> None:
        queue = self._waiting[uuid]
        there: set[str] = set()
        while queue:
            missing, resume = queue.popleft()
            names = {tag.name for tag in missing.tags}
            refused = None if names <= there else await self._outcome_at_last(missing)
            if refused is None:
                there |= names
            self._now_waiting(self._count - 1)
            resume(refused)
        del self._waiting[uuid]

    def _now_waiting(self, count: int) -> None:
        self._count = count
        if self.holds_back != self._held_back:
            self._held_back = self.holds_back
            self._on_waiting()

    async def _outcome_at_last(self, missing: TagsMissingError) -> WireError | None:
        """An absent database is waited out: its messages stay unacknowledged meanwhile."""
        uuid = missing.device.uuid
        try:
            while True:
                try:
                    return await self._outcome(missing)
                except UnavailableError as error:
                    if not self._away:
                        logger.warning("new signals wait for the database", extra={"reason": error.message})
                    self._away.add(uuid)
                    self._now_waiting(self._count)
                    await asyncio.sleep(_RETRY_S)
        finally:
            self._away.discard(uuid)

    async def _outcome(self, missing: TagsMissingError) -> WireError | None:
        uuid = missing.device.uuid
        try:
            self._check_refused(uuid)
            await self.register(missing.device, missing.tags)
        except WireError as error:
            self._refuse(uuid, error)
            return error
        return None

    def _check_refused(self, uuid: str) -> None:
        refused = self._refused.get(uuid)
        if refused is not None:
            if time.monotonic() < refused[0]:
                raise refused[1]
            del self._refused[uuid]

    def _refuse(self, uuid: str, error: WireError) -> None:
        if uuid not in self._refused:
            logger.warning("new signals of a device are refused", extra={"reason": str(error)})
            self._refused[uuid] = (time.monotonic() + self._settings.refuse_new_tags_s, error)
