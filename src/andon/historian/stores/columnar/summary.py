"""Sums over any buckets, from the coarsest tier that is exact.

A minute or hour of a tag whose tier does not know all its samples yet (they are unsealed, or were sealed a moment
ago) is summed up from the samples themselves. Where retention took the samples, the sums stand for them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.rollup import TierRows, combined, concatenated, rollup_at
from andon.historian.stores.columnar.planner import US_PER_MINUTE, Intervals, Plan, inside, plan, widened
from andon.historian.stores.columnar.view import Tags, View, in_order
from andon.kit.clock import US_PER_HOUR
from andon.kit.samples import SampleBatch, concatenate

_SPAN_BITS: Final = 32
Keys = NDArray[np.int64]
"""Tag and number of a minute or an hour since 1970 in one: ascending, each once."""


def summed(view: View, tags: Tags, edges: NDArray[np.int64]) -> tuple[TierRows, Source]:
    """One row for each tag and bucket that holds anything, and the coarsest tier that was needed."""
    start, end = int(edges[0]), int(edges[-1])
    rows, source = gathered(view, tags, edges, plan(edges, view.open_hours(start, end)))
    return combined(rows, edges), source


def gathered(view: View, tags: Tags, edges: NDArray[np.int64], how: Plan) -> tuple[TierRows, Source]:
    """Rows of any width, none across an edge, by tag, then start; and the coarsest tier among them."""
    fresh = view.pending(tags, int(edges[0]), int(edges[-1])) if len(how.hours) or len(how.minutes) else []
    stale_minutes = _union([keys_of_samples(batch, US_PER_MINUTE) for batch in fresh])
    stale_hours = np.unique(_coarser(stale_minutes))
    hours = _but(view.rows("hour", tags, how.hours), US_PER_HOUR, stale_hours)
    reopened = stale_hours[inside(how.hours, _starts(stale_hours, US_PER_HOUR))]
    minutes = _minutes(view, tags, how.minutes, reopened)
    minutes = _but(minutes, US_PER_MINUTE, stale_minutes)
    anew = stale_minutes[
        inside(how.minutes, _starts(stale_minutes, US_PER_MINUTE)) | np.isin(_coarser(stale_minutes), reopened)
    ]
    samples = [view.samples(tags, start, end) for start, end in how.samples.tolist()]
    samples.extend(_samples_of(view, anew))
    finest = rollup_at(*_spans(samples, edges))
    older = _instead_of_dropped(view, tags, how)
    every = [finest, minutes, hours, *(rows for rows, _ in older)]
    coarsest: Source = "raw"
    if len(minutes) or any(len(rows) for rows, source in older if source == "minute"):
        coarsest = "minute"
    if len(hours) or any(len(rows) for rows, source in older if source == "hour"):
        coarsest = "hour"
    some = [rows for rows in every if len(rows)]
    return (some[0] if len(some) == 1 else in_order(concatenated(some))), coarsest


def _minutes(view: View, tags: Tags, intervals: Intervals, reopened: Keys) -> TierRows:
    found = [view.rows("minute", tags, intervals)]
    for hour, of in _by_span(reopened):
        found.append(view.rows("minute", of, np.array([[hour, hour + 1]], np.int64) * US_PER_HOUR))
    some = [rows for rows in found if len(rows)]
    return some[0] if len(some) == 1 else in_order(concatenated(some))


def _samples_of(view: View, minutes: Keys) -> list[SampleBatch]:
    """The samples of certain minutes of certain tags."""
    found = []
    hours = _coarser(minutes)
    for hour in np.unique(hours & _LOW).tolist():
        mine = minutes[(hours & _LOW) == hour]
        spans = mine & _LOW
        batch = view.samples(_tags(mine), int(spans.min()) * US_PER_MINUTE, (int(spans.max()) + 1) * US_PER_MINUTE)
        wanted = np.isin(_keys(batch.tag_ids, batch.timestamps, US_PER_MINUTE), mine)
        found.append(batch if wanted.all() else batch.take(wanted))
    return found


def _spans(samples: list[SampleBatch], edges: NDArray[np.int64]) -> tuple[SampleBatch, NDArray[np.int64]]:
    """All samples, and where the rows begin that they are summed up in: a minute, or a bucket inside of one."""
    some = [batch for batch in samples if len(batch)]
    batch = some[0] if len(some) == 1 else concatenate(some)
    if len(some) > 1:
        order = np.lexsort((batch.timestamps, batch.tag_ids))
        batch = batch.take(order)
    minute = batch.timestamps // US_PER_MINUTE * US_PER_MINUTE
    if not len(batch):
        return batch, minute
    return batch, np.maximum(minute, edges[np.searchsorted(edges, batch.timestamps, "right") - 1])


def _instead_of_dropped(view: View, tags: Tags, how: Plan) -> list[tuple[TierRows, Source]]:
    """Sums for what retention took: they count where they begin."""
    found: list[tuple[TierRows, Source]] = []
    if gone := view.gone.get("raw"):
        pieces = how.samples[how.samples[:, 0] < gone]
        rows = view.rows("minute", tags, pieces)
        if len(rows):
            kept = [view.samples(tags, a, b) for a, b in widened(pieces, US_PER_MINUTE).tolist()]
            found.append(
                (_but(rows, US_PER_MINUTE, _union([keys_of_samples(b, US_PER_MINUTE) for b in kept])), "minute")
            )
    if gone := view.gone.get("minute"):
        both = np.concatenate((how.minutes, how.samples))
        pieces = both[both[:, 0] < gone]
        pieces = pieces[np.argsort(pieces[:, 0])]
        rows = view.rows("hour", tags, pieces)
        if len(rows):
            finer = view.rows("minute", tags, widened(pieces, US_PER_HOUR))
            known = _union([_keys(finer.tag_ids, finer.starts, US_PER_HOUR)])
            whole = view.pending(tags, int(pieces[0, 0]) - US_PER_HOUR, int(pieces[-1, 1]) + US_PER_HOUR)
            fresh = _union([keys_of_samples(batch, US_PER_HOUR) for batch in whole])
            found.append((_but(rows, US_PER_HOUR, _union([known, fresh])), "hour"))
    return found


_LOW: Final = (1 << _SPAN_BITS) - 1


def _keys(tags: NDArray[np.int32], moments: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    return np.asarray((tags.astype(np.int64) << _SPAN_BITS) | (moments // width))


def keys_of_samples(batch: SampleBatch, width: int, *, unique: bool = True) -> Keys:
    """Keys of the spans of a width that the samples of a sorted batch lie in; of every sample if not `unique`."""
    keys = _keys(batch.tag_ids, batch.timestamps, width)
    return keys[np.append(True, keys[1:] != keys[:-1])] if unique and len(keys) else keys


def keys_of_rows(rows: TierRows, width: int) -> NDArray[np.int64]:
    """Keys of the spans of a width that rows begin in."""
    return _keys(rows.tag_ids, rows.starts, width)


def _union(keys: list[Keys]) -> Keys:
    if not keys:
        return np.empty(0, np.int64)
    return np.unique(np.concatenate(keys))


def _coarser(minutes: Keys) -> NDArray[np.int64]:
    """The keys of the hours that the minutes lie in."""
    return np.asarray((minutes & ~_LOW) | ((minutes & _LOW) // 60))


def _starts(keys: Keys, width: int) -> NDArray[np.int64]:
    return np.asarray((keys & _LOW) * width)


def _tags(keys: Keys) -> Tags:
    return np.unique(keys >> _SPAN_BITS).astype(np.int32)


def _by_span(keys: Keys) -> list[tuple[int, Tags]]:
    spans = keys & _LOW
    return [(span, _tags(keys[spans == span])) for span in np.unique(spans).tolist()]


def _but(rows: TierRows, width: int, keys: Keys) -> TierRows:
    """Without the rows of these keys."""
    if not len(keys) or not len(rows):
        return rows
    return rows.take(~np.isin(_keys(rows.tag_ids, rows.starts, width), keys))
