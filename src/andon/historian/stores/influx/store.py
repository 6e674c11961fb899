"""`HistoryStore` on InfluxDB: 1.x by its own API, 2.x as far as that is alike."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import (
    Buckets,
    Columns,
    Statistics,
    StorageReport,
    StoreSize,
    TopStatistic,
    bucket_edges,
    width_of,
)
from andon.historian.ranking import ranked
from andon.historian.retention import Dropped, RetentionPolicies
from andon.historian.rollup import TierRows, as_buckets
from andon.historian.stores.columnar.sorting import sorted_unique
from andon.historian.stores.influx.charts import Charts
from andon.historian.stores.influx.client import InfluxClient, MissingError
from andon.historian.stores.influx.floors import NEVER, Floors
from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.historian.stores.influx.lines import lines_of
from andon.historian.stores.influx.names import RAW
from andon.historian.stores.influx.newest import Newest
from andon.historian.stores.influx.reading import Reading
from andon.historian.stores.influx.reporting import Census, report
from andon.historian.stores.influx.retaining import Retaining
from andon.historian.stores.influx.signals import Describe, Whereabouts
from andon.historian.stores.influx.state import Atlas, Positions, prepare
from andon.historian.stores.influx.summaries import Summaries
from andon.historian.stores.influx.tiers import Tiers
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import StartError, UnavailableError
from andon.kit.outage import Outage
from andon.kit.samples import SampleBatch
from andon.kit.tasks import end_tasks

T = TypeVar("T")
logger = logging.getLogger(__name__)
_FIGURES_OF: dict[TopStatistic, tuple[str, ...]] = {
    "mean": ("mean",),
    "min": ("min",),
    "max": ("max",),
    "sd": ("mean", "stddev"),
    "count": (),
    "range": ("min", "max"),
    "last": ("last",),
    "good_share": (),
}


class InfluxStore:
    """See `HistoryStore`. Make it with `open`; `describe` says where a tag's samples belong, set it before writing.

    What was received is known to `delay_ms`; later than that to the millisecond.
    """

    def __init__(self, access: Access, limits: InfluxLimits | None = None, clock: Callable[[], int] = now_us) -> None:
        self._access = access
        self._limits = limits = limits or InfluxLimits()
        self._clock = clock
        self._client = client = InfluxClient(access, limits)
        self._positions = Positions(client, limits)
        self._atlas = Atlas(client, limits)
        self._floors = Floors(client, limits)
        self._tiers = Tiers(client, self._atlas, self._floors, access.database, limits.names_age_s, clock)
        self._reading = Reading(client)
        self._charts = Charts(client, limits, self._floors, self._tiers)
        self._summaries = Summaries(client, limits, self._reading, self._charts, clock)
        self._newest = Newest(client)
        self._retaining = Retaining(client, self._atlas, self._floors, self._tiers, self._newest)
        self._census = Census(client, limits, clock)
        self._written: dict[int, int] = {}  # the newest moment of each tag
        self._writing = asyncio.Lock()
        self._maintaining: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(
        cls, access: Access, limits: InfluxLimits | None = None, clock: Callable[[], int] = now_us
    ) -> InfluxStore:
        """Connect, and make what is missing there. StartError when InfluxDB cannot be had within `start_wait_s`."""
        store = cls(access, limits, clock)
        deadline = time.monotonic() + store._limits.start_wait_s
        try:
            while True:
                try:
                    await store._start()
                    return store
                except UnavailableError as error:
                    if time.monotonic() > deadline:
                        raise StartError(error.message, field="influx_url", cure=error.cure) from error
                await asyncio.sleep(0.5)
        except BaseException:
            await store._client.close()
            raise

    async def _start(self) -> None:
        await prepare(self._client, self._access)
        await self._atlas.load()
        await self._tiers.load()
        if self._limits.maintenance:
            self._maintaining = asyncio.create_task(self._maintain(), name="influx sums")

    @property
    def describe(self) -> Describe:
        """Where the samples of a tag belong."""
        return self._atlas.describe

    @describe.setter
    def describe(self, describe: Describe) -> None:
        self._atlas.describe = describe

    async def write(self, batch: SampleBatch, position: int, partition: int = 0) -> int:
        """See `HistoryStore.write`. The samples are durable when it returns, the position a second later."""
        self._check_open()
        return await self._mended(lambda: self._write(batch, position, partition))

    async def position(self, partition: int = 0) -> int:
        """See `HistoryStore.position`."""
        self._check_open()
        known = self._positions.stored.get(partition)
        found = await self._mended(lambda: self._positions.of(partition))
        if found != known:
            self._written.clear()  # another process has followed the partition meanwhile
        return found

    async def read(self, tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
        """See `HistoryStore.read`."""
        return await self._reading.page(await self._of([tag_id]), start, end, limit, newest_first)

    async def buckets(self, tag_id: int, start: int, end: int, count: int) -> Buckets:
        """See `HistoryStore.buckets`."""
        return (await self.series([tag_id], bucket_edges(start, end, count)))[0]

    async def series(self, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> list[Buckets]:
        """See `HistoryStore.series`."""
        self._check_open()
        found = await self._charts.sums(await self._of(tag_ids), edges)
        width = width_of(edges)
        answers = []
        for tag in tag_ids:
            rows, source = found.get(tag, (TierRows.empty(), "raw"))
            answers.append(as_buckets(rows, width, source))
        return answers

    async def statistics(self, tag_id: int, start: int, end: int) -> Statistics | None:
        """See `HistoryStore.statistics`."""
        wheres = await self._of([tag_id])
        return await self._summaries.of(wheres, start, end)

    async def latest(self, tag_ids: Sequence[int]) -> SampleBatch:
        """See `HistoryStore.latest`."""
        return await self._newest.of(await self._of(sorted(set(tag_ids))))

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
        wanted = sorted(set(tag_ids))
        edges = np.array([start, end], np.int64)
        found = await self._charts.sums(await self._of(wanted), edges, _FIGURES_OF[statistic])
        series = [as_buckets(found[tag][0] if tag in found else TierRows.empty(), end - start) for tag in wanted]
        return ranked(wanted, series, statistic, count, ascending)

    async def rows(self, tag_ids: Sequence[int], start: int, end: int) -> int:
        """See `HistoryStore.rows`. Exact."""
        return await self._reading.count(await self._of(sorted(set(tag_ids))), start, end)

    async def seal(self, before: int | None = None) -> None:
        """See `HistoryStore.seal`: the positions become durable; samples are already."""
        self._check_open()
        await self._mended(self._positions.flush)

    async def close(self) -> None:
        """See `HistoryStore.close`."""
        if self._closed:
            return
        self._closed = True
        if self._maintaining is not None:
            await end_tasks(self._maintaining)
        try:
            with contextlib.suppress(UnavailableError):  # what comes again after the next start changes nothing
                await self._positions.flush()
        finally:
            await self._client.close()

    async def size(self) -> StoreSize:
        """See `HistoryStore.size`; at most `count_age_s` old."""
        self._check_open()
        return await self._census.size()

    async def storage(self) -> StorageReport:
        """See `HistoryStore.storage`. Oldest and newest are told to the day."""
        size, positions = await self.size(), self._positions.stored
        kept = self._retaining.policies.default
        return await report(self._client, size, self._floors, kept, positions, self._clock())

    async def retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        """See `HistoryStore.retain`. A device keeps what any of its tags wants kept, and a pinned day as a whole."""
        self._check_open()
        async with self._writing:
            dropped = await self._retaining.retain(policies, now)
        self._census.forget()
        return dropped

    async def maintain(self) -> int:
        """Make the sums of hours that are over; how many hours those were."""
        self._check_open()
        late = round(self._limits.late_window_s * US_PER_S)
        return await self._tiers.make(self._clock() - late)

    async def _maintain(self) -> None:
        outage = Outage(logger, "the sums of hours cannot be made now", "the sums of hours are made again")
        while True:
            await asyncio.sleep(self._limits.maintenance_s)
            try:
                await self.maintain()
                outage.end()
            except UnavailableError as error:
                outage.begin(error.message)

    async def _write(self, batch: SampleBatch, position: int, partition: int) -> int:
        batch = sorted_unique(batch)
        # One at a time: a correction must not overtake what it corrects, and tags are settled once.
        async with self._writing:
            tags = np.unique(batch.tag_ids).tolist()
            await self._atlas.settle(tags)
            await self._learn_written(tags)
            where = self._atlas.where
            await self._floors.pin(batch, ((tag, where(tag).stretches[-1].place) for tag in tags))
            written = await asyncio.to_thread(lines_of, batch, where, self._written, self._limits.delay_ms)
            await self._tiers.touch(written.hours)
            await self._client.write(RAW, written.lines)
            self._census.touch(written.hours)
            self._learn_newest(batch)
            return await self._positions.take(partition, position)

    async def _learn_written(self, tags: Sequence[int]) -> None:
        """Know the newest moment of each tag: what is not newer may correct something."""
        unknown = [tag for tag in tags if tag not in self._written]
        if unknown:
            found = await self._newest.of([self._atlas.where(tag) for tag in unknown])
            self._written.update(dict.fromkeys(unknown, NEVER))
            self._written.update(zip(found.tag_ids.tolist(), found.timestamps.tolist(), strict=True))

    def _learn_newest(self, batch: SampleBatch) -> None:
        last = np.flatnonzero(np.diff(batch.tag_ids, append=-1))
        for tag, at in zip(batch.tag_ids[last].tolist(), batch.timestamps[last].tolist(), strict=True):
            self._written[tag] = max(self._written.get(tag, at), at)

    async def _mended(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do it; when the database was dropped, make it again first."""
        try:
            return await work()
        except MissingError as error:
            logger.warning("the history in InfluxDB is gone, it is made again", extra={"error": error.message})
            self._atlas.forget()
            self._floors.forget()
            self._census.forget()
            self._written.clear()
            await prepare(self._client, self._access)
            return await work()

    async def _of(self, tag_ids: Sequence[int]) -> list[Whereabouts]:
        self._check_open()
        return await self._atlas.of(tag_ids)

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError("the history in InfluxDB is closed")
