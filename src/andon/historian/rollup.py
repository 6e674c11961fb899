"""Rollups: rows that stand for all samples of a tag in one span of time, and how they are made and combined. Pure.

Deviations are kept as their sum of squares (m2), combined by the formula of Chan, Golub and LeVeque (1983): exact
however the samples were divided, and without the cancellation that sums of squares suffer from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Buckets, Source, usable
from andon.historian.runs import latest, reduced, run_starts, spread, sums
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch


@dataclass(frozen=True, slots=True)
class TierRows:
    """k rows, each the samples of one tag in one span; columns of length k, sorted by (tag, start).

    `starts` int64 µs; `totals` all samples, `counts` those that were used (numbers of usable quality), `goods` those
    of good quality. `minima`, `maxima`, `means`, `firsts`, `lasts` float64 of the used values, NaN when there are none;
    `m2s` float64, the sum of their squared deviations from the mean (0 for none, NaN beyond what a double holds);
    `first_ats`, `last_ats` int64 µs, when the first and last used value were taken (the start when there is none).
    `qualities` uint8, the worst of all samples.
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
        """The rows that a mask, an index array or a slice selects, in that order; itself if a mask selects all."""
        if isinstance(selection, np.ndarray) and selection.dtype == np.bool_:
            if selection.all():
                return self
            # Counted and looked for once, not once for each column.
            selection = np.flatnonzero(selection)
        return TierRows(*(getattr(self, name)[selection] for name in COLUMNS))


COLUMNS = tuple(each.name for each in fields(TierRows))


