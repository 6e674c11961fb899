"""Reading parts together, a bounded piece at a time, in the order of (tag, timestamp)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from andon.historian.stores.columnar.catalogue import Entry
from andon.historian.stores.columnar.openfiles import ALWAYS, OpenFiles
from andon.historian.stores.columnar.planner import US_PER_MINUTE
from andon.historian.stores.columnar.sorting import merged
from andon.historian.stores.columnar.tagindex import TagIndex
from andon.kit.samples import SampleBatch

Piece = tuple[NDArray[np.int32], int, int]
"""Tags and a range of time."""


def pieces(
    indices: Sequence[TagIndex],
    max_rows: int,
    tags: NDArray[np.int32] | None = None,
    start: int = ALWAYS[0],
    end: int = ALWAYS[1],
) -> Iterator[Piece]:
    """Pieces of about `max_rows` rows that together are all of the files (or of some tags, in a range), in order.

    Groups of whole tags; a tag that is larger is cut in time, at whole minutes.
    """
    every = np.unique(np.concatenate([index.tags for index in indices]))
    if tags is not None:
        every = every[np.isin(every, tags)]
    counts = sum((index.about(every, start, end) for index in indices), np.zeros(len(every)))
    at = 0
    while at < len(every):
        if counts[at] > max_rows:
            yield from _cut_in_time(indices, every[at : at + 1], -(-int(counts[at]) // max_rows), start, end)
            at += 1
            continue
        after = at + max(1, int(np.searchsorted(np.cumsum(counts[at:]), max_rows, "right")))
        larger = np.flatnonzero(counts[at:after] > max_rows)
        after = at + int(larger[0]) if len(larger) else after
        yield every[at:after], start, end
        at = after


def _cut_in_time(
    indices: Sequence[TagIndex], tag: NDArray[np.int32], count: int, start: int, end: int
) -> Iterator[Piece]:
    first = max(start, min(int(index.firsts[index.tags == tag].min(initial=ALWAYS[1])) for index in indices))
    last = min(end - 1, max(int(index.lasts[index.tags == tag].max(initial=ALWAYS[0])) for index in indices))
    step = -(-(last - first + 1) // count // US_PER_MINUTE) * US_PER_MINUTE
    at = first // US_PER_MINUTE * US_PER_MINUTE
    while at <= last:
        yield tag, at, at + step
        at += step


def together(files: OpenFiles, entries: Sequence[Entry], max_rows: int) -> Iterator[SampleBatch]:
    """All samples of some parts, given in the order of `seq`: sorted, each key once, piece by piece."""
    indices = [files.file(entry).index for entry in entries]
    for tags, start, end in pieces(indices, max_rows):
        batch = merged([files.samples(entry, tags, start, end) for entry in entries])
        if len(batch):
            yield batch
