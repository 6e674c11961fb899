"""Runs of neighbouring rows, and what is reckoned for each of them. A run is given by the index of its first row."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", np.float64, np.int64, np.uint8)


def run_starts(*columns: NDArray[np.int32] | NDArray[np.int64] | NDArray[np.intp]) -> NDArray[np.intp]:
    """Index of the first row of each run of rows that are equal in all columns."""
    if not len(columns[0]):
        return np.empty(0, np.intp)
    differ = np.zeros(len(columns[0]), np.bool_)
    differ[0] = True
    for column in columns:
        differ[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(differ)


def sums(column: NDArray[np.bool_] | NDArray[np.int64], starts: NDArray[np.intp]) -> NDArray[np.int64]:
    """Sum of each run."""
    return np.add.reduceat(column, starts, dtype=np.int64) if len(starts) else np.empty(0, np.int64)


def reduced(ufunc: np.ufunc, column: NDArray[N], starts: NDArray[np.intp]) -> NDArray[N]:
    """What a function such as `np.minimum` makes of each run."""
    return np.asarray(ufunc.reduceat(column, starts)) if len(starts) else column[:0]


def spread(found: NDArray[N], where: NDArray[np.bool_], otherwise: float) -> NDArray[N]:
    """One entry per run: what was found where there is something, else `otherwise`."""
    if where.all():
        return found
    out = np.full(len(where), otherwise, found.dtype)
    out[where] = found
    return out


def latest(times: NDArray[np.int64], starts: NDArray[np.intp], sizes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Index of the greatest time of each run of this size: the rows of one span may interleave."""
    owner = np.repeat(np.arange(len(starts)), sizes)
    at = np.flatnonzero(times == reduced(np.maximum, times, starts)[owner])
    return at[np.searchsorted(owner[at], np.arange(len(starts)), "right") - 1]
