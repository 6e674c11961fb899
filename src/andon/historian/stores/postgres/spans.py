"""Spans of time as arrays: clipped, widened, taken from each other. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Intervals = NDArray[np.int64]
"""Spans of time, int64[n, 2] in µs: start, and end, not included. Ascending, without overlap."""


def interval(start: int, end: int) -> Intervals:
    """One span; none when it is empty."""
    return np.array([[start, end]] if start < end else [], np.int64).reshape(-1, 2)


def clipped(spans: Intervals, low: int | None = None, high: int | None = None) -> Intervals:
    """What of the spans lies in [low, high)."""
    found = np.clip(spans, low, high) if low is not None or high is not None else spans
    return found[found[:, 0] < found[:, 1]]


def widened(spans: Intervals, width: int) -> Intervals:
    """The spans, made to begin and end at multiples of `width`; those that meet become one."""
    return united(np.stack((spans[:, 0] // width * width, -(-spans[:, 1] // width) * width), axis=1))


def united(spans: Intervals) -> Intervals:
    """Ascending spans that may overlap or touch, as ones that do not."""
    if not len(spans):
        return spans
    ends = np.maximum.accumulate(spans[:, 1])
    first = np.append(True, spans[1:, 0] > ends[:-1])
    last = np.append(first[1:], True)
    return np.stack((spans[first, 0], ends[last]), axis=1)


def without(spans: Intervals, starts: NDArray[np.int64], width: int) -> Intervals:
    """The spans less [start, start + width) of each of the ascending starts, which lie in them."""
    if not len(starts) or not len(spans):
        return spans
    cuts = np.concatenate((spans[:, 0], starts + width))
    ends = np.concatenate((spans[:, 1], starts))
    return _nonempty(np.stack((np.sort(cuts), np.sort(ends)), axis=1))


def blocks(starts: NDArray[np.int64], width: int) -> Intervals:
    """[start, start + width) of each of the ascending starts; those that touch become one."""
    return united(np.stack((starts, starts + width), axis=1))


def inside(spans: Intervals, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask of the moments that lie in one of the spans."""
    if not len(spans):
        return np.zeros(len(at), np.bool_)
    index = np.searchsorted(spans[:, 0], at, "right") - 1
    return np.asarray((index >= 0) & (at < spans[index, 1]))


def _nonempty(spans: Intervals) -> Intervals:
    return spans[spans[:, 0] < spans[:, 1]]
