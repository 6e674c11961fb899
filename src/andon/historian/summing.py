"""Samples of one tag summed up in buckets. Pure numpy: no loop over samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Buckets, Columns, usable
from andon.kit.quality import Quality

_F = NDArray[np.float64]


def sum_up(columns: Columns, edges: NDArray[np.int64], width_us: int = 0) -> Buckets:
    """The buckets [edges[i], edges[i + 1]) of samples in the order of time; those outside the edges do not count."""
    cuts = np.searchsorted(columns.timestamps, edges)
    held = np.flatnonzero(cuts[1:] > cuts[:-1])
    first, stop = cuts[held], cuts[held + 1]
    if not len(held):
        return _nothing(width_us)
    inside = slice(int(first[0]), int(stop[-1]))
    values, qualities = columns.values[inside], columns.qualities[inside]
    starts = first - first[0]
    good = np.add.reduceat((qualities >= Quality.GOOD).astype(np.int64), starts)
    worst = np.minimum.reduceat(qualities, starts)
    used = usable(values, qualities)
    counts = np.add.reduceat(used.astype(np.int64), starts)
    some = np.flatnonzero(counts)
    figures = np.full((6, len(held)), np.nan)
    if len(some):
        figures[:, some] = _figures(values[used], counts[some])
    low, high, means, firsts, lasts, sds = figures
    return Buckets(
        width_us, edges[held], counts, low, high, means, firsts, lasts, worst, sds, good_shares=good / (stop - first)
    )


def _figures(values: _F, counts: NDArray[np.int64]) -> tuple[_F, ...]:
    """(min, max, mean, first, last, sd) of successive runs of values, none of them empty."""
    ends = np.cumsum(counts)
    starts = ends - counts
    with np.errstate(over="ignore", invalid="ignore"):
        means = np.add.reduceat(values, starts) / counts
        squares = np.add.reduceat(np.square(values - np.repeat(means, counts)), starts)
        sds = np.where(counts > 1, np.sqrt(squares / np.maximum(counts - 1, 1)), 0.0)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    return low, high, means, values[starts], values[ends - 1], sds


def _nothing(width_us: int) -> Buckets:
    none = np.empty(0)
    whole = np.empty(0, np.int64)
    return Buckets(width_us, whole, whole, none, none, none, none, none, np.empty(0, np.uint8), none, none)
