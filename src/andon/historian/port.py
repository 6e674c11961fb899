"""What every history store does, whatever it is built on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Buckets, Columns, Statistics, StorageReport, StoreSize, TopStatistic
from andon.historian.retention import Dropped, RetentionPolicies
from andon.kit.samples import SampleBatch


class HistoryStore(Protocol):
    """Samples by (tag, timestamp): the last write of a key is what it holds.

    Ranges are half open, start ≤ timestamp < end, in µs UTC. Every method may raise UnavailableError.
    """

    async def write(self, batch: SampleBatch, position: int, partition: int = 0) -> int:
        """Take the samples in, which end at this position of the log's partition; queryable when it returns.

        Returns the position of the partition up to which everything is durable here: what the log may forget. It
        may lie before `position`; a restart goes on from there. Samples marked `PINNED` outlive retention.
        """
        ...

    async def position(self, partition: int = 0) -> int:
        """The durable position: where a restart must go on; 0 when there is none."""
        ...

    async def read(self, tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
        """At most `limit` samples of a tag, oldest first unless asked otherwise."""
        ...

    async def buckets(self, tag_id: int, start: int, end: int, count: int) -> Buckets:
        """The range in `count` buckets of equal width; the last does not reach beyond the end."""
        ...

    async def series(self, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> list[Buckets]:
        """Of each tag the buckets [edges[i], edges[i + 1]) that hold samples, in the order of `tag_ids`.

        `edges`: k + 1 ascending µs. Where the samples are gone already, a bucket holds the sums of the minutes or
        hours that begin in it.
        """
        ...

    async def statistics(self, tag_id: int, start: int, end: int) -> Statistics | None:
        """Statistics of a range; None when there is nothing usable. TooLargeError over a limit."""
        ...

    async def latest(self, tag_ids: Sequence[int]) -> SampleBatch:
        """The newest sample of each tag that has any, by tag id."""
        ...

    async def top(
        self,
        tag_ids: Sequence[int],
        start: int,
        end: int,
        statistic: TopStatistic,
        count: int,
        ascending: bool = False,
    ) -> list[tuple[int, float]]:
        """The `count` tags with the largest (or smallest) statistic of the range, with it; equal ones by tag id.

        Tags without a usable value are left out.
        """
        ...

    async def rows(self, tag_ids: Sequence[int], start: int, end: int) -> int:
        """About how many samples a range holds, for progress; exact where that is cheap."""
        ...

    async def seal(self, before: int | None = None) -> None:
        """Everything taken so far (or older than `before`) is durable when it returns."""
        ...

    async def size(self) -> StoreSize:
        """How much it holds."""
        ...

    async def storage(self) -> StorageReport:
        """What each tier takes and when it is dropped, for the storage page and metrics."""
        ...

    async def retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        """Drop what the policies no longer keep, pinned samples excepted; they hold from now on (see `storage`)."""
        ...

    async def close(self) -> None:
        """Finish the write in hand and stop; what was taken in is durable if the disk allows."""
        ...
