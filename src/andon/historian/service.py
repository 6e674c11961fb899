"""History for the rest of Andon: a store behind the directory, and the consumer that keeps it up to date."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.engines.log.consumer import Consumer, ConsumerLimits
from andon.engines.log.port import SENSORS_DATA, Log
from andon.historian.limits import QueryLimits
from andon.historian.model import Buckets, Columns, Statistics, StorageReport, StoreSize, TopStatistic
from andon.historian.port import HistoryStore
from andon.historian.retention import RetentionPolicies
from andon.historian.too_old import TooOld
from andon.kit.errors import NotFoundError
from andon.kit.samples import SampleBatch
from andon.registry.directory import DeviceInfo, Directory, TagInfo

logger = logging.getLogger(__name__)

GROUP = "historian"
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class HistorianLimits:
    """`flush_interval_s`: samples are stored at most so long after the log has them; `flush_bytes`: or sooner,
    when so much has come. `page_rows`: samples that an export holds in memory at a time.
    """

    flush_interval_s: float = 0.5
    flush_bytes: int = 2 << 20
    flush_records: int = 20_000
    page_rows: int = 10_000


class Historian:
    """What other domains ask for history. Ranges are half open, in µs UTC."""

    def __init__(
        self,
        store: HistoryStore,
        directory: Directory,
        limits: HistorianLimits | None = None,
        queries: QueryLimits | None = None,
        policies: Callable[[], RetentionPolicies | None] = lambda: None,
        max_age_days: float = 30.0,
    ) -> None:
        """`policies`: what retention holds now, None as long as that is not known. `max_age_days`: what was older on
        arrival was sent as history.
        """
        self._store = store
        self._directory = directory
        self._limits = limits or HistorianLimits()
        self.queries = queries or QueryLimits()
        self.too_old = TooOld(policies, max_age_days)
        self._consumer: Consumer | None = None
        self._taken: dict[int, int] = {}

    async def follow(self, log: Log) -> Consumer:
        """A consumer that writes the log's samples to the store, from where the store stands; run it as a task."""
        self._consumer = self._new_consumer(log, commit=True)
        return self._consumer

    async def catch_up(self, log: Log, timeout_s: float) -> dict[int, int]:
        """Take in what the log had before this was called: after a restart, what was not in files yet.

        Returns the position of each partition that history stands at. What takes longer than `timeout_s` is left to
        `follow`.
        """
        partitions = range(await log.partitions(SENSORS_DATA))
        ends = {each: await log.end(SENSORS_DATA, each) for each in partitions}
        durable = {each: await self._store.position(each) for each in partitions}
        # A log that is shorter than history remembers was replaced: all that it holds is new.
        self._taken = {each: position if position <= ends[each] else 0 for each, position in durable.items()}
        if self._is_behind(ends):
            await self._follow_to(log, ends, timeout_s)
        return dict(self._taken)

    def _is_behind(self, ends: Mapping[int, int]) -> bool:
        return any(self._taken.get(partition, 0) < end for partition, end in ends.items())

    async def _follow_to(self, log: Log, ends: Mapping[int, int], timeout_s: float) -> None:
        consumer = self._new_consumer(log, commit=False)
        task = asyncio.create_task(consumer.run(), name="historian catching up")
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while not task.done() and self._is_behind(ends):
            if loop.time() > until:
                logger.warning("history is still behind the log, starting all the same", extra={"seconds": timeout_s})
                break
            await asyncio.wait((task,), timeout=_LOOK_S)
        await consumer.stop()
        await task

    def _new_consumer(self, log: Log, *, commit: bool) -> Consumer:
        """Without `commit` it is one that catches up. The other begins at what is durable, for that is what the log
        may forget before, and passes over what this process has in memory already.
        """
        have = dict(self._taken) if commit else {}

        async def write(batch: SampleBatch, position: int, partition: int) -> int:
            if position <= have.get(partition, 0):
                return await self._store.position(partition)
            batch = await self.too_old.set_aside(log, batch, position, partition)
            durable = await self._store.write(batch, position, partition)
            self._taken[partition] = position
            return durable

        limits = self._limits
        return Consumer(
            log,
            SENSORS_DATA,
            GROUP,
            write,
            start_at=self._store.position,
            commit=commit,
            limits=ConsumerLimits(
                max_records=limits.flush_records,
                max_bytes=limits.flush_bytes,
                min_interval_s=limits.flush_interval_s if commit else 0.0,
            ),
        )

    @property
    def follows(self) -> bool:
        """Whether this process writes to the store."""
        return self._consumer is not None

    async def lag(self) -> int:
        """Records that the log has and the store was not given yet; 0 where another process follows."""
        return await self._consumer.lag() if self._consumer is not None else 0

    def has_taken(self, upto: Mapping[int, int]) -> bool:
        """Whether the store was given all up to these positions, of the partitions that this process follows."""
        followed = self._consumer.positions if self._consumer is not None else {}
        return all(position >= upto.get(partition, 0) for partition, position in followed.items())

    async def durable(self, partition: int) -> int:
        """The position of a partition up to which everything is in the store for good."""
        return await self._store.position(partition)

    def device(self, organisation_id: str, device_id: str) -> DeviceInfo:
        """The device. NotFoundError when the organisation has none of that name."""
        device = self._directory.device(organisation_id, device_id)
        if device is None:
            raise unknown_device(device_id)
        return device

    @property
    def directory_version(self) -> int:
        """Grows with every change of devices and tags."""
        return self._directory.version

    def find(self, organisation_id: str, device_id: str) -> DeviceInfo | None:
        """The device, None when the organisation has none of that name."""
        return self._directory.device(organisation_id, device_id)

    def devices(self, organisation_id: str) -> Sequence[DeviceInfo]:
        """All devices of an organisation, by device id."""
        return self._directory.devices(organisation_id)

    def tags(self, device: DeviceInfo, name: str | None) -> Sequence[TagInfo]:
        """The tag of that name, or all of the device. NotFoundError when there is none."""
        if name is None:
            return device.tags
        tag = device.tag(name)
        if tag is None:
            raise NotFoundError(
                f"device {device.device_id!r} has no tag {name[:100]!r}",
                field="tag",
                cure=f"it has {', '.join(tag.name for tag in device.tags[:20]) or 'no tags yet'}",
            )
        return (tag,)

    async def read(self, tag_id: int, start: int, end: int, limit: int = 1000, newest_first: bool = False) -> Columns:
        """At most `limit` samples of a tag, oldest first unless asked otherwise."""
        return await self._store.read(tag_id, start, end, limit, newest_first)

    async def pages(self, tag_id: int, start: int, end: int) -> AsyncIterator[Columns]:
        """All samples of a range, oldest first, a bounded page at a time."""
        while True:
            page = await self._store.read(tag_id, start, end, self._limits.page_rows)
            if len(page):
                yield page
                start = int(page.timestamps[-1]) + 1
            if len(page) < self._limits.page_rows:
                return

    async def buckets(self, tag_id: int, start: int, end: int, count: int) -> Buckets:
        """The range in `count` buckets of equal width, empty ones left out."""
        return await self._store.buckets(tag_id, start, end, count)

    async def series(self, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> list[Buckets]:
        """Of each tag the buckets between these edges (µs UTC, ascending), empty ones left out."""
        return await self._store.series(tag_ids, edges)

    async def top(
        self, tag_ids: Sequence[int], start: int, end: int, statistic: TopStatistic, count: int, ascending: bool
    ) -> list[tuple[int, float]]:
        """The tags with the largest (or smallest) statistic of a range, with it."""
        return await self._store.top(tag_ids, start, end, statistic, count, ascending)

    async def rows(self, tag_ids: Sequence[int], start: int, end: int) -> int:
        """About how many samples a range holds."""
        return await self._store.rows(tag_ids, start, end)

    async def seal(self) -> None:
        """Everything that the historian was given so far is durable in its store when this returns."""
        await self._store.seal()

    async def storage(self) -> StorageReport:
        """What each tier takes, and when it is dropped."""
        return await self._store.storage()

    async def statistics(self, tag_id: int, start: int, end: int) -> Statistics | None:
        """Statistics of a range; None when it holds no usable value."""
        return await self._store.statistics(tag_id, start, end)

    async def latest(self, tag_ids: Sequence[int]) -> SampleBatch:
        """The newest sample of each of the tags that has any."""
        return await self._store.latest(tag_ids)

    async def size(self) -> StoreSize:
        """Samples held, and bytes on the disk."""
        return await self._store.size()

    async def close(self) -> None:
        """Finish the write in hand and close the store."""
        await self._store.close()


def unknown_device(device_id: str) -> NotFoundError:
    """The error for a device that the organisation does not have."""
    return NotFoundError(
        f"there is no device {device_id[:100]!r}",
        field="deviceId",
        cure="see GET /api/v1/devices for those there are",
    )
