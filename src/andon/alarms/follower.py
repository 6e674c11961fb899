"""The open alarms in a process that does not judge samples: read from the database, kept up by the stream `alerts`.

An event says which alarm changed; the database says what it is now. So an event that comes twice, late or not at all
does no lasting harm: all open alarms are read anew every `reload_s`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from andon.alarms import repository
from andon.alarms.book import AlarmBook
from andon.alarms.events import AlarmEvent, Listener, read_event
from andon.alarms.records import Alarm, parse_id
from andon.alarms.repository import AlarmFilter
from andon.engines.database import Database
from andon.engines.livestate.port import LiveState
from andon.engines.log.port import ALERTS, Log, Record
from andon.engines.log.records import RecordFollower
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.kit.quality import Quality
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)


class AlarmFollower:
    """An `AlarmReader` of what the alarm service of another process does. `start` and `stop` it."""

    def __init__(
        self, database: Database, log: Log, livestate: LiveState, *, reload_s: float = 30.0, retry_s: float = 1.0
    ) -> None:
        self._database = database
        self._livestate = livestate
        self._reload_s = reload_s
        self._retry_s = retry_s
        self._book = AlarmBook()
        self._records = RecordFollower(log, ALERTS, self._take)
        self._listeners: list[Listener] = []
        self._lock = asyncio.Lock()  # the book takes over what the database said in the order in which it was asked
        self._stale = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up the open alarms, then follow. UnavailableError when log or database are away."""
        await self._records.start()
        await self._reload()
        self._reloading = asyncio.create_task(self._reload_now_and_then(), name="alarm follower")

    async def stop(self) -> None:
        """Follow no more."""
        if self._reloading is not None:
            await end_tasks(self._reloading)
        await self._records.stop()

    async def caught_up(self, patience_s: float = 1.0) -> bool:
        """Wait until everything is here that has happened so far; False when that takes too long."""
        return await self._records.caught_up(patience_s)

    # The reader

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """See `AlarmReader.subscribe`."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def severity_counts(self, organisation_id: str) -> dict[str, int]:
        """See `AlarmReader.severity_counts`."""
        return self._book.severity_counts(organisation_id)

    def device_levels(self, organisation_id: str) -> dict[str, tuple[str, int]]:
        """See `AlarmReader.device_levels`."""
        return self._book.device_levels(organisation_id)

    def open_alarms(self, organisation_id: str) -> list[Alarm]:
        """See `AlarmReader.open_alarms`."""
        return [self._current(each) for each in self._book.listed(organisation_id)]

    async def find(self, organisation_id: str, alarm_id: int) -> Alarm | None:
        """See `AlarmReader.find`."""

        def read() -> Alarm | None:
            with self._database.reading() as session:
                return repository.find(session, organisation_id, alarm_id)

        found = await asyncio.to_thread(read)
        return None if found is None else self._current(found)

    async def search(
        self, organisation_id: str, wanted: AlarmFilter, limit: int, offset: int
    ) -> tuple[list[Alarm], dict[str, int]]:
        """See `AlarmReader.search`."""

        def read() -> tuple[list[Alarm], dict[str, int]]:
            with self._database.reading() as session:
                return repository.search(session, organisation_id, wanted, limit, offset)

        alarms, counts = await asyncio.to_thread(read)
        return [self._current(each) for each in alarms], counts

    # Following

    async def _take(self, records: Sequence[Record]) -> None:
        events = list(_readable(records))
        try:
            await self._read_again({number for each in events if (number := parse_id(each.alert["id"])) is not None})
        except UnavailableError:
            self._stale.set()  # who listens is told all the same; the book follows when the database is back
        for event in events:
            self._tell(event)

    async def _read_again(self, alarm_ids: set[int]) -> None:
        def read() -> list[Alarm]:
            with self._database.reading() as session:
                return repository.of_ids(session, alarm_ids)

        async with self._lock:
            for alarm in await asyncio.to_thread(read):
                self._book.put(alarm)

    async def _reload(self) -> None:
        def read() -> list[Alarm]:
            with self._database.reading() as session:
                return repository.open_alarms(session)

        async with self._lock:
            book = AlarmBook()
            for alarm in await asyncio.to_thread(read):
                book.put(alarm)
            self._book = book

    async def _reload_now_and_then(self) -> None:
        outage = Outage(logger, "open alarms cannot be read", "open alarms can be read again")
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._reload_s):
                    await self._stale.wait()
                await asyncio.sleep(self._retry_s)
            self._stale.clear()
            try:
                await self._reload()
            except UnavailableError as error:
                outage.begin(error.message)
                self._stale.set()
            else:
                outage.end()

    def _tell(self, event: AlarmEvent) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener failed on an alarm event", extra={"change": event.change.value})

    def _current(self, alarm: Alarm) -> Alarm:
        """An open alarm with the value that its signal has now, as far as it is one to judge by."""
        if alarm.key.tag_id is None or not alarm.open:
            return alarm
        now = self._livestate.current(alarm.key.tag_id)
        if now is None or now.timestamp <= (alarm.last_value_at or 0) or now.quality < Quality.UNCERTAIN_CLOCK:
            return alarm
        return alarm if math.isnan(now.value) else replace(alarm, last_value=now.value, last_value_at=now.timestamp)


def _readable(records: Iterable[Record]) -> Iterable[AlarmEvent]:
    for record in records:
        try:
            yield read_event(record.payload)
        except ValueError as error:
            logger.warning("an alarm event cannot be read", extra={"position": record.position, "error": str(error)})
