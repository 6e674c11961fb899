"""Which rows of a sorted file belong to which tag: kept in its metadata, so that nothing is read to find them."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

_KEY: Final = "andon.tags"


@dataclass(frozen=True, slots=True)
class TagIndex:
    """k tags, ascending: `tags` int32; `starts` int64 of length k + 1, the first row of each and the rows in all.

    `firsts` and `lasts` int64 µs: each tag's oldest and newest timestamp.
    """

    tags: NDArray[np.int32]
    starts: NDArray[np.int64]
    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.tags)

    @property
    def rows(self) -> int:
        """Rows in all."""
        return int(self.starts[-1])

    def metadata(self) -> dict[str, str]:
        """As an entry of a Parquet file's metadata."""
        counts = np.diff(self.starts)
        columns = (self.tags.astype("<i8"), counts.astype("<i8"), self.firsts.astype("<i8"), self.lasts.astype("<i8"))
        # Differences of neighbours are small numbers, which compress to a few bytes a tag.
        packed = np.concatenate([np.diff(column, prepend=0) for column in columns])
        shuffled = packed.view(np.uint8).reshape(-1, 8).T.tobytes()
        return {_KEY: base64.b85encode(zlib.compress(shuffled, 6)).decode()}

    @staticmethod
    def from_metadata(meta: Mapping[str, str]) -> TagIndex:
        """What `metadata` made. ValueError when it is not there."""
        if _KEY not in meta:
            raise ValueError("not a file of history: it has no index of tags")
        shuffled = np.frombuffer(zlib.decompress(base64.b85decode(meta[_KEY])), np.uint8)
        packed = np.ascontiguousarray(shuffled.reshape(8, -1).T).view("<i8").reshape(4, -1)
        tags, counts, firsts, lasts = packed.cumsum(axis=1)
        return TagIndex(tags.astype(np.int32), np.concatenate(([0], np.cumsum(counts))), firsts, lasts)

    def ranges(self, tag_ids: NDArray[np.int32] | None, start: int, end: int) -> list[tuple[int, int]]:
        """Row ranges (first, end), ascending, of these tags (None: of all) as far as they have rows in that time.

        Neighbours are one range. Rows outside the time may be among them.
        """
        wanted = (self.firsts < end) & (self.lasts >= start)
        if tag_ids is not None:
            wanted &= np.isin(self.tags, tag_ids)
        at = np.flatnonzero(wanted)
        if not len(at):
            return []
        cuts = np.flatnonzero(np.diff(at) > 1)
        first, last = at[np.append(0, cuts + 1)], at[np.append(cuts, len(at) - 1)]
        return list(zip(self.starts[first].tolist(), self.starts[last + 1].tolist(), strict=True))

    def chunks(self, max_rows: int) -> Iterator[tuple[int, int]]:
        """Row ranges of at most `max_rows`, of whole tags where they are not larger than that."""
        at = 0
        while at < self.rows:
            end = int(self.starts[np.searchsorted(self.starts, at + max_rows, "right") - 1])
            end = end if end > at else min(at + max_rows, self.rows)
            yield at, end
            at = end


@dataclass(slots=True)
class TagIndexBuilder:
    """Collects an index while sorted rows pass by."""

    _tags: list[NDArray[np.int32]] = field(default_factory=list)
    _counts: list[NDArray[np.int64]] = field(default_factory=list)
    _firsts: list[NDArray[np.int64]] = field(default_factory=list)
    _lasts: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, tag_ids: NDArray[np.int32], timestamps: NDArray[np.int64]) -> None:
        """More rows, sorted by (tag, timestamp), behind the last ones. ValueError when they are not behind them."""
        if not len(tag_ids):
            return
        starts = np.flatnonzero(np.diff(tag_ids, prepend=tag_ids[0] - 1))
        counts = np.diff(starts, append=len(tag_ids))
        tags, firsts, lasts = tag_ids[starts], timestamps[starts], timestamps[starts + counts - 1]
        if self._tags and tags[0] <= self._tags[-1][-1]:
            if tags[0] < self._tags[-1][-1] or firsts[0] <= self._lasts[-1][-1]:
                raise ValueError("rows must be sorted by (tag, timestamp), each once")
            self._counts[-1][-1] += counts[0]
            self._lasts[-1][-1] = lasts[0]
            tags, counts, firsts, lasts = tags[1:], counts[1:], firsts[1:], lasts[1:]
        if len(tags):
            self._tags.append(tags)
            self._counts.append(counts)
            self._firsts.append(firsts)
            self._lasts.append(lasts)

    def build(self) -> TagIndex:
        """The index of all rows so far."""
        if not self._tags:
            none = np.empty(0, np.int64)
            return TagIndex(none.astype(np.int32), np.zeros(1, np.int64), none, none)
        starts = np.concatenate(([0], np.cumsum(np.concatenate(self._counts))))
        return TagIndex(np.concatenate(self._tags), starts, np.concatenate(self._firsts), np.concatenate(self._lasts))
