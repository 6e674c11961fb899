"""Which part of a question is answered from which tier: whole hours, whole minutes, and samples at the edges. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.kit.clock import US_PER_HOUR, US_PER_S

US_PER_MINUTE: Final = 60 * US_PER_S
_MANY_PIECES: Final = 48
_NARROW: Final = 15 * US_PER_MINUTE

Intervals = NDArray[np.int64]
"""k rows of (start, end), half open, ascending, none empty, none overlapping."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The range cut into pieces that lie within one bucket each, by the tier that answers them."""

    hours: Intervals
    minutes: Intervals
    samples: Intervals


def plan(edges: NDArray[np.int64]) -> Plan:
    """A plan for buckets between ascending edges."""
    whole = np.column_stack((edges[:-1], edges[1:]))
    whole = whole[whole[:, 0] < whole[:, 1]]
    hours, rest = _cut(whole, US_PER_HOUR)
    minutes, samples = _cut(rest, US_PER_MINUTE)
    if len(samples) > _MANY_PIECES and _narrow(whole):
        # Each file would be read for its samples anyway.
        return Plan(_none(), _none(), whole[[0, -1], [0, 1]].reshape(1, 2))
    return Plan(_joined(hours), _joined(minutes), _joined(samples))


def minutes_only(start: int, end: int) -> Plan:
    """The minutes that begin in a range."""
    first, last = (-(-at // US_PER_MINUTE) * US_PER_MINUTE for at in (start, end))
    whole = np.array([[first, last]], np.int64) if first < last else _none()
    return Plan(_none(), whole, _none())


def inside(intervals: Intervals, moments: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask of the moments that lie in any of the intervals."""
    if not len(intervals):
        return np.zeros(len(moments), np.bool_)
    place = np.searchsorted(intervals[:, 0], moments, "right") - 1
    return np.asarray((place >= 0) & (moments < intervals[place, 1]))


def overlapping(intervals: Intervals, start: int, end: int) -> Intervals:
    """The intervals' parts in [start, end)."""
    some = intervals[(intervals[:, 0] < end) & (intervals[:, 1] > start)]
    # As np.clip, which takes ten times as long for a few.
    return np.minimum(np.maximum(some, start), end)


def widened(intervals: Intervals, width: int) -> Intervals:
    """The intervals, each extended to whole spans of a width."""
    if not len(intervals):
        return intervals
    wide = np.column_stack((intervals[:, 0] // width, -(-intervals[:, 1] // width))) * width
    ends = np.maximum.accumulate(wide[:, 1])
    wide[1:, 0] = np.maximum(wide[1:, 0], ends[:-1])
    return _joined(wide[wide[:, 0] < wide[:, 1]])


def _cut(whole: Intervals, width: int) -> tuple[Intervals, Intervals]:
    """The whole spans of a width in each interval, and what is left of it on both sides."""
    first = -(-whole[:, 0] // width) * width
    last = whole[:, 1] // width * width
    has = first < last
    left = np.column_stack((whole[:, 0], np.where(has, first, whole[:, 1])))
    right = np.column_stack((last, whole[:, 1]))[has]
    rest = np.concatenate((left, right))
    return np.column_stack((first, last))[has], _sorted(rest[rest[:, 0] < rest[:, 1]])


def _joined(intervals: Intervals) -> Intervals:
    """Neighbours that touch as one."""
    if len(intervals) < 2:
        return intervals
    apart = intervals[1:, 0] > intervals[:-1, 1]
    return np.column_stack((intervals[np.append(True, apart), 0], intervals[np.append(apart, True), 1]))


def _sorted(intervals: Intervals) -> Intervals:
    return intervals[np.argsort(intervals[:, 0], kind="stable")]


def _narrow(whole: Intervals) -> bool:
    return bool((whole[:, 1] - whole[:, 0]).mean() < _NARROW)


def _none() -> Intervals:
    return np.empty((0, 2), np.int64)
