"""Runs the alarms: follows the samples, lets time pass, stores every transition once, and serves operators.

What a batch changes is stored in one transaction, together with the position up to which samples were judged.
A crash between two transactions therefore repeats only samples that had changed nothing. Memory changes before
the transaction and is never rolled back: what could not be stored yet waits in `_unsaved` and goes with the next
attempt, and samples behind `_judged` are not judged again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from andon.alarms import repository
from andon.alarms.engine import AlarmEngine, Happening
from andon.alarms.events import AlarmEvents, Listener
from andon.alarms.operators import Outcome, Verb, explain, plan, record_actions
from andon.alarms.records import Alarm
from andon.alarms.repository import AlarmFilter
from andon.alarms.settings import AlarmSettings
from andon.engines.database import Database
from andon.engines.livestate.port import LiveState
from andon.engines.log.consumer import Consumer
from andon.engines.log.port import SENSORS_DATA, Log
from andon.identity.model import Principal
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch
from andon.kit.tasks import end_tasks
from andon.registry.directory import Directory

logger = logging.getLogger(__name__)
T = TypeVar("T")


class AlarmService:
    """The alarms of all organisations. Everything is called on the event loop; the database gets its own thread."""

    def __init__(
        self,
        database: Database,
        log: Log,
        directory: Directory,
        livestate: LiveState,
        settings: AlarmSettings | None = None,
        *,
        clock: Callable[[], int] = now_us,
        guard: Callable[[Session], None] = lambda _session: None,
    ) -> None:
        """`guard` is called in every unit of work and raises UnavailableError when another process has taken over."""
        self._database = database
        self._log = log
        self._directory = directory
        self._livestate = livestate
        self._settings = settings or AlarmSettings()
        self._clock = clock
        self._guard = guard
        self._events = AlarmEvents(log, self._settings.max_waiting_events)
        self._engine = self._new_engine()
        self._consumer: Consumer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lock = asyncio.Lock()  # memory and database change in the same order
        self._unsaved: list[Happening] = []
        self._judged: dict[int, int] = {}  # positions by partition
        self._saved: dict[int, int] = {}
        self._saved_at = 0
        self._last_tick = 0
        self._highest_tag = 0  # that was asked for

    # Life

    async def start(self) -> None:
        """Take up the open alarms, then follow the samples. The directory and live state have to be filled."""
        await self.restore()
        self._consumer = Consumer(
            self._log,
            SENSORS_DATA,
            repository.CONSUMER,
            self.handle,
            start_at=self._judged_up_to,
            keep_unreadable=False,
        )
        self._tasks = [
            asyncio.create_task(self._consumer.run(), name="alarms judge"),
            asyncio.create_task(self._ticker(), name="alarms tick"),
        ]

    async def stop(self) -> None:
        """Finish the batch in hand, store the position, and end."""
        if self._consumer is not None:
            await self._consumer.stop()
            await asyncio.gather(self._tasks[0], return_exceptions=True)
        await end_tasks(*self._tasks[1:])
        self._tasks = []
        async with self._lock:
            with contextlib.suppress(UnavailableError):
                await self._save()

    async def restore(self) -> None:
        """Take up what the database knows; `start` does it first."""
        now = self._clock()
        stored, alarms = await self._in_thread(self._load)
        self._engine = self._new_engine()
        self._judged = {
            partition: min(stored.get(partition, 0), await self._log.end(SENSORS_DATA, partition))
            for partition in range(await self._log.partitions(SENSORS_DATA))
        }
        self._saved = dict(self._judged)
        self._last_tick = now
        self._unsaved = self._engine.restore(alarms, now)
        tag_ids = np.arange(1, self._directory.max_tag_id + 1)
        known = self._livestate.columns(tag_ids)
        self._engine.remember(tag_ids, known.timestamp, known.received, known.quality == Quality.STALE)

    @property
    def consumer(self) -> Consumer | None:
        """The consumer of samples, for figures and lags; None before `start`."""
        return self._consumer

    @property
    def judging(self) -> asyncio.Task[None]:
        """The task that follows the samples. It ends by itself only when it failed."""
        return self._tasks[0]

    # Samples and time

    async def handle(self, batch: SampleBatch, position: int, partition: int = 0) -> None:
        """Judge the samples up to `position`. UnavailableError while the database is away: call it again."""
        await self._know_tags(batch)
        async with self._lock:
            if position > self._judged.get(partition, 0):
                self._unsaved += self._engine.judge(batch.live(), self._clock())
                self._judged[partition] = position
            if self._unsaved or self._clock() - self._saved_at >= self._settings.position_every_s * US_PER_S:
                await self._save()

    async def _know_tags(self, batch: SampleBatch) -> None:
        """The first sample of a tag may come before its limits when another process has registered it."""
        highest = int(batch.tag_ids.max()) if len(batch) else 0
        if highest > max(self._directory.max_tag_id, self._highest_tag):
            await self._directory.catch_up()
            self._highest_tag = highest

    async def tick(self) -> None:
        """Let time pass: delays, silence, escalation. UnavailableError while the database is away."""
        behind = self._consumer is not None and await self._consumer.lag() > 0
        async with self._lock:
            now = self._clock()
            if now - self._last_tick > self._settings.suspended_after_s * US_PER_S:
                logger.info("the clock jumped or the machine slept: silence counts anew")
                self._engine.listen_again(now)
            self._last_tick = now
            self._unsaved += self._engine.tick(now, behind=behind)
            await self._save()

    async def _ticker(self) -> None:
        outage = Outage(logger, "alarms wait for the database", "the database of the alarms is back")
        while True:
            await asyncio.sleep(self._settings.tick_s)
            try:
                await self.tick()
            except UnavailableError as error:
                outage.begin(error.message)
            except Exception:
                logger.exception("a tick of the alarms failed")
            else:
                outage.end()

    # Operators

    async def act(self, verb: Verb, ids: Sequence[str], principal: Principal, comment: str | None) -> list[Outcome]:
        """Acknowledge or resolve alarms; one outcome for each id, in order. All that can be done is stored
        together when this returns, or UnavailableError is raised and nothing was done.
        """
        async with self._lock:
            now = self._clock()
            outcomes = plan(self._engine, verb, ids, principal, comment, now)
            actions = [each.action for each in outcomes if each.action is not None]
            if actions:
                await self._save(lambda session: record_actions(session, verb, actions, principal, comment))
                self._tell(self._engine.take(actions))
                await self._events.flush()
        if any(each.missing for each in outcomes):
            return await self._in_thread(lambda session: explain(session, outcomes, principal.organisation_id))
        return outcomes

    # Reading

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the loop with every alarm event, after it was stored. Returns what ends that."""
        return self._events.subscribe(listener)

    async def caught_up(self, patience_s: float = 1.0) -> bool:
        """See `AlarmReader.caught_up`: nothing happens elsewhere."""
        return True

    def severity_counts(self, organisation_id: str) -> dict[str, int]:
        """Number of open alarms by severity; every severity is there."""
        return self._engine.book.severity_counts(organisation_id)

    def device_levels(self, organisation_id: str) -> dict[str, tuple[str, int]]:
        """By device id: the worst level among its open alarms, and how many are open."""
        return self._engine.book.device_levels(organisation_id)

    def open_alarms(self, organisation_id: str) -> list[Alarm]:
        """Open alarms with their present values, the most urgent first."""
        return [self._engine.current(each) for each in self._engine.book.listed(organisation_id)]

    async def find(self, organisation_id: str, alarm_id: int) -> Alarm | None:
        """One alarm, open or over."""
        alarm = self._engine.book.by_id(organisation_id).get(alarm_id)
        if alarm is not None:
            return self._engine.current(alarm)
        return await self._in_thread(lambda session: repository.find(session, organisation_id, alarm_id))

    async def search(
        self, organisation_id: str, wanted: AlarmFilter, limit: int, offset: int
    ) -> tuple[list[Alarm], dict[str, int]]:
        """A page of alarms, newest first, and the count of all that match by severity."""
        alarms, counts = await self._in_thread(
            lambda session: repository.search(session, organisation_id, wanted, limit, offset)
        )
        live = {each.id: each for each in self._engine.book.of(organisation_id)}
        return [self._engine.current(live.get(each.id, each)) for each in alarms], counts

    # Storing

    def _new_engine(self) -> AlarmEngine:
        return AlarmEngine(
            self._directory,
            self._settings.timing(),
            max_age=round(self._settings.max_age_s * US_PER_S),
            offline_severity=self._settings.offline_severity,
            now=self._clock(),
        )

    async def _save(self, also: Callable[[Session], None] | None = None) -> None:
        """Store what is unsaved and the position, and `also` in the same transaction; then tell the world."""
        if not self._unsaved and also is None and self._judged == self._saved:
            await self._events.flush()
            return
        alarms = list({id(each.alarm): each.alarm for each in self._unsaved}.values())
        judged = dict(self._judged)

        def store(session: Session) -> list[int]:
            self._guard(session)
            ids = repository.save(session, alarms)
            repository.save_positions(session, SENSORS_DATA, judged)
            if also is not None:
                also(session)
            return ids

        ids = await self._in_thread(store, write=True)
        for alarm, alarm_id in zip(alarms, ids, strict=True):
            alarm.id = alarm_id
        happened, self._unsaved = self._unsaved, []
        self._saved, self._saved_at = judged, self._clock()
        self._tell(happened)
        await self._events.flush()

    def _tell(self, happened: Sequence[Happening]) -> None:
        for each in happened:
            if each.change is not None:
                each.then.id = each.alarm.id
                self._events.tell(each.then, each.change, each.at)

    async def _judged_up_to(self, partition: int) -> int:
        return self._judged.get(partition, 0)

    def _load(self, session: Session) -> tuple[dict[int, int], list[Alarm]]:
        return repository.positions(session, SENSORS_DATA), repository.open_alarms(session)

    async def _in_thread(self, work: Callable[[Session], T], *, write: bool = False) -> T:
        """UnavailableError when the database does not do it."""

        def run() -> T:
            try:
                with self._database.session() if write else self._database.reading() as session:
                    return work(session)
            except DBAPIError as error:
                raise UnavailableError(
                    f"alarms cannot be stored or read: {error.orig}",
                    cure="see that the database is running and its disk has room; it is tried again",
                ) from error

        return await asyncio.to_thread(run)