def rollup(batch: SampleBatch, width_us: int) -> TierRows:
    """Rows of spans of `width_us` (aligned to 1970) from samples that are sorted by (tag, timestamp) and unique."""
    return rollup_at(batch, batch.timestamps // width_us * width_us)


def rollup_at(batch: SampleBatch, spans: NDArray[np.int64]) -> TierRows:
    """Rows of any spans: `spans` says for each sample where its own begins, ascending within a tag."""
    groups = run_starts(batch.tag_ids, spans)
    used = usable(batch.values, batch.qualities) & ~np.isinf(batch.values)
    good = batch.qualities >= Quality.GOOD
    rows = _of_values(batch.values, batch.timestamps, used, groups)
    starts = spans[groups]
    none = rows.counts == 0
    return TierRows(
        tag_ids=batch.tag_ids[groups],
        starts=starts,
        counts=rows.counts,
        totals=np.diff(groups, append=len(batch)),
        goods=sums(good, groups),
        minima=rows.minima,
        maxima=rows.maxima,
        means=rows.means,
        m2s=rows.m2s,
        firsts=rows.firsts,
        first_ats=np.where(none, starts, rows.first_ats),
        lasts=rows.lasts,
        last_ats=np.where(none, starts, rows.last_ats),
        qualities=reduced(np.minimum, batch.qualities, groups),
    )


def merge(rows: Sequence[TierRows]) -> TierRows:
    """All rows, sorted; those of equal (tag, start), which stand for different samples, become one."""
    joined = _concatenated(rows)
    order = np.lexsort((joined.first_ats, joined.starts, joined.tag_ids))
    joined = joined.take(order)
    groups = run_starts(joined.tag_ids, joined.starts)
    return joined if len(groups) == len(joined) else _combined(joined, groups, joined.starts[groups])


def concatenated(rows: Sequence[TierRows]) -> TierRows:
    """All rows, in the order given."""
    return _concatenated([each for each in rows if len(each)])


def combined(rows: TierRows, edges: NDArray[np.int64]) -> TierRows:
    """One row for each tag and each edges[i] ≤ start < edges[i + 1] that holds any; it begins at that edge.

    `rows` are sorted by (tag, start) and stand for different samples; none begins outside the edges.
    """
    slots = np.searchsorted(edges, rows.starts, "right") - 1
    groups = run_starts(rows.tag_ids, slots)
    return _combined(rows, groups, edges[slots[groups]])


def by_tag(rows: TierRows) -> TierRows:
    """One row for each tag, which begins with its first one. `rows` are sorted by (tag, start)."""
    groups = run_starts(rows.tag_ids)
    return _combined(rows, groups, rows.starts[groups])


def combined_runs(rows: TierRows, groups: NDArray[np.intp]) -> TierRows:
    """One row for each run of neighbouring rows of equal (tag, start), which stand for different samples.

    `groups`: index of the first row of each run; within a run rows are in the order of their samples.
    """
    return _combined(rows, groups, rows.starts[groups])


def as_buckets(rows: TierRows, width_us: int, source: Source = "raw") -> Buckets:
    """Rows of one tag as the buckets of an answer."""
    with np.errstate(invalid="ignore", divide="ignore"):
        sds = np.where(rows.counts > 1, np.sqrt(rows.m2s / np.maximum(rows.counts - 1, 1)), 0.0)
    return Buckets(
        width_us=width_us,
        starts=rows.starts,
        counts=rows.counts,
        minima=rows.minima,
        maxima=rows.maxima,
        means=rows.means,
        sds=np.where(rows.counts > 0, sds, np.nan),
        firsts=rows.firsts,
        lasts=rows.lasts,
        good_shares=rows.goods / np.maximum(rows.totals, 1),
        qualities=rows.qualities,
        source=source,
    )


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
    counts = sums(used, groups)
    if not used.all():
        values, timestamps = values[used], timestamps[used]
    held = counts > 0
    ends = np.cumsum(counts)
    first, last = (ends - counts)[held], ends[held] - 1
    lowest, highest = reduced(np.minimum, values, first), reduced(np.maximum, values, first)
    means, m2s = _moments(values, first, counts[held])
    return _Values(
        counts=counts,
        minima=spread(lowest, held, np.nan),
        maxima=spread(highest, held, np.nan),
        means=spread(np.clip(means, lowest, highest), held, np.nan),
        m2s=spread(m2s, held, 0.0),
        firsts=spread(values[first], held, np.nan),
        first_ats=spread(timestamps[first], held, 0),
        lasts=spread(values[last], held, np.nan),
        last_ats=spread(timestamps[last], held, 0),
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
        means = origin + shift
        m2s = np.add.reduceat(np.square(off - np.repeat(shift, counts)), starts)
        if not np.isfinite(means).all():
            means = np.where(np.isfinite(means), means, np.add.reduceat(values / np.repeat(counts, counts), starts))
    return means, _finite(m2s)


def _combined(rows: TierRows, groups: NDArray[np.intp], starts: NDArray[np.int64]) -> TierRows:
    """Each group of neighbouring rows as one row that begins at `starts`."""
    counts = sums(rows.counts, groups)
    held = rows.counts > 0
    weights = sums(held, groups)
    kept = weights > 0
    first = (np.cumsum(weights) - weights)[kept]
    some = rows.take(held)
    last = latest(some.last_ats, first, weights[kept])
    lowest, highest = reduced(np.minimum, some.minima, first), reduced(np.maximum, some.maxima, first)
    means, m2s = _combined_moments(some, first, counts[kept], weights[kept])
    return TierRows(
        tag_ids=rows.tag_ids[groups],
        starts=starts,
        counts=counts,
        totals=sums(rows.totals, groups),
        goods=sums(rows.goods, groups),
        minima=spread(lowest, kept, np.nan),
        maxima=spread(highest, kept, np.nan),
        means=spread(np.clip(means, lowest, highest), kept, np.nan),
        m2s=spread(m2s, kept, 0.0),
        firsts=spread(some.firsts[first], kept, np.nan),
        first_ats=np.where(kept, spread(some.first_ats[first], kept, 0), starts),
        lasts=spread(some.lasts[last], kept, np.nan),
        last_ats=np.where(kept, spread(some.last_ats[last], kept, 0), starts),
        qualities=reduced(np.minimum, rows.qualities, groups),
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
        means = origin + shift
        between = np.square(off - np.repeat(shift, sizes)) * rows.counts
        m2s = np.add.reduceat(rows.m2s + between, starts)
        if not np.isfinite(means).all():
            weighted = np.add.reduceat(rows.means * (rows.counts / np.repeat(counts, sizes)), starts)
            means = np.where(np.isfinite(means), means, weighted)
    return means, _finite(m2s)


def _finite(m2s: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(m2s), m2s, np.nan)


def _buckets(rows: TierRows, edges: NDArray[np.int64]) -> Buckets:
    low, high = np.searchsorted(rows.starts, edges[[0, -1]])
    return as_buckets(combined(rows.take(slice(low, high)), edges), _common_width(edges))


def _common_width(edges: NDArray[np.int64]) -> int:
    widths = np.diff(edges)
    return int(widths[0]) if (widths == widths[0]).all() else 0


def _concatenated(rows: Sequence[TierRows]) -> TierRows:
    if len(rows) == 1:
        return rows[0]
    if not rows:
        return TierRows.empty()
    return TierRows(*(np.concatenate([getattr(each, name) for each in rows]) for name in COLUMNS))
