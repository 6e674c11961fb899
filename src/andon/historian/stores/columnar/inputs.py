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


def pieces(indices: Sequence[TagIndex], max_rows: int, tags: NDArray[np.int32] | None = None) -> Iterator[Piece]:
    """Pieces of about `max_rows` rows that together are all of the files (or of some tags), in order.

    Groups of whole tags; a tag that is larger is cut in time, at whole minutes.
    """
    rows = np.concatenate([np.diff(index.starts) for index in indices])
    of = np.concatenate([index.tags for index in indices])
    every, place = np.unique(of, return_inverse=True)
    counts = np.bincount(place, rows, len(every)).astype(np.int64)
    if tags is not None:
        wanted = np.isin(every, tags)
        every, counts = every[wanted], counts[wanted]
    at = 0
    while at < len(every):
        if counts[at] > max_rows:
            yield from _cut_in_time(indices, every[at : at + 1], -(-int(counts[at]) // max_rows))
            at += 1
            continue
        end = at + max(1, int(np.searchsorted(np.cumsum(counts[at:]), max_rows, "right")))
        larger = np.flatnonzero(counts[at:end] > max_rows)
        end = at + int(larger[0]) if len(larger) else end
        yield every[at:end], *ALWAYS
        at = end


def _cut_in_time(indices: Sequence[TagIndex], tag: NDArray[np.int32], count: int) -> Iterator[Piece]:
    first = min(int(index.firsts[index.tags == tag].min(initial=ALWAYS[1])) for index in indices)
    last = max(int(index.lasts[index.tags == tag].max(initial=ALWAYS[0])) for index in indices)
    step = -(-(last - first + 1) // count // US_PER_MINUTE) * US_PER_MINUTE
    start = first // US_PER_MINUTE * US_PER_MINUTE
    while start <= last:
        yield tag, start, start + step
        start += step


def together(files: OpenFiles, entries: Sequence[Entry], max_rows: int) -> Iterator[SampleBatch]:
    """All samples of some parts, given in the order of `seq`: sorted, each key once, piece by piece."""
    indices = [files.file(entry).index for entry in entries]
    for tags, start, end in pieces(indices, max_rows):
        batch = merged([files.samples(entry, tags, start, end) for entry in entries])
        if len(batch):
            yield batch
