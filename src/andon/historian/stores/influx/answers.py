"""What InfluxDB answers about buckets, put together as rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.historian.rollup import TierRows
from andon.historian.stores.influx import queries
from andon.historian.stores.influx.client import Series
from andon.historian.stores.influx.lines import TEXT_KIND
from andon.historian.stores.influx.tier_queries import FIGURES

_ENDS: Final = {"min": -np.inf, "max": np.inf}


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of equal `width` from `start` on; width 0: a single one."""

    start: int
    end: int
    width: int

    @property
    def window(self) -> str:
        """It in InfluxQL."""
        return queries.window(self.width, self.start) if self.width else ""


def grids_of(edges: NDArray[np.int64], most: int) -> list[Grid]:
    """One grid that all edges lie on, when it has not too many windows; else each bucket by itself."""
    start, end = int(edges[0]), int(edges[-1])
    if len(edges) == 2:
        return [Grid(start, end, 0)]
    widths = np.diff(edges)
    first = int(widths[0])
    even = bool((widths[:-1] == first).all()) and int(widths[-1]) <= first
    width = first if even else int(np.gcd.reduce(widths))
    if (end - start) // width <= most:
        return [Grid(start, end, width)]
    return [Grid(int(a), int(b), 0) for a, b in pairwise(edges)]


class Parts(NamedTuple):
    """Answers about one series: qualities, the named figures, how many are not good, the worst where kinds mix."""

    names: Sequence[str]
    totals: Series
    figures: Series | None
    not_good: Series | None
    worst: Series | None


def bounds(found: Iterable[Series]) -> tuple[int, int]:
    """The least and the greatest quality of all."""
    rows = [row for series in found for row in series.values]
    return min(row[2] for row in rows), max(row[3] for row in rows)


def by_tags(found: Sequence[Series]) -> dict[tuple[str, ...], Series]:
    """Series by the values of their tags."""
    return {queries.tags_of(series): series for series in found}


def rows_of(tag: int, parts: Parts, grid: Grid, order: int) -> TierRows:
    """One row a window. `order`: of a tag's stretches that meet in a window."""
    table = np.array([row[1:] for row in parts.totals.values], np.int64).reshape(-1, 3)
    times = _starts(parts.totals, grid)
    count = len(times)
    figures = dict.fromkeys(FIGURES, np.full(count, np.nan))
    # A mean is kept between minimum and maximum when rows are combined: those that were not asked must not matter.
    figures |= {name: np.full(count, end) for name, end in _ENDS.items() if name not in parts.names}
    counts = np.zeros(count, np.int64)
    cells = _cells(parts.figures, times, grid)
    if cells is not None:
        held = ~np.isnan(cells[:, 0])
        counts[held] = cells[held, 0] if cells.shape[1] > len(parts.names) else table[held, 0]
        figures |= zip(parts.names, cells.T[cells.shape[1] - len(parts.names) :], strict=True)
    lesser, worst = _cells(parts.not_good, times, grid), _cells(parts.worst, times, grid)
    codes = (table[:, 1] if worst is None else np.where(np.isnan(worst[:, 0]), table[:, 1], worst[:, 0])) % TEXT_KIND
    with np.errstate(invalid="ignore", over="ignore"):
        known = (counts > 1) & ~np.isnan(figures["stddev"])
        m2s = np.where(known, np.square(figures["stddev"]) * (counts - 1), 0.0)
    return TierRows(
        tag_ids=np.full(count, tag, np.int32),
        starts=times,
        counts=counts,
        totals=table[:, 0],
        goods=table[:, 0] - (0 if lesser is None else np.nan_to_num(lesser[:, 0]).astype(np.int64)),
        minima=figures["min"],
        maxima=figures["max"],
        means=figures["mean"],
        m2s=m2s,
        firsts=figures["first"],
        first_ats=times + order,
        lasts=figures["last"],
        last_ats=times + order,
        qualities=codes.astype(np.uint8),
    )


def _cells(series: Series | None, times: NDArray[np.int64], grid: Grid) -> NDArray[np.float64] | None:
    """The figures of an answer for each of these windows, NaN where it has none.

    A window that is not among them has come into being between two questions.
    """
    if series is None:
        return None
    cells = np.full((len(times), len(series.columns) - 1), np.nan)
    starts = _starts(series, grid)
    at = np.minimum(np.searchsorted(times, starts), len(times) - 1)
    same = times[at] == starts
    cells[at[same]] = np.array([row[1:] for row in series.values], np.float64)[same]
    return cells


def _starts(series: Series, grid: Grid) -> NDArray[np.int64]:
    """When the windows begin; a single one's time is not looked at, because it differs between answers."""
    if not grid.width:
        return np.array([grid.start], np.int64)
    return np.array([row[0] for row in series.values], np.int64)
