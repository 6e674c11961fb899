"""History as it stood at one moment: the files, and what was not in files yet. It stays readable while it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.rollup import TierRows, concatenated
from andon.historian.stores.columnar.catalogue import NOT_ROLLED, Catalogue, Entry
from andon.historian.stores.columnar.fresh import Fresh, Summing, in_order
from andon.historian.stores.columnar.memory import Run
from andon.historian.stores.columnar.openfiles import OpenFiles
from andon.historian.stores.columnar.planner import Intervals, inside, overlapping
from andon.historian.stores.columnar.sorting import merged, of_tags, order_of
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import SampleBatch, concatenate

_ROWS_AT_ONCE: Final = 131_072

Tags = NDArray[np.int32]
"""Ids, ascending, each once."""


@dataclass(frozen=True, slots=True)
class View:
    """`runs`: unsealed samples, oldest first. `gone`: by tier, what begins before it may have been dropped."""

    runs: tuple[Run, ...]
    catalogue: Catalogue
    files: OpenFiles
    gone: dict[Source, int]

    def unsealed(self, tags: Tags, start: int, end: int) -> list[SampleBatch]:
        """What is not in files yet."""
        found = [
            of_tags(run.batch, tags, start, end) for run in self.runs if run.min_time < end and run.max_time >= start
        ]
        return [batch for batch in found if len(batch)]

    def samples(self, tags: Tags, start: int, end: int, *, to_sum: bool = False) -> SampleBatch:
        """The samples of some tags in a range, by tag, then time. `to_sum`: see `Part.read_many`."""
        unsealed = self.unsealed(tags, start, end)
        days = set(self.catalogue.days_within("raw", start, end))
        for batch in unsealed:
            days.update(np.unique(batch.timestamps // US_PER_DAY).tolist())
        found = []
        for day in sorted(days):
            low, high = max(start, day * US_PER_DAY), min(end, (day + 1) * US_PER_DAY)
            parts = [
                self.files.samples(entry, tags, low, high, to_sum=to_sum)
                for entry in self.catalogue.of_day("raw", day)
                if entry.touches(low, high)
            ]
            if len(days) == 1:
                return merged([*parts, *unsealed])
            found.append(merged([*parts, *(of_tags(batch, tags, low, high) for batch in unsealed)]))
        return concatenate(found) if len(tags) == 1 else merged(found)

    def rows(self, tier: Source, tags: Tags, intervals: Intervals) -> TierRows:
        """The rows of a tier that begin in the intervals, by tag, then start."""
        return in_order(concatenated(list(self.rows_bit_by_bit(tier, tags, intervals))))

    def rows_bit_by_bit(self, tier: Source, tags: Tags, intervals: Intervals) -> Iterator[TierRows]:
        """The same, each day or month for itself, of a month some of the tags at a time."""
        if not len(intervals) or not len(tags):
            return
        for files, begin, stop in self.catalogue.stretches(tier, int(intervals[0, 0]), int(intervals[-1, 1])):
            pieces = overlapping(intervals, begin, stop)
            if not len(pieces):
                continue
            start, end = int(pieces[0, 0]), int(pieces[-1, 1])
            touched = [self.files.tier(entry) for entry in files if entry.touches(start, end)]
            for some in _few_at_a_time(tags, start, end):
                rows = overlaid([file.read(some, start, end) for file in touched])
                yield rows if len(pieces) == 1 else rows.take(inside(pieces, rows.starts))

    def pending(self, tags: Tags, start: int, end: int) -> list[SampleBatch]:
        """Samples that the sums of their minutes do not know yet."""
        parts = [
            self.files.samples(entry, tags, start, end)
            for entry in self.catalogue.within("raw", start, end)
            if entry.rolled == NOT_ROLLED
        ]
        return [*(part for part in parts if len(part)), *self.unsealed(tags, start, end)]

    def fresh(self, tags: Tags, width: int, intervals: Intervals) -> list[Fresh]:
        """Sums of those samples, of the spans of a width that begin in the intervals."""
        start, end = int(intervals[0, 0]), int(intervals[-1, 1])
        found = []
        for entry in self.catalogue.within("raw", start, end):
            if entry.rolled == NOT_ROLLED:
                recent = self.files.recent(entry)
                source = recent if recent is not None else self._read(entry, tags, start, end)
                if source is not None:
                    found.append(source.sums(tags, width, intervals))
        runs = (run for run in self.runs if run.min_time < end and run.max_time >= start)
        return [*found, *(run.summing.sums(tags, width, intervals) for run in runs)]

    def _read(self, entry: Entry, tags: Tags, start: int, end: int) -> Summing | None:
        batch = self.files.samples(entry, tags, start, end)
        return Summing(batch) if len(batch) else None


def _few_at_a_time(tags: Tags, start: int, end: int) -> Sequence[Tags]:
    """The tags, in pieces for months: thousands of tags for a month of hours are a lot at once."""
    rows = len(tags) * (end - start) // US_PER_HOUR
    if end - start <= US_PER_DAY or rows <= _ROWS_AT_ONCE:
        return [tags]
    return np.array_split(tags, 1 + rows // _ROWS_AT_ONCE)


def overlaid(rows: Sequence[TierRows]) -> TierRows:
    """Rows by tag, then start; of equal ones those of the last."""
    some = [each for each in rows if len(each)]
    if len(some) <= 1:
        return some[0] if some else TierRows.empty()
    joined = concatenated(some)
    order = order_of(joined.tag_ids, joined.starts)
    tags, starts = joined.tag_ids[order], joined.starts[order]
    last = np.append((tags[1:] != tags[:-1]) | (starts[1:] != starts[:-1]), True)
    return joined.take(order[last])
