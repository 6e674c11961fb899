"""Means over the last minute of many signals at once. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from andon.kit.clock import US_PER_S
from andon.kit.samples import SampleBatch

WINDOW_S = 60


class MovingMeans:
    """A ring of 60 one-second buckets for each tag. Samples of other tags, bad or older ones do not count."""

    def __init__(self, tags: NDArray[np.int32]) -> None:
        self.tags = np.sort(tags)
        shape = (len(tags), WINDOW_S)
        self._sums = np.zeros(shape)
        self._counts = np.zeros(shape, np.int64)
        self._seconds = np.full(shape, -WINDOW_S, np.int64)
        self._fresh = np.zeros(len(tags), np.bool_)

    def add(self, batch: SampleBatch, now: int) -> None:
        """Take good samples of the last minute in; `now` in µs UTC."""
        if not len(self.tags):
            return
        now_s = now // US_PER_S
        row = np.minimum(np.searchsorted(self.tags, batch.tag_ids), len(self.tags) - 1)
        second = batch.timestamps // US_PER_S
        counts = (self.tags[row] == batch.tag_ids) & batch.usable() & np.isfinite(batch.values)
        counts &= (second > now_s - WINDOW_S) & (second <= now_s)
        row, second, values = row[counts], second[counts], batch.values[counts]
        slot = second % WINDOW_S
        old = self._seconds[row, slot] < second
        self._sums[row[old], slot[old]] = 0.0
        self._counts[row[old], slot[old]] = 0
        self._seconds[row[old], slot[old]] = second[old]
        np.add.at(self._sums, (row, slot), values)
        np.add.at(self._counts, (row, slot), 1)
        self._fresh[row] = True

    def take(self, now: int) -> list[tuple[int, float, int]]:
        """`(tag id, mean, number of samples)` of the last minute for the tags that had a sample since the last call."""
        rows = np.flatnonzero(self._fresh)
        self._fresh[:] = False
        inside = self._seconds[rows] > now // US_PER_S - WINDOW_S
        counts = np.where(inside, self._counts[rows], 0).sum(axis=1)
        sums = np.where(inside, self._sums[rows], 0.0).sum(axis=1)
        found = zip(self.tags[rows].tolist(), sums.tolist(), counts.tolist(), strict=True)
        return [(tag, total / count, count) for tag, total, count in found if count]
