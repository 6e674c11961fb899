"""Sums of samples that the tiers do not know yet, and how they are added to what the tiers know.

Sums may be added when the samples behind them follow each other in time. Where they overlap, as after a duplicate or
a late sample, only the samples themselves tell: those keys are given back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.rollup import TierRows, combined_runs, concatenated, rollup
from andon.historian.stores.columnar.planner import US_PER_MINUTE, Intervals, inside
from andon.historian.stores.columnar.sorting import of_tags, order_of
from andon.kit.clock import US_PER_HOUR
from andon.kit.samples import SampleBatch

_MANY_TAGS: Final = 64
_SPAN_BITS: Final = 32
LOW: Final = (1 << _SPAN_BITS) - 1
WIDTHS: Final = {"minute": US_PER_MINUTE, "hour": US_PER_HOUR}

Keys = NDArray[np.int64]
"""Tag and number of a minute or an hour since 1970 in one: ascending, each once."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """Sums of spans of one width, by tag, then start; `firsts`, `lasts`: the outermost of all samples of each, µs."""

    rows: TierRows
    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]

    @staticmethod
    def of(batch: SampleBatch, width: int) -> Fresh:
        """Sums of a sorted batch."""
        rows = rollup(batch, width)
        ends = np.cumsum(rows.totals)
        return Fresh(rows, batch.timestamps[ends - rows.totals], batch.timestamps[ends - 1])

    def take(self, wanted: NDArray[np.bool_]) -> Fresh:
        """Some of them."""
        if wanted.all():
            return self
        return Fresh(self.rows.take(wanted), self.firsts[wanted], self.lasts[wanted])


class Summing:
    """A sorted batch whose sums are remembered once somebody asked about many tags."""

    __slots__ = ("_sums", "batch", "max_time", "min_time")

    def __init__(self, batch: SampleBatch) -> None:
        self.batch = batch
        self.min_time, self.max_time = int(batch.timestamps.min()), int(batch.timestamps.max())
        self._sums: dict[int, Fresh] = {}

    def sums(self, tags: NDArray[np.int32], width: int, intervals: Intervals) -> Fresh:
        """Sums of the spans that begin in the intervals, which hold whole spans only."""
        start, end = int(intervals[0, 0]), int(intervals[-1, 1])
        found = self._sums.get(width)
        if found is None and len(tags) < _MANY_TAGS:
            some = Fresh.of(of_tags(self.batch, tags, start, end), width)
            return some.take(inside(intervals, some.rows.starts))
        if found is None:
            found = self._sums[width] = Fresh.of(self.batch, width)
        wanted = inside(intervals, found.rows.starts)
        return found.take(wanted & np.isin(found.rows.tag_ids, tags))


def added(
    known: Iterable[TierRows],
    fresh: Sequence[Fresh],
    width: int,
    gone: int,
    settle: Callable[[TierRows], TierRows] = lambda rows: rows,
) -> tuple[TierRows, Keys]:
    """Sums of a tier together with fresh ones, and the keys for which they cannot be added; those are left out.

    A sum of the tier that begins before `gone` stands for samples that are dropped: fresh samples take its place.
    `settle` is asked about those that nothing fresh is added to; it may make fewer of them.
    """
    some = [each for each in fresh if len(each.rows)]
    if not some:
        return in_order(concatenated([settle(rows) for rows in known])), np.empty(0, np.int64)
    found, waiting = [], []
    for rows in known:
        touched = _touched(rows, some, width)
        found.append(settle(rows.take(~touched)))
        waiting.append(rows.take(touched))
    more, clashing = _together(concatenated(waiting), some, width, gone)
    return in_order(concatenated([*found, more])), clashing


def _touched(known: TierRows, fresh: Sequence[Fresh], width: int) -> NDArray[np.bool_]:
    """Which of a tier's sums are of spans that have fresh ones."""
    keys = keys_of_rows(known, width)
    found = np.zeros(len(keys), np.bool_)
    for each in fresh:
        wanted = keys_of_rows(each.rows, width)
        at = np.searchsorted(keys, wanted)
        at, wanted = at[at < len(keys)], wanted[at < len(keys)]
        found[at[keys[at] == wanted]] = True
    return found


def _together(known: TierRows, fresh: Sequence[Fresh], width: int, gone: int) -> tuple[TierRows, Keys]:
    rows = concatenated([known, *(each.rows for each in fresh)])
    firsts = np.concatenate([known.first_ats, *(each.firsts for each in fresh)])
    lasts = np.concatenate([known.last_ats, *(each.lasts for each in fresh)])
    # What the tier says of times is of used samples only.
    unknown = np.zeros(len(rows), np.bool_)
    unknown[: len(known)] = (known.counts != known.totals) | (known.starts < gone)
    order = np.lexsort((firsts, rows.starts, rows.tag_ids))
    rows, firsts, lasts, unknown = rows.take(order), firsts[order], lasts[order], unknown[order]
    keys = keys_of_rows(rows, width)
    same = keys[1:] == keys[:-1]
    clash = same & ((firsts[1:] <= lasts[:-1]) | unknown[1:] | unknown[:-1])
    clashing = np.unique(keys[1:][clash])
    if len(clashing):
        kept = ~np.isin(keys, clashing)
        rows, keys = rows.take(kept), keys[kept]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, np.intp)
    return (rows if len(starts) == len(rows) else combined_runs(rows, starts)), clashing


def in_order(rows: TierRows) -> TierRows:
    """By tag, then start."""
    return rows.take(order_of(rows.tag_ids, rows.starts))


def keys_of(tags: NDArray[np.int32], moments: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Keys of the spans of a width that moments of tags lie in."""
    return np.asarray((tags.astype(np.int64) << _SPAN_BITS) | (moments // width))


def keys_of_samples(batch: SampleBatch, width: int, *, unique: bool = True) -> Keys:
    """Keys of the spans of a width that the samples of a sorted batch lie in; of every sample if not `unique`."""
    keys = keys_of(batch.tag_ids, batch.timestamps, width)
    return keys[np.append(True, keys[1:] != keys[:-1])] if unique and len(keys) else keys


def keys_of_rows(rows: TierRows, width: int) -> NDArray[np.int64]:
    """Keys of the spans of a width that rows begin in."""
    return keys_of(rows.tag_ids, rows.starts, width)


def union(keys: Sequence[Keys]) -> Keys:
    """All keys."""
    return np.unique(np.concatenate(keys)) if keys else np.empty(0, np.int64)


def tags_of_keys(keys: Keys) -> NDArray[np.int32]:
    """The tags, ascending, each once."""
    return np.unique(keys >> _SPAN_BITS).astype(np.int32)


def by_span(keys: Keys) -> list[tuple[int, NDArray[np.int32]]]:
    """(number of a span, tags) for each span."""
    spans = keys & LOW
    return [(span, tags_of_keys(keys[spans == span])) for span in np.unique(spans).tolist()]


def without(rows: TierRows, width: int, keys: Keys) -> TierRows:
    """The rows that are not of these keys."""
    if not len(keys) or not len(rows):
        return rows
    return rows.take(~np.isin(keys_of_rows(rows, width), keys))
