"""How many samples there are, each key once: parts overlap where samples came again, late or corrected.

Which tags have samples when is known without reading any; samples are looked at only where two overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from andon.historian.stores.columnar.catalogue import Catalogue, Entry
from andon.historian.stores.columnar.inputs import Piece, pieces
from andon.historian.stores.columnar.memory import Run
from andon.historian.stores.columnar.openfiles import OpenFiles
from andon.historian.stores.columnar.sorting import merged, of_tags
from andon.historian.stores.columnar.tagindex import TagIndex, TagIndexBuilder
from andon.historian.stores.columnar.view import Tags, View
from andon.kit.errors import UnavailableError
from andon.kit.samples import SampleBatch


@dataclass(frozen=True, slots=True)
class Held:
    """Sorted samples, each key once: which tags have some when, and those of some tags in a range."""

    index: TagIndex
    read: Callable[[Tags, int, int], SampleBatch]

    @staticmethod
    def in_memory(batch: SampleBatch) -> Held:
        """A sorted batch."""
        builder = TagIndexBuilder()
        builder.add(batch.tag_ids, batch.timestamps)
        return Held(builder.build(), partial(of_tags, batch))

    @staticmethod
    def in_file(files: OpenFiles, entry: Entry) -> Held:
        """A raw part. UnavailableError when it cannot be read."""
        return Held(files.file(entry).index, partial(files.samples, entry))


def repeats(batch: Held, older: Iterable[Held], chunk_rows: int) -> int:
    """How many of a batch's keys any of the older ones has; about `chunk_rows` samples are looked at at a time."""
    found = [
        _in_both(batch.read(tags, start, end), other.read(tags, start, end))
        for other in older
        for tags, start, end in _common(batch.index, other.index, chunk_rows)
    ]
    some = [keys for keys in found if len(keys)]
    if not some:
        return 0
    return len(some[0]) if len(some) == 1 else len(np.unique(np.concatenate(some), axis=0))


def repeats_of(view: View, batch: SampleBatch, chunk_rows: int, older: Sequence[Held] = ()) -> int | None:
    """How many of a sorted batch's keys the files, or what is older in memory, have already.

    None when a file that may have some cannot be read, or lies in the archive: sealing does not wait for that.
    """
    entries = view.catalogue.within("raw", int(batch.timestamps.min()), int(batch.timestamps.max()) + 1)
    if any(entry.archive is not None for entry in entries):
        return None
    try:
        files = [Held.in_file(view.files, entry) for entry in entries]
        return repeats(Held.in_memory(batch), [*older, *files], chunk_rows)
    except UnavailableError:
        return None


def unsealed_new(view: View, runs: Sequence[Run], chunk_rows: int) -> tuple[int, int]:
    """Of samples in memory: how many are new to the files, and how many of those may not be."""
    small = merged([run.batch for run in runs if run.level == 0])
    batches = [*(run.batch for run in runs if run.level), *([small] if len(small) else [])]
    older: list[Held] = []
    new = uncertain = 0
    for batch in batches:
        again = repeats_of(view, batch, chunk_rows, older)
        new += len(batch) - (again or 0)
        uncertain += len(batch) if again is None else 0
        older.append(Held.in_memory(batch))
    return new, uncertain


def counted(catalogue: Catalogue, made: Sequence[Entry], parts: Sequence[Entry]) -> list[Entry]:
    """Files that take the place of parts, with how many of their keys files before them have: merging loses none."""
    if not made:
        return []
    mine, first = {part.id for part in parts}, min(part.seq for part in parts)
    low, high = min(part.min_time for part in parts), max(part.max_time for part in parts)
    before = [
        each
        for each in catalogue.of_day("raw", parts[0].day)
        if each.id not in mine and each.seq < first and each.touches(low, high + 1)
    ]
    again: int | None = 0
    if before:
        known = [part.repeated for part in parts if part.repeated is not None]
        new = sum(part.rows for part in parts) - sum(known)
        again = sum(each.rows for each in made) - new if len(known) == len(parts) else None
    return [replace(each, repeated=again if place == 0 else 0) for place, each in enumerate(made)]


def _common(one: TagIndex, other: TagIndex, chunk_rows: int) -> Iterable[Piece]:
    """Tags and ranges, a bounded piece at a time, in which both have samples."""
    tags, mine, theirs = np.intersect1d(one.tags, other.tags, assume_unique=True, return_indices=True)
    low = np.maximum(one.firsts[mine], other.firsts[theirs])
    high = np.minimum(one.lasts[mine], other.lasts[theirs])
    meet = low <= high
    if not meet.any():
        return
    start, end = int(low[meet].min()), int(high[meet].max()) + 1
    for some, first, last in pieces([one, other], chunk_rows, tags[meet]):
        if first < end and last > start:
            yield some, max(first, start), min(last, end)


def _in_both(one: SampleBatch, other: SampleBatch) -> NDArray[np.int64]:
    """Keys (tag, timestamp) that both have, a row each."""
    tags = np.concatenate((one.tag_ids, other.tag_ids)).astype(np.int64)
    times = np.concatenate((one.timestamps, other.timestamps))
    order = np.lexsort((times, tags))
    tags, times = tags[order], times[order]
    same = (tags[1:] == tags[:-1]) & (times[1:] == times[:-1])
    return np.stack((tags[1:][same], times[1:][same]), axis=1)
