"""The questions of the port, answered from a view. Each runs in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from andon.historian import model
from andon.historian.model import Buckets, Columns, Statistics, TopStatistic, width_of
from andon.historian.ranking import figures
from andon.historian.rollup import TierRows, as_buckets
from andon.historian.stores.columnar.planner import minutes_only
from andon.historian.stores.columnar.sorting import sliced
from andon.historian.stores.columnar.summary import gathered, summed
from andon.historian.stores.columnar.view import Tags, View
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import SampleBatch, concatenate


def tags_of(tag_ids: Iterable[int]) -> Tags:
    """Ids as the files have them."""
    return np.unique(np.array(list(tag_ids), np.int32))


def read(view: View, tag_id: int, start: int, end: int, limit: int, newest_first: bool) -> Columns:
    """See `HistoryStore.read`."""
    tags = tags_of([tag_id])
    steps = _steps(view, tags, start, end)
    found: list[SampleBatch] = []
    count = 0
    for low, high in reversed(steps) if newest_first else steps:
        if count >= limit:
            break
        batch = view.samples(tags, max(low, start), min(high, end))
        if newest_first:
            batch = sliced(batch, max(len(batch) - (limit - count), 0), len(batch))
        else:
            batch = sliced(batch, 0, min(limit - count, len(batch)))
        found.append(batch)
        count += len(batch)
    joined = concatenate(found[::-1] if newest_first else found)
    if newest_first:
        joined = joined.take(np.arange(len(joined) - 1, -1, -1))
    return Columns(joined.timestamps, joined.values, joined.qualities, joined.received, joined.texts)


def _steps(view: View, tags: Tags, start: int, end: int) -> list[tuple[int, int]]:
    """The days and hours of a range that may hold anything, ascending: a page needs only the first of them."""
    spans: set[tuple[int, int]] = set()
    unsealed = [np.unique(batch.timestamps // US_PER_HOUR) for batch in view.unsealed(tags, start, end)]
    hours = {hour for each in unsealed for hour in each.tolist()}
    for day in view.catalogue.days_within("raw", start, end):
        parts = view.catalogue.of_day("raw", day)
        if any(part.of_a_day for part in parts):
            spans.add((day * US_PER_DAY, (day + 1) * US_PER_DAY))
            hours = {hour for hour in hours if hour // 24 != day}
        else:
            hours.update(part.slot // US_PER_HOUR for part in parts if part.touches(start, end))
    spans.update((hour * US_PER_HOUR, (hour + 1) * US_PER_HOUR) for hour in hours)
    return sorted(spans)


def series(view: View, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> list[Buckets]:
    """See `HistoryStore.series`."""
    rows, source = summed(view, tags_of(tag_ids), edges)
    width = width_of(edges)
    found = []
    for tag in tag_ids:
        low, high = np.searchsorted(rows.tag_ids, (tag, tag + 1))
        found.append(as_buckets(rows.take(slice(low, high)), width, source))
    return found


def top(
    view: View, tag_ids: Sequence[int], start: int, end: int, statistic: TopStatistic, count: int, ascending: bool
) -> list[tuple[int, float]]:
    """See `HistoryStore.top`."""
    rows, _ = summed(view, tags_of(tag_ids), np.array([start, end], np.int64))
    rows = rows.take(rows.counts > 0)
    ranks = figures(as_buckets(rows, 0), statistic)
    first = np.lexsort((rows.tag_ids, ranks if ascending else -ranks))[:count]
    return list(zip(rows.tag_ids[first].tolist(), ranks[first].tolist(), strict=True))


def rows(view: View, tag_ids: Sequence[int], start: int, end: int) -> int:
    """See `HistoryStore.rows`: a part that lies across the range's ends counts in proportion."""
    tags = tags_of(tag_ids)
    count = float(sum(len(batch) for batch in view.unsealed(tags, start, end)))
    for entry in view.catalogue.within("raw", start, end):
        count += float(view.files.file(entry).index.about(tags, start, end).sum())
    return round(count)


def statistics(view: View, tag_id: int, start: int, end: int, most: int) -> Statistics | None:
    """See `HistoryStore.statistics`. Up to `most` samples are looked at one by one."""
    tags = tags_of([tag_id])
    total, _ = summed(view, tags, np.array([start, end], np.int64))
    if not len(total) or not total.counts[0]:
        return None
    if total.totals[0] <= most:
        batch = view.samples(tags, start, end)
        if len(batch) == total.totals[0]:
            return model.statistics(batch.values, batch.qualities)
    minutes = _minutes(view, tags, start, end) or total
    return model.statistics_of_sums(as_buckets(total, 0), minutes.means, minutes.counts)


def _minutes(view: View, tags: Tags, start: int, end: int) -> TierRows | None:
    """Sums of a range's minutes; None where it is shorter than one, or only an hour's sums are left."""
    minutes, _ = gathered(view, tags, np.array([start, end], np.int64), minutes_only(start, end))
    return minutes if minutes.counts.any() else None
