"""Moving windows: a ring of time buckets per tag, each with count, sum, minimum and maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.regression import Lines, fit
from andon.engines.livestate.snapshot import WindowRing
from andon.kit.clock import US_PER_HOUR

_COUNT, _SUM, _MIN, _MAX = range(4)
_AT_A_TIME = 256


@dataclass(frozen=True, slots=True)
class WindowColumns:
    """Statistics of k tags as columns; where `count` is 0 the others mean nothing."""

    count: NDArray[np.float64]
    total: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    lines: Lines


class BucketRing:
    """The last n spans of `width_us` of every tag; a window thus reaches back between n-1 and n spans.

    A slot remembers which span of time it holds (counted from 1970), so that time running on needs no work,
    and a sample that is older than what its slot holds is known to lie outside the window.
    """

    def __init__(self, buckets: int, width_us: int, capacity: int) -> None:
        self._buckets = buckets
        self._width = width_us
        self._spans = np.zeros((capacity, buckets), np.int32)
        self._cells = np.zeros((capacity, buckets, 4), np.float64)

    def grow(self, capacity: int) -> None:
        """Make room for tag ids below `capacity`."""
        spans = np.zeros((capacity, self._buckets), np.int32)
        cells = np.zeros((capacity, self._buckets, 4), np.float64)
        spans[: len(self._spans)] = self._spans
        cells[: len(self._cells)] = self._cells
        self._spans, self._cells = spans, cells

    def forget(self, tag_id: int) -> None:
        """Empty a tag's window."""
        self._spans[tag_id] = 0

    def export(self, tags: NDArray[np.int32], now: int) -> WindowRing:
        """What the window that ends with `now` holds of these tags; rows count from 0 in their order."""
        spans = self._spans[tags]
        rows, slots = np.nonzero(spans > now // self._width - self._buckets)
        return WindowRing(
            rows.astype(np.int32), slots.astype(np.int32), spans[rows, slots], self._cells[tags[rows], slots]
        )

    def restore(self, tags: NDArray[np.int32], ring: WindowRing) -> None:
        """Take over what `export` gave."""
        self._spans[tags[ring.rows], ring.slots] = ring.spans
        self._cells[tags[ring.rows], ring.slots] = ring.cells

    def add(self, tags: NDArray[np.int32], timestamps: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Count samples that are sorted by (tag, timestamp), all finite."""
        spans = (timestamps // self._width).astype(np.int32)
        starts = _group_starts(tags, spans)
        tags, spans = tags[starts], spans[starts]
        fresh = np.empty((len(starts), 4), np.float64)
        fresh[:, _COUNT] = np.diff(starts, append=len(values))
        fresh[:, _SUM] = np.add.reduceat(values, starts)
        fresh[:, _MIN] = np.minimum.reduceat(values, starts)
        fresh[:, _MAX] = np.maximum.reduceat(values, starts)
        self._merge(tags, spans, fresh)

    def add_one(self, tag: int, timestamp: int, value: float) -> None:
        """`add` for a single sample, without the fixed cost of array operations."""
        span = timestamp // self._width
        slot = span % self._buckets
        held = int(self._spans[tag, slot])
        if span < held:
            return
        cell = self._cells[tag, slot]
        if span > held:
            cell[:] = (1.0, value, value, value)
            self._spans[tag, slot] = span
            return
        count, total, low, high = cell.tolist()
        cell[:] = (count + 1.0, total + value, value if value < low else low, value if value > high else high)

    def _merge(self, tags: NDArray[np.int32], spans: NDArray[np.int32], fresh: NDArray[np.float64]) -> None:
        slots = spans % self._buckets
        held = self._spans[tags, slots]
        same = np.flatnonzero(held == spans)
        if len(same):
            cells = self._cells[tags[same], slots[same]]
            cells[:, :2] += fresh[same, :2]
            cells[:, _MIN] = np.minimum(cells[:, _MIN], fresh[same, _MIN])
            cells[:, _MAX] = np.maximum(cells[:, _MAX], fresh[same, _MAX])
            self._cells[tags[same], slots[same]] = cells
        newer = np.flatnonzero(held < spans)
        if len(newer):
            # A batch may go round the ring; groups come in order of time and the last assignment stays.
            self._spans[tags[newer], slots[newer]] = spans[newer]
            self._cells[tags[newer], slots[newer]] = fresh[newer]

    def statistics(self, tags: NDArray[np.int64], now: int) -> WindowColumns:
        """Statistics of the window that ends with the span of `now`, for tags below the capacity."""
        # In parts whose intermediate arrays stay in the processor's cache: three times as fast as all in one.
        parts = [self._statistics(tags[at : at + _AT_A_TIME], now) for at in range(0, max(len(tags), 1), _AT_A_TIME)]
        if len(parts) == 1:
            return parts[0]
        return WindowColumns(
            np.concatenate([part.count for part in parts]),
            np.concatenate([part.total for part in parts]),
            np.concatenate([part.minimum for part in parts]),
            np.concatenate([part.maximum for part in parts]),
            Lines(*(np.concatenate(columns) for columns in zip(*(part.lines for part in parts), strict=True))),
        )

    def _statistics(self, tags: NDArray[np.int64], now: int) -> WindowColumns:
        last = now // self._width
        spans = self._spans[tags]
        cells = self._cells[tags]
        inside = (spans > last - self._buckets) & (spans <= last)
        counts = np.where(inside, cells[:, :, _COUNT], 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = np.where(inside, cells[:, :, _SUM] / cells[:, :, _COUNT], 0.0)
        hours = (spans - last).astype(np.float64) * (self._width / US_PER_HOUR)
        return WindowColumns(
            counts.sum(axis=1),
            np.where(inside, cells[:, :, _SUM], 0.0).sum(axis=1),
            np.where(inside, cells[:, :, _MIN], np.inf).min(axis=1),
            np.where(inside, cells[:, :, _MAX], -np.inf).max(axis=1),
            fit(hours, means, counts),
        )


def _group_starts(tags: NDArray[np.int32], spans: NDArray[np.int32]) -> NDArray[np.intp]:
    changes = np.empty(len(tags), np.bool_)
    changes[0] = True
    np.not_equal(tags[1:], tags[:-1], out=changes[1:])
    changes[1:] |= spans[1:] != spans[:-1]
    return np.flatnonzero(changes)
