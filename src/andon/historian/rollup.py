"""Rollups: rows that stand for all samples of a tag in one span of time, and how they are made and combined. Pure.

Deviations are kept as their sum of squares (m2), combined by the formula of Chan, Golub and LeVeque (1983): exact
however the samples were divided, and without the cancellation that sums of squares suffer from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Buckets, usable
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch

N = TypeVar("N", np.float64, np.int64, np.uint8)


@dataclass(frozen=True, slots=True)
class TierRows:
    """k rows, each the samples of one tag in one span; columns of length k, sorted by (tag, start).

    `starts` int64 µs; `totals` all samples, `counts` those that were used (numbers of usable quality), `goods` those
    of good quality. `minima`, `maxima`, `means`, `firsts`, `lasts` float64 of the used values, NaN when there are none;
    `m2s` float64, the sum of their squared deviations from the mean; `first_ats`, `last_ats` int64 µs, when the
    first and last used value were taken (the start when there is none). `qualities` uint8, the worst of all samples.
    """

    tag_ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    totals: NDArray[np.int64]
    goods: NDArray[np.int64]
    minima: NDArray[np.float64]
    maxima: NDArray[np.float64]
    means: NDArray[np.float64]
    m2s: NDArray[np.float64]
    firsts: NDArray[np.float64]
    first_ats: NDArray[np.int64]
    lasts: NDArray[np.float64]
    last_ats: NDArray[np.int64]
    qualities: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.tag_ids)

    @staticmethod
    def empty() -> TierRows:
        """No rows."""
        return rollup(SampleBatch.empty(), 1)

    def take(self, selection: NDArray[np.bool_] | NDArray[np.intp] | slice) -> TierRows:
        """The rows that a mask, an index array or a slice selects, in that order."""
        return TierRows(*(getattr(self, name)[selection] for name in COLUMNS))


COLUMNS = tuple(each.name for each in fields(TierRows))


def rollup(batch: SampleBatch, width_us: int) -> TierRows:
    """Rows of spans of `width_us` (aligned to 1970) from samples that are sorted by (tag, timestamp) and unique."""
    spans = batch.timestamps // width_us
    groups = _run_starts(batch.tag_ids, spans)
    used = usable(batch.values, batch.qualities) & ~np.isinf(batch.values)
    good = batch.qualities >= Quality.GOOD
    rows = _of_values(batch.values, batch.timestamps, used, groups)
    starts = spans[groups] * width_us
    none = rows.counts == 0
    return TierRows(
        tag_ids=batch.tag_ids[groups],
        starts=starts,
        counts=rows.counts,
        totals=np.diff(groups, append=len(batch)),
        goods=_sums(good, groups),
        minima=rows.minima,
        maxima=rows.maxima,
        means=rows.means,
        m2s=rows.m2s,
        firsts=rows.firsts,
        first_ats=np.where(none, starts, rows.first_ats),
        lasts=rows.lasts,
        last_ats=np.where(none, starts, rows.last_ats),
        qualities=_reduce(np.minimum, batch.qualities, groups),
    )


def merge(rows: Sequence[TierRows]) -> TierRows:
    """All rows, sorted; those of equal (tag, start), which stand for different samples, become one."""
    joined = _concatenated(rows)
    order = np.lexsort((joined.first_ats, joined.starts, joined.tag_ids))
    joined = joined.take(order)
    groups = _run_starts(joined.tag_ids, joined.starts)
    return joined if len(groups) == len(joined) else _combined(joined, groups, joined.starts[groups])


def coarser(rows: TierRows, edges: NDArray[np.int64], tag_ids: Sequence[int]) -> list[Buckets]:
    """For each tag the buckets edges[i] ≤ start < edges[i + 1] (k + 1 ascending µs) that hold any row.

    Rows that begin outside the edges are left out; a row counts where it begins.
    """
    found = []
    for tag in tag_ids:
        low, high = np.searchsorted(rows.tag_ids, [tag, tag + 1])
        found.append(_buckets(rows.take(slice(low, high)), edges))
    return found


@dataclass(frozen=True, slots=True)
class _Values:
    """What only used values tell, per group."""

    counts: NDArray[np.int64]
    minima: NDArray[np.float64]
    maxima: NDArray[np.float64]
    means: NDArray[np.float64]
    m2s: NDArray[np.float64]
    firsts: NDArray[np.float64]
    first_ats: NDArray[np.int64]
    lasts: NDArray[np.float64]
    last_ats: NDArray[np.int64]


def _of_values(
    values: NDArray[np.float64], timestamps: NDArray[np.int64], used: NDArray[np.bool_], groups: NDArray[np.intp]
) -> _Values:
    counts = _sums(used, groups)
    if not used.all():
        values, timestamps = values[used], timestamps[used]
    held = counts > 0
    ends = np.cumsum(counts)
    first, last = (ends - counts)[held], ends[held] - 1
    means, m2s = _moments(values, first, counts[held])
    return _Values(
        counts=counts,
        minima=_spread(_reduce(np.minimum, values, first), held, np.nan),
        maxima=_spread(_reduce(np.maximum, values, first), held, np.nan),
        means=_spread(means, held, np.nan),
        m2s=_spread(m2s, held, 0.0),
        firsts=_spread(values[first], held, np.nan),
        first_ats=_spread(timestamps[first], held, 0),
        lasts=_spread(values[last], held, np.nan),
        last_ats=_spread(timestamps[last], held, 0),
    )


def _moments(
    values: NDArray[np.float64], starts: NDArray[np.intp], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sum of squared deviations of each group; from its first value, so that a large offset costs nothing."""
    if not len(values):
        return np.empty(0), np.empty(0)
    with np.errstate(over="ignore", invalid="ignore"):
        origin = values[starts]
        off = values - np.repeat(origin, counts)
        shift = np.add.reduceat(off, starts) / counts
        m2s = np.add.reduceat(np.square(off - np.repeat(shift, counts)), starts)
        means = origin + shift
    return means, m2s


