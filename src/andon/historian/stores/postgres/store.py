"""`HistoryStore` on PostgreSQL: one connection writes, one maintains, the others read, also from a replica."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
import psycopg
from numpy.typing import NDArray

from andon.historian import model
from andon.historian.model import Buckets, Columns, Statistics, StorageReport, StoreSize, TopStatistic
from andon.historian.ranking import ranked
from andon.historian.retention import Dropped, RetentionPolicies
from andon.historian.rollup import coarser
from andon.historian.stores.postgres import layouts, partitions, reporting, rows, schema, tables, views
from andon.historian.stores.postgres.connections import (
    MAINTAINING,
    READING,
    WRITING,
    Connection,
    Connections,
    ReadingConnections,
)
from andon.historian.stores.postgres.deliveries import Delivery
from andon.historian.stores.postgres.effective import View
from andon.historian.stores.postgres.layouts import Layout
from andon.historian.stores.postgres.questions import latest, statistics
from andon.historian.stores.postgres.retaining import Retainer
from andon.historian.stores.postgres.rolling import Roller
from andon.historian.stores.postgres.spans import interval
from andon.historian.stores.postgres.writequeue import WriteQueue
from andon.historian.stores.postgres.writing import Writer
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import StartError, UnavailableError
from andon.kit.samples import SampleBatch

log = logging.getLogger(__name__)
T = TypeVar("T")
OWN_CONNECTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class PostgresLimits:
    """`connections`: to the server, at least 3 (one writes, one maintains). `query_timeout_s`: longest question.

    `statistics_samples`: most samples of which percentiles are exact. `late_window_s`: what comes later than that is
    late, and its sums are made anew. `maintain_interval_s`: how often sums are brought up to date.
    `max_partitions`: of one tier. `group_rows`: samples that one transaction takes, if so many wait.
    `replica_max_lag_s`: a replica further behind is not asked. `compact_after_s`: so long after its end a day is
    compressed (TimescaleDB only), `compact_every_s`: how often that is looked at.
    """

    connections: int = 5
    query_timeout_s: float = 60.0
    statistics_samples: int = 5_000_000
    late_window_s: float = 120.0
    maintain_interval_s: float = 20.0
    max_partitions: int = 4_000
    group_rows: int = 100_000
    replica_max_lag_s: float = 30.0
    compact_after_s: float = 86_400.0
    compact_every_s: float = 600.0


class PostgresStore:
    """Make it with `open`. Everything that `write` took is durable when it returns."""

    def __init__(
        self,
        url: str,
        replica_url: str | None,
        stream: str,
        limits: PostgresLimits,
        clock: Callable[[], int],
        reached: Callable[[str], None],
    ) -> None:
        self._stream = stream
        self._limits = limits
        self._clock = clock
        self._reached = reached
        self._policies = RetentionPolicies()
        self._writing = Connections(url, 1, "history-writer", WRITING)
        self._maintaining = Connections(url, 1, "history-maintenance", MAINTAINING)
        timeout = f"SET statement_timeout = {round(limits.query_timeout_s * 1000)}"
        readers = max(limits.connections - OWN_CONNECTIONS, 1)
        self._reading = ReadingConnections(
            Connections(url, readers, "history-reader", (*READING, timeout)),
            Connections(replica_url, readers, "history-replica", (*READING, timeout)) if replica_url else None,
            limits.replica_max_lag_s,
        )
        self._layout: Layout = layouts.NATIVE
        self._take_layout(self._layout)
        self._compact_at = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def open(
        cls,
        url: str,
        *,
        replica_url: str | None = None,
        stream: str = "sensors-data",
        limits: PostgresLimits | None = None,
        clock: Callable[[], int] = now_us,
        maintenance: bool = True,
        reached: Callable[[str], None] = lambda _point: None,
    ) -> PostgresStore:
        """Connect and bring the tables up to date. StartError when the server cannot be reached or used.

        `maintenance`: keep sums up to date in the background; of several processes one does. `reached` is told how far
        each transaction has come, for tests.
        """
        store = cls(url, replica_url, stream, limits or PostgresLimits(), clock, reached)
        try:
            store._maintaining.submit(store._prepare).result()
        except (UnavailableError, psycopg.Error) as error:
            store.abandon()
            raise StartError(
                f"the history on PostgreSQL cannot be opened: {error}",
                field="database_url",
                cure="check that the server runs, that the address is right, and that the user may create tables",
            ) from error
        except BaseException:
            store.abandon()
            raise
        if maintenance:
            store._thread = threading.Thread(target=store._maintain_forever, name="history-maintenance", daemon=True)
            store._thread.start()
        return store

    # Writing

    async def write(self, batch: SampleBatch, position: int, partition: int = 0) -> int:
        """See `HistoryStore.write`. Writes that wait at the same time share a transaction."""
        return await self._queue.write(Delivery(batch, position, partition))

    async def position(self, partition: int = 0) -> int:
        """See `HistoryStore.position`."""
        return await self._writing.run(lambda connection: self._writer.position(connection, partition), again=True)

    async def seal(self, before: int | None = None) -> None:
        """See `HistoryStore.seal`: all is durable already; what was late is summed up."""
        await self.maintain()

    # Reading

    async def read(self, tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
        """See `HistoryStore.read`."""
        return await self._reading.run(
            lambda connection: rows.read(connection, tag_id, start, end, limit, newest_first)
        )

    async def buckets(self, tag_id: int, start: int, end: int, count: int) -> Buckets:
        """See `HistoryStore.buckets`."""
        (found,) = await self.series((tag_id,), model.bucket_edges(start, end, count))
        return replace(found, width_us=model.bucket_width(start, end, count))

    async def series(self, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> list[Buckets]:
        """See `HistoryStore.series`."""

        def work(connection: Connection) -> list[Buckets]:
            held = View.of(connection).sums(tag_ids, edges)
            width = model.width_of(edges)
            return [replace(each, width_us=width, source=held.source) for each in coarser(held.rows, edges, tag_ids)]

        return await self._consistently(work)

    async def statistics(self, tag_id: int, start: int, end: int) -> Statistics | None:
        """See `HistoryStore.statistics`; of more than `statistics_samples` the percentiles are approximate."""
        most = self._limits.statistics_samples
        return await self._consistently(lambda connection: statistics(connection, tag_id, start, end, most))

    async def latest(self, tag_ids: Sequence[int]) -> SampleBatch:
        """See `HistoryStore.latest`."""
        return await self._reading.run(lambda connection: latest(connection, tag_ids, self._clock()))

    async def top(
        self,
        tag_ids: Sequence[int],
        start: int,
        end: int,
        statistic: TopStatistic,
        count: int,
        ascending: bool = False,
    ) -> list[tuple[int, float]]:
        """See `HistoryStore.top`."""
        series = await self.series(tag_ids, np.array([start, end], np.int64))
        return ranked(tag_ids, series, statistic, count, ascending)

    async def rows(self, tag_ids: Sequence[int], start: int, end: int) -> int:
        """See `HistoryStore.rows`: exact, from the sums where all samples are there."""

        def work(connection: Connection) -> int:
            view = View.of(connection)
            found = 0
            low = max(min(view.raw_floor, end), start)
            if low > start:
                found += rows.count(connection, tag_ids, interval(start, low))
            if low < end:
                found += int(view.sums(tag_ids, np.array([low, end], np.int64)).rows.totals.sum())
            return found

        return await self._consistently(work)

    # The whole

    async def size(self) -> StoreSize:
        """See `HistoryStore.size`."""
        return await self._reading.run(lambda connection: reporting.size(connection, self._layout))

    async def storage(self) -> StorageReport:
        """See `HistoryStore.storage`."""
        of_this = (self._layout, self._stream, self._policies, self._clock())
        return await self._consistently(lambda connection: reporting.storage(connection, *of_this))

    async def retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        """See `HistoryStore.retain`."""
        self._policies = policies

        def work(connection: Connection) -> list[Dropped]:
            with self._one_at_a_time(connection, wait=True):
                self._bring_up_to_date(connection)
                return Retainer(connection, self._layout, policies, now, self._reached).retain()

        return await self._maintaining.run(work)

    async def maintain(self) -> None:
        """Bring sums up to date now, and make partitions ahead."""

        def work(connection: Connection) -> None:
            with self._one_at_a_time(connection, wait=True):
                self._bring_up_to_date(connection)

        await self._maintaining.run(work)

    async def close(self) -> None:
        """See `HistoryStore.close`. Questions that still run are cut short."""
        self._stopping.set()
        await self._queue.drained()
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        for connections in (self._writing, self._maintaining):
            await connections.close()
        await self._reading.close()

    def abandon(self) -> None:
        """Drop all connections at once, as a crash would."""
        self._stopping.set()
        for connections in (self._writing, self._maintaining, *self._reading.all):
            connections.abandon()

    # Within

    async def _consistently(self, work: Callable[[Connection], T]) -> T:
        """Ask several questions of one state of the tables."""

        def within(connection: Connection) -> T:
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                return work(connection)

        return await self._reading.run(within)

    def _prepare(self, connection: Connection) -> None:
        now = self._clock()
        schema.ensure(connection, now)
        self._take_layout(layouts.present(connection))
        self._make_ahead(connection, now)
        views.ensure(connection)

    def _take_layout(self, layout: Layout) -> None:
        limits = self._limits
        self._layout = layout
        self._maker = partitions.Maker(layout.create, self._clock, limits.max_partitions)
        self._writer = Writer(self._stream, self._maker, self._reached)
        self._roller = Roller(round(limits.late_window_s * US_PER_S), self._maker, reached=self._reached)
        self._queue = WriteQueue(self._writing, self._writer, limits.group_rows)

    def _make_ahead(self, connection: Connection, now: int) -> None:
        days = np.array(partitions.ahead(now), np.int64)
        for tier in tables.TABLES:
            lacking = partitions.missing(partitions.known(connection, tier), days)
            if lacking:
                self._maker.make(connection, tier, lacking)

    @contextmanager
    def _one_at_a_time(self, connection: Connection, *, wait: bool) -> Iterator[bool]:
        """Of all processes one maintains; False when another does and this one does not wait for it.

        A process that dies gives the lock back with its connection.
        """
        function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        row = connection.execute(f"SELECT {function}({tables.MAINTENANCE_LOCK})").fetchone()
        mine = wait or (row is not None and bool(row[0]))
        try:
            yield mine
        finally:
            if mine and not connection.closed:
                connection.execute(f"SELECT pg_advisory_unlock({tables.MAINTENANCE_LOCK})")

    def _bring_up_to_date(self, connection: Connection) -> None:
        now = self._clock()
        self._make_ahead(connection, now)
        self._roller.roll(connection, now)
        self._compact(connection, now)

    def _compact(self, connection: Connection, now: int) -> None:
        """Make small what is over for long enough; seldom, because it looks at every partition."""
        if now < self._compact_at:
            return
        self._compact_at = now + round(self._limits.compact_every_s * US_PER_S)
        until = now - round(self._limits.compact_after_s * US_PER_S)
        closed = [each for each in partitions.known(connection) if each.until <= until]
        compacted = self._layout.compact(connection, closed)
        if compacted:
            log.info("partitions of history were compressed", extra={"count": compacted})

    def _maintain_if_nobody_does(self, connection: Connection) -> None:
        with self._one_at_a_time(connection, wait=False) as mine:
            if mine:
                self._bring_up_to_date(connection)

    def _maintain_forever(self) -> None:
        while not self._stopping.wait(self._limits.maintain_interval_s):
            try:
                self._maintaining.submit(self._maintain_if_nobody_does).result()
            except UnavailableError:
                continue  # said once by the connections
            except RuntimeError:
                return  # closing
            except Exception:
                log.exception("history could not be maintained; it is tried again")
