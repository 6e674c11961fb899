"""Sums over any buckets, from the coarsest tier that is exact.

Samples that a tier does not know yet (they are unsealed, or were sealed a moment ago) are added to its sums. Where
that cannot be, because they overlap, the next finer tier is asked, and at last the samples themselves. Where
retention took the samples, the sums stand for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.rollup import TierRows, by_tag, combined, concatenated, rollup_at
from andon.historian.stores.columnar.fresh import (
    LOW,
    WIDTHS,
    Fresh,
    Keys,
    added,
    by_span,
    in_order,
    keys_of_rows,
    keys_of_samples,
    tags_of_keys,
    union,
    without,
)
from andon.historian.stores.columnar.planner import US_PER_MINUTE, Intervals, Plan, plan, widened
from andon.historian.stores.columnar.sorting import order_of
from andon.historian.stores.columnar.view import Tags, View
from andon.kit.clock import US_PER_HOUR
from andon.kit.samples import SampleBatch, concatenate

Sums = Literal["minute", "hour"]
Settle = Callable[[TierRows], TierRows]
_FINER: Final[dict[Sums, Source]] = {"hour": "minute", "minute": "raw"}


def summed(view: View, tags: Tags, edges: NDArray[np.int64]) -> tuple[TierRows, Source]:
    """One row for each tag and bucket that holds anything, and the coarsest tier that was needed."""
    if len(edges) == 2 and len(tags) > 1:
        # Rows as soon as they are read: those of thousands of tags for all days are slow to carry around.
        rows, source = gathered(view, tags, edges, plan(edges), settle=by_tag)
    else:
        rows, source = gathered(view, tags, edges, plan(edges))
    return combined(rows, edges), source


def gathered(
    view: View, tags: Tags, edges: NDArray[np.int64], how: Plan, settle: Settle = lambda rows: rows
) -> tuple[TierRows, Source]:
    """Rows of any width, none across an edge, by tag, then start; and the coarsest tier among them.

    `settle` may join rows of a tier that it is given together, where buckets allow it.
    """
    hours, reopened = _sums(view, "hour", tags, how.hours, settle)
    minutes, overlapping = _sums(view, "minute", tags, how.minutes, settle)
    found: dict[Source, list[TierRows]] = {"raw": [], "minute": [minutes], "hour": [hours]}
    unclear = [overlapping]
    for hour, of in by_span(reopened):
        rows, overlapping = _sums(view, "minute", of, np.array([[hour, hour + 1]], np.int64) * US_PER_HOUR)
        found["minute"].append(rows)
        unclear.append(overlapping)
    samples = [view.samples(tags, start, end, to_sum=True) for start, end in how.samples.tolist()]
    samples.extend(_samples_of(view, union(unclear)))
    found["raw"].append(rollup_at(*_spans(samples, edges)))
    _add_instead_of_dropped(view, tags, how, found)
    some = [rows for each in found.values() for rows in each if len(rows)]
    coarsest: Source = "raw"
    for name, each in found.items():
        coarsest = name if any(len(rows) for rows in each) else coarsest
    return (some[0] if len(some) == 1 else in_order(concatenated(some))), coarsest


def _sums(
    view: View, tier: Sums, tags: Tags, intervals: Intervals, settle: Settle = lambda rows: rows
) -> tuple[TierRows, Keys]:
    """Sums of whole spans in the intervals, and the keys of those that a finer tier must tell."""
    if not len(intervals):
        return TierRows.empty(), np.empty(0, np.int64)
    fresh: list[Fresh] = view.fresh(tags, WIDTHS[tier], intervals)
    known = view.rows_bit_by_bit(tier, tags, intervals)
    return added(known, fresh, WIDTHS[tier], view.gone.get(_FINER[tier], 0), settle)


def _samples_of(view: View, minutes: Keys) -> list[SampleBatch]:
    """The samples of certain minutes of certain tags."""
    found = []
    hours = (minutes & LOW) // 60
    for hour in np.unique(hours).tolist():
        mine = minutes[hours == hour]
        spans = mine & LOW
        first, last = int(spans.min()), int(spans.max()) + 1
        batch = view.samples(tags_of_keys(mine), first * US_PER_MINUTE, last * US_PER_MINUTE, to_sum=True)
        wanted = np.isin(keys_of_samples(batch, US_PER_MINUTE, unique=False), mine)
        found.append(batch if wanted.all() else batch.take(wanted))
    return found


def _spans(samples: list[SampleBatch], edges: NDArray[np.int64]) -> tuple[SampleBatch, NDArray[np.int64]]:
    """All samples, and where the rows begin that they are summed up in: a minute, or a bucket inside of one."""
    some = [batch for batch in samples if len(batch)]
    batch = some[0] if len(some) == 1 else concatenate(some)
    if len(some) > 1:
        batch = batch.take(order_of(batch.tag_ids, batch.timestamps))
    minute = batch.timestamps // US_PER_MINUTE * US_PER_MINUTE
    if not len(batch):
        return batch, minute
    return batch, np.maximum(minute, edges[np.searchsorted(edges, batch.timestamps, "right") - 1])


def _add_instead_of_dropped(view: View, tags: Tags, how: Plan, found: dict[Source, list[TierRows]]) -> None:
    """Sums for what retention took: they count where they begin."""
    if gone := view.gone.get("raw"):
        pieces = how.samples[how.samples[:, 0] < gone]
        rows = view.rows("minute", tags, pieces)
        if len(rows):
            kept = [
                view.samples(tags, start, end, to_sum=True) for start, end in widened(pieces, US_PER_MINUTE).tolist()
            ]
            known = union([keys_of_samples(batch, US_PER_MINUTE) for batch in kept])
            found["minute"].append(without(rows, US_PER_MINUTE, known))
    if gone := view.gone.get("minute"):
        both = np.concatenate((how.minutes, how.samples))
        pieces = both[both[:, 0] < gone]
        pieces = pieces[np.argsort(pieces[:, 0])]
        rows = view.rows("hour", tags, pieces)
        if len(rows):
            finer = view.rows("minute", tags, widened(pieces, US_PER_HOUR))
            first, last = int(pieces[0, 0]) - US_PER_HOUR, int(pieces[-1, 1]) + US_PER_HOUR
            fresh = [keys_of_samples(batch, US_PER_HOUR) for batch in view.pending(tags, first, last)]
            known = union([np.unique(keys_of_rows(finer, US_PER_HOUR)), *fresh])
            found["hour"].append(without(rows, US_PER_HOUR, known))
