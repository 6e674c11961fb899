"""Fewer points that look the same, and buckets without samples. Pure.

`lttb` and `minmax` choose points, they never make any: both return indices into what they were given, ascending.
A value of NaN is a gap: where the curve breaks off, a NaN is among the chosen points, so that a chart breaks off, too.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Values = NDArray[np.float64]
Indices = NDArray[np.intp]
Fill = Literal["none", "null", "previous", "linear"]

_POINTS_OF_A_GAP: Final = 4  # the ends of the curve beside it, its mark, and one to spare


def lttb(timestamps: Times, values: Values, n: int) -> Indices:
    """At most `n` (at least 2) points by Largest Triangle Three Buckets (Steinarsson, 2013).

    The first and the last point are among them. Of the gaps, the longest are kept when there is no room for all.
    """
    if len(values) <= n:
        return np.arange(len(values))
    ends = np.array([0, len(values) - 1])
    present = np.flatnonzero(~np.isnan(values))
    marks, segments = _segments(timestamps, present, max(n - 2, 0) // _POINTS_OF_A_GAP)
    kept = np.union1d(ends, marks)
    room = n - len(kept) if len(present) else 0
    chosen = [kept]
    for segment, share in zip(segments, _shares(segments, room + _shared(segments, kept)), strict=True):
        chosen.append(segment[_lttb(timestamps[segment], values[segment], share)])
    return np.unique(np.concatenate(chosen))


def minmax(timestamps: Times, values: Values, n: int) -> Indices:
    """At most `n` (at least 4) points: the least and the greatest value of each of equal spans of time, and the ends.

    No extreme is lost. A span in which nothing but gaps lies is a gap.
    """
    count = len(values)
    if count <= n:
        return np.arange(count)
    spans = max((n - 2) // 2, 1)
    begin, length = int(timestamps[0]), int(timestamps[-1]) - int(timestamps[0]) + 1
    edges = np.array([begin + length * i // spans for i in range(spans)], np.int64)
    starts = np.unique(np.searchsorted(timestamps, edges))
    starts = starts[starts < count]
    absent = np.isnan(values)
    owner = np.zeros(count, np.intp)
    owner[starts[1:]] = 1
    owner = np.cumsum(owner)
    lowest = np.minimum.reduceat(np.where(absent, np.inf, values), starts)
    highest = np.maximum.reduceat(np.where(absent, -np.inf, values), starts)
    empty = np.logical_and.reduceat(absent, starts)
    return np.unique(
        np.concatenate(
            (
                [0, count - 1],
                _first_of_each(owner, values == lowest[owner]),
                _first_of_each(owner, values == highest[owner]),
                _first_of_each(owner, empty[owner]),
            )
        )
    )


def filled(starts: Times, values: Values, grid: Times, mode: Fill) -> tuple[Times, Values]:
    """Values of buckets at every start of a `grid` that contains their own (all ascending µs).

    `none`: as they are; `null`: NaN where there is no bucket; `previous`: the last value that there was; `linear`: on
    the line from the value before to the value after. Nothing is filled before the first value, nor by `linear` after
    the last. A bucket whose value is NaN is filled like one that is not there.
    """
    if mode == "none":
        return starts, values
    spread = np.full(len(grid), np.nan)
    spread[np.searchsorted(grid, starts)] = values
    present = np.flatnonzero(~np.isnan(spread))
    if mode == "null" or not len(present):
        return grid, spread
    if mode == "linear":
        since = (grid - grid[0]).astype(np.float64)
        spread = np.interp(since, since[present], spread[present], np.nan, np.nan)
        return grid, spread
    before = np.searchsorted(present, np.arange(len(grid)), "right") - 1
    return grid, np.where(before >= 0, spread[present[np.maximum(before, 0)]], np.nan)


def _segments(timestamps: Times, present: Indices, most: int) -> tuple[Indices, list[Indices]]:
    """Runs of present points, parted at the `most` longest gaps, and a point of each of those gaps."""
    breaks = np.flatnonzero(np.diff(present) > 1)
    if len(breaks) > most:
        lengths = timestamps[present[breaks + 1]] - timestamps[present[breaks]]
        breaks = np.sort(breaks[np.argsort(lengths, kind="stable")[len(breaks) - most :]])
    return present[breaks] + 1, [run for run in np.split(present, breaks + 1) if len(run)]


def _shared(segments: list[Indices], kept: Indices) -> int:
    """Ends of segments that are kept already."""
    ends = {int(index) for run in segments for index in (run[0], run[-1])}
    return len(ends.intersection(kept.tolist()))


def _shares(segments: list[Indices], room: int) -> list[int]:
    """Points for each segment: its two ends, and of the rest as its length has it."""
    least = [min(len(run), 2) for run in segments]
    spare = max(room - sum(least), 0)
    inner = [len(run) - few for run, few in zip(segments, least, strict=True)]
    total = max(sum(inner), 1)
    return [few + min(spare * more // total, more) for few, more in zip(least, inner, strict=True)]


def _lttb(timestamps: Times, values: Values, n: int) -> Indices:
    """Exactly min(n, length) points of a curve without gaps."""
    count = len(values)
    if n >= count:
        return np.arange(count)
    if n <= 2:
        return np.array([0, count - 1])[:n]
    x = (timestamps - timestamps[0]).astype(np.float64)
    edges = 1 + np.arange(n - 1) * (count - 2) // (n - 2)
    sizes = np.diff(edges)
    chosen = np.empty(n, np.intp)
    chosen[0], chosen[-1] = 0, count - 1
    with np.errstate(over="ignore", invalid="ignore"):
        next_x = np.append(np.add.reduceat(x[:-1], edges[:-1])[1:] / sizes[1:], x[-1])
        next_y = np.append(np.add.reduceat(values[:-1], edges[:-1])[1:] / sizes[1:], values[-1])
        at = 0
        for bucket in range(n - 2):
            low, high = edges[bucket], edges[bucket + 1]
            dx, dy = x[at] - next_x[bucket], next_y[bucket] - values[at]
            area = np.abs(dx * (values[low:high] - values[at]) - (x[at] - x[low:high]) * dy)
            at = int(low + area.argmax())
            chosen[bucket + 1] = at
    return chosen


def _first_of_each(owner: Indices, wanted: NDArray[np.bool_]) -> Indices:
    """The first wanted index of each owner that has one."""
    at = np.flatnonzero(wanted)
    return at[np.unique(owner[at], return_index=True)[1]]
