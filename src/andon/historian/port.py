"""What every history store does, whatever it is built on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from andon.historian.model import Buckets, Columns, Statistics, StoreSize
from andon.kit.samples import SampleBatch


class HistoryStore(Protocol):
    """Samples by (tag, timestamp): the last write of a key is what it holds.

    Ranges are half open, start ≤ timestamp < end, in µs UTC. Every method may raise UnavailableError.
    """

    async def write(self, batch: SampleBatch, position: int) -> None:
        """Keep the samples and the log position they came from, both or neither; durable when it returns."""
        ...

    async def position(self) -> int:
        """The log position of the last write, 0 when there was none."""
        ...

    async def read(self, tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
        """At most `limit` samples of a tag, oldest first unless asked otherwise."""
        ...

    async def buckets(self, tag_id: int, start: int, end: int, count: int) -> Buckets:
        """The range in `count` buckets of equal width."""
        ...

    async def statistics(self, tag_id: int, start: int, end: int) -> Statistics | None:
        """Statistics of a range; None when there is nothing usable. TooLargeError over a limit."""
        ...

    async def latest(self, tag_ids: Sequence[int]) -> SampleBatch:
        """The newest sample of each tag that has any, by tag id."""
        ...

    async def size(self) -> StoreSize:
        """How much it holds."""
        ...

    async def close(self) -> None:
        """Finish the write in hand and stop."""
        ...
