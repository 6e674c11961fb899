"""Which rows of a sorted file belong to which tag: kept in its metadata, so that nothing is read to find them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.stores.columnar.packed import pack, unpack

_TAGS: Final = "andon.tags"


@dataclass(frozen=True, slots=True)
class TagIndex:
    """k tags, ascending: `tags` int32; `starts` int64 of length k + 1, the first row of each and the rows in all.

    `firsts` and `lasts` int64 µs: each tag's oldest and newest time.
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

    @property
    def times(self) -> tuple[int, int]:
        """Oldest and newest time of all, µs; 0 and 0 when there is none."""
        return (int(self.firsts.min()), int(self.lasts.max())) if len(self) else (0, 0)

    def metadata(self) -> dict[str, str]:
        """As an entry of a Parquet file's metadata."""
        return {_TAGS: pack((self.tags.astype(np.int64), np.diff(self.starts), self.firsts, self.lasts))}

    @staticmethod
    def from_metadata(meta: Mapping[str, str]) -> TagIndex:
        """What `metadata` made. ValueError when it is not there."""
        if _TAGS not in meta:
            raise ValueError("not a file of history: it has no index of tags")
        tags, counts, firsts, lasts = unpack(meta[_TAGS], 4)
        return TagIndex(tags.astype(np.int32), _starts(counts), firsts, lasts)

    def tags_of(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """The tag of each of some rows."""
        return self.tags[self.starts.searchsorted(rows, "right") - 1]

    def about(self, tags: NDArray[np.int32], start: int, end: int) -> NDArray[np.float64]:
        """About how many rows each of these tags (ascending, each once) has in that time, as if spread evenly."""
        _, at, place = np.intersect1d(self.tags, tags, assume_unique=True, return_indices=True)
        firsts, lasts = self.firsts[at], self.lasts[at]
        inside = np.minimum(lasts, end - 1) - np.maximum(firsts, start) + 1
        found = np.zeros(len(tags))
        found[place] = np.diff(self.starts)[at] * np.clip(inside / (lasts - firsts + 1), 0.0, 1.0)
        return found

    def ranges(self, tag_ids: NDArray[np.int32] | None, start: int, end: int) -> list[tuple[int, int]]:
        """Row ranges (first, end), ascending, of these tags (None: of all) as far as they have rows in that time.

        Neighbours are one range. Rows outside the time may be among them.
        """
        if tag_ids is not None and len(tag_ids) == 1:
            return self._range_of(int(tag_ids[0]), start, end)
        wanted = (self.firsts < end) & (self.lasts >= start)
        if tag_ids is not None:
            wanted &= np.isin(self.tags, tag_ids)
        at = np.flatnonzero(wanted)
        if not len(at):
            return []
        cuts = np.flatnonzero(np.diff(at) > 1)
        first, last = at[np.append(0, cuts + 1)], at[np.append(cuts, len(at) - 1)]
        return list(zip(self.starts[first].tolist(), self.starts[last + 1].tolist(), strict=True))

    def _range_of(self, tag_id: int, start: int, end: int) -> list[tuple[int, int]]:
        """The same of one tag, which is what charts ask for."""
        at = int(self.tags.searchsorted(tag_id))
        if at == len(self) or self.tags[at] != tag_id or self.firsts[at] >= end or self.lasts[at] < start:
            return []
        return [(int(self.starts[at]), int(self.starts[at + 1]))]

    def chunks(self, max_rows: int) -> Iterator[tuple[int, int]]:
        """Row ranges of at most `max_rows`, of whole tags where they are not larger than that."""
        at = 0
        while at < self.rows:
            end = int(self.starts[np.searchsorted(self.starts, at + max_rows, "right") - 1])
            end = end if end > at else min(at + max_rows, self.rows)
            yield at, end
            at = end


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))


@dataclass(slots=True)
class TagIndexBuilder:
    """Collects an index while sorted rows pass by."""

    _tags: list[NDArray[np.int32]] = field(default_factory=list)
    _counts: list[NDArray[np.int64]] = field(default_factory=list)
    _firsts: list[NDArray[np.int64]] = field(default_factory=list)
    _lasts: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, tag_ids: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """More rows, sorted by (tag, time) and behind the last ones. ValueError when they are not."""
        if not len(tag_ids):
            return
        changes = tag_ids[1:] != tag_ids[:-1]
        if not (changes | (times[1:] > times[:-1])).all():
            raise ValueError("rows must be sorted by (tag, time), each once")
        starts = np.append(0, np.flatnonzero(changes) + 1)
        counts = np.diff(starts, append=len(tag_ids))
        tags, firsts, lasts = tag_ids[starts], times[starts], times[starts + counts - 1]
        if (tags[1:] < tags[:-1]).any():
            raise ValueError("rows must be sorted by tag")
        if self._tags and tags[0] <= self._tags[-1][-1]:
            self._prolong(int(tags[0]), int(counts[0]), int(firsts[0]), int(lasts[0]))
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
        return TagIndex(
            np.concatenate(self._tags),
            _starts(np.concatenate(self._counts)),
            np.concatenate(self._firsts),
            np.concatenate(self._lasts),
        )

    def _prolong(self, tag: int, count: int, first: int, last: int) -> None:
        """The last tag goes on."""
        if tag < self._tags[-1][-1] or first <= self._lasts[-1][-1]:
            raise ValueError("rows must be sorted by (tag, time), each once")
        self._counts[-1][-1] += count
        self._lasts[-1][-1] = last
