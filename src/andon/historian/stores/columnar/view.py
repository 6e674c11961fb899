"""History as it stood at one moment: the files, and what was not in files yet. It stays readable while it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.rollup import TierRows, concatenated
from andon.historian.stores.columnar.catalogue import MINUTES_ROLLED, NOT_ROLLED, Catalogue
from andon.historian.stores.columnar.memory import Run
from andon.historian.stores.columnar.openfiles import OpenFiles
from andon.historian.stores.columnar.planner import Intervals, inside, overlapping
from andon.historian.stores.columnar.sorting import merged, of_tags
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import SampleBatch, concatenate

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

    def samples(self, tags: Tags, start: int, end: int) -> SampleBatch:
        """The samples of some tags in a range, by tag, then time."""
        unsealed = self.unsealed(tags, start, end)
        days = set(self.catalogue.days_within("raw", start, end))
        for batch in unsealed:
            days.update(np.unique(batch.timestamps // US_PER_DAY).tolist())
        found = []
        for day in sorted(days):
            low, high = max(start, day * US_PER_DAY), min(end, (day + 1) * US_PER_DAY)
            parts = [
                self.files.samples(entry, tags, low, high)
                for entry in self.catalogue.of_day("raw", day)
                if entry.touches(low, high)
            ]
            if len(days) == 1:
                return merged([*parts, *unsealed])
            found.append(merged([*parts, *(of_tags(batch, tags, low, high) for batch in unsealed)]))
        return concatenate(found) if len(tags) == 1 else merged(found)

    def rows(self, tier: Source, tags: Tags, intervals: Intervals) -> TierRows:
        """The rows of a tier that begin in the intervals, by tag, then start."""
        if not len(intervals) or not len(tags):
            return TierRows.empty()
        found = []
        for day in self.catalogue.days_within(tier, int(intervals[0, 0]), int(intervals[-1, 1])):
            pieces = overlapping(intervals, day * US_PER_DAY, (day + 1) * US_PER_DAY)
            if len(pieces):
                rows = self._rows_of_day(tier, day, tags, int(pieces[0, 0]), int(pieces[-1, 1]))
                found.append(rows if len(pieces) == 1 else rows.take(inside(pieces, rows.starts)))
        joined = concatenated(found)
        return joined if len(tags) == 1 else in_order(joined)

    def _rows_of_day(self, tier: Source, day: int, tags: Tags, start: int, end: int) -> TierRows:
        return overlaid(
            [
                self.files.tier(entry).read(tags, start, end)
                for entry in self.catalogue.of_day(tier, day)
                if entry.touches(start, end)
            ]
        )

    def pending(self, tags: Tags, start: int, end: int) -> list[SampleBatch]:
        """Samples that the sums of their minutes do not know yet."""
        parts = [
            self.files.samples(entry, tags, start, end)
            for entry in self.catalogue.within("raw", start, end)
            if entry.rolled == NOT_ROLLED
        ]
        return [*(part for part in parts if len(part)), *self.unsealed(tags, start, end)]

    def open_hours(self, start: int, end: int) -> set[int]:
        """Hours since 1970 whose sums are not made yet, though those of their minutes may be."""
        hours: set[int] = set()
        for entry in self.catalogue.within("raw", start, end):
            if entry.rolled == MINUTES_ROLLED:
                hours.update(range(entry.min_time // US_PER_HOUR, entry.max_time // US_PER_HOUR + 1))
        return hours


def overlaid(rows: Sequence[TierRows]) -> TierRows:
    """Rows by tag, then start; of equal ones those of the last."""
    some = [each for each in rows if len(each)]
    if len(some) <= 1:
        return some[0] if some else TierRows.empty()
    joined = concatenated(some)
    order = np.lexsort((joined.starts, joined.tag_ids))
    tags, starts = joined.tag_ids[order], joined.starts[order]
    last = np.append((tags[1:] != tags[:-1]) | (starts[1:] != starts[:-1]), True)
    return joined.take(order[last])


def in_order(rows: TierRows) -> TierRows:
    """By tag, then start."""
    return rows.take(np.lexsort((rows.starts, rows.tag_ids)))