def _combined(rows: TierRows, groups: NDArray[np.intp], starts: NDArray[np.int64]) -> TierRows:
    """Each group of neighbouring rows as one row that begins at `starts`."""
    counts = _sums(rows.counts, groups)
    held = rows.counts > 0
    weights = _sums(held, groups)
    kept = weights > 0
    ends = np.cumsum(weights)
    first, last = (ends - weights)[kept], ends[kept] - 1
    some = rows.take(held)
    means, m2s = _combined_moments(some, first, counts[kept], weights[kept])
    return TierRows(
        tag_ids=rows.tag_ids[groups],
        starts=starts,
        counts=counts,
        totals=_sums(rows.totals, groups),
        goods=_sums(rows.goods, groups),
        minima=_spread(_reduce(np.minimum, some.minima, first), kept, np.nan),
        maxima=_spread(_reduce(np.maximum, some.maxima, first), kept, np.nan),
        means=_spread(means, kept, np.nan),
        m2s=_spread(m2s, kept, 0.0),
        firsts=_spread(some.firsts[first], kept, np.nan),
        first_ats=np.where(kept, _spread(some.first_ats[first], kept, 0), starts),
        lasts=_spread(some.lasts[last], kept, np.nan),
        last_ats=np.where(kept, _spread(some.last_ats[last], kept, 0), starts),
        qualities=_reduce(np.minimum, rows.qualities, groups),
    )


def _combined_moments(
    rows: TierRows, starts: NDArray[np.intp], counts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not len(rows):
        return np.empty(0), np.empty(0)
    with np.errstate(over="ignore", invalid="ignore"):
        origin = rows.means[starts]
        off = rows.means - np.repeat(origin, sizes)
        shift = np.add.reduceat(off * rows.counts, starts) / counts
        between = np.square(off - np.repeat(shift, sizes)) * rows.counts
        return origin + shift, np.add.reduceat(rows.m2s + between, starts)


def _buckets(rows: TierRows, edges: NDArray[np.int64]) -> Buckets:
    low, high = np.searchsorted(rows.starts, edges[[0, -1]])
    rows = rows.take(slice(low, high))
    slots = np.searchsorted(edges, rows.starts, "right") - 1
    groups = _run_starts(slots)
    made = _combined(rows, groups, edges[slots[groups]])
    with np.errstate(invalid="ignore", divide="ignore"):
        sds = np.where(made.counts > 1, np.sqrt(made.m2s / np.maximum(made.counts - 1, 1)), 0.0)
    return Buckets(
        width_us=_common_width(edges),
        starts=made.starts,
        counts=made.counts,
        minima=made.minima,
        maxima=made.maxima,
        means=made.means,
        sds=np.where(made.counts > 0, sds, np.nan),
        firsts=made.firsts,
        lasts=made.lasts,
        good_shares=made.goods / np.maximum(made.totals, 1),
        qualities=made.qualities,
    )


def _common_width(edges: NDArray[np.int64]) -> int:
    widths = np.diff(edges)
    return int(widths[0]) if (widths == widths[0]).all() else 0


def _concatenated(rows: Sequence[TierRows]) -> TierRows:
    if len(rows) == 1:
        return rows[0]
    if not rows:
        return TierRows.empty()
    return TierRows(*(np.concatenate([getattr(each, name) for each in rows]) for name in COLUMNS))


def _run_starts(*columns: NDArray[np.int32] | NDArray[np.int64] | NDArray[np.intp]) -> NDArray[np.intp]:
    """Index of the first row of each run of rows that are equal in all columns."""
    if not len(columns[0]):
        return np.empty(0, np.intp)
    differ = np.zeros(len(columns[0]), np.bool_)
    differ[0] = True
    for column in columns:
        differ[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(differ)


def _sums(column: NDArray[np.bool_] | NDArray[np.int64], groups: NDArray[np.intp]) -> NDArray[np.int64]:
    return np.add.reduceat(column, groups, dtype=np.int64) if len(groups) else np.empty(0, np.int64)


def _reduce(ufunc: np.ufunc, column: NDArray[N], groups: NDArray[np.intp]) -> NDArray[N]:
    return np.asarray(ufunc.reduceat(column, groups)) if len(groups) else column[:0]


def _spread(found: NDArray[N], where: NDArray[np.bool_], otherwise: float) -> NDArray[N]:
    """One entry per group: what was found where there is something, else `otherwise`."""
    if where.all():
        return found
    out = np.full(len(where), otherwise, found.dtype)
    out[where] = found
    return out
