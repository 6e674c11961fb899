"""Keeping the tiers true: the minutes and hours that a new part touches are summed up anew from all parts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from andon.historian.model import Source
from andon.historian.rollup import TierRows, combined, concatenated, rollup
from andon.historian.stores.columnar.catalogue import ROLLED, Entry
from andon.historian.stores.columnar.fresh import keys_of_rows, keys_of_samples
from andon.historian.stores.columnar.inputs import pieces
from andon.historian.stores.columnar.planner import US_PER_MINUTE
from andon.historian.stores.columnar.safefile import whole as whole_file
from andon.historian.stores.columnar.sorting import merged, of_tags
from andon.historian.stores.columnar.state import State
from andon.historian.stores.columnar.tierfile import TierWriter
from andon.historian.stores.columnar.view import Tags, View, overlaid
from andon.kit.clock import US_PER_HOUR
from andon.kit.samples import SampleBatch


def roll(state: State, entries: Sequence[Entry]) -> None:
    """Bring the tiers up to date with parts of one slot."""
    slot, span = entries[0].slot, entries[0].span
    with state.view() as view:
        indices = [state.files.file(entry).index for entry in entries]
        most = state.limits.chunk_rows
        found = [
            rows for tags, start, end in pieces(indices, most) for rows in _anew(view, entries, tags, start, end, most)
        ]
        minutes = concatenated(found)
        hours = _hours(view, minutes)
    added = [
        *write_rows(state, "minute", slot, span, minutes),
        *write_rows(state, "hour", slot, span, hours),
    ]
    state.swap([*added, *(replace(entry, rolled=ROLLED) for entry in entries)], entries)


def _anew(view: View, entries: Sequence[Entry], tags: Tags, start: int, end: int, most: int) -> Iterator[TierRows]:
    """The minutes of some tags that parts touch, from all parts that have samples in them; in pieces."""
    touched = merged([view.files.samples(entry, tags, start, end) for entry in entries])
    if not len(touched):
        return
    low = int(touched.timestamps.min()) // US_PER_MINUTE * US_PER_MINUTE
    high = (int(touched.timestamps.max()) // US_PER_MINUTE + 1) * US_PER_MINUTE
    mine = {entry.id for entry in entries}
    others = [
        entry
        for entry in view.catalogue.of_day("raw", entries[0].day)
        if entry.id not in mine and entry.touches(low, high)
    ]
    if not others:
        yield rollup(touched, US_PER_MINUTE)
        return
    # A late minute may be in every part of its hour: a piece is what all of them hold of it.
    parts = [*entries, *others]
    indices = [view.files.file(entry).index for entry in parts]
    for some, first, last in pieces(indices, most, np.unique(touched.tag_ids), low, high):
        here = of_tags(touched, some, first, last)
        if len(here):
            yield rollup(_with_others(view, parts, some, here, first, last), US_PER_MINUTE)


def _with_others(
    view: View, parts: Sequence[Entry], tags: Tags, touched: SampleBatch, low: int, high: int
) -> SampleBatch:
    keys = keys_of_samples(touched, US_PER_MINUTE)
    found = []
    for entry in sorted(parts, key=lambda each: (each.seq, each.id)):
        batch = view.files.samples(entry, tags, low, high)
        wanted = np.isin(keys_of_samples(batch, US_PER_MINUTE, unique=False), keys)
        found.append(batch.take(wanted))
    return merged(found)


def _hours(view: View, minutes: TierRows) -> TierRows:
    """The hours that new minutes lie in."""
    keys = np.unique(keys_of_rows(minutes, US_PER_HOUR))
    first = int(minutes.starts.min()) // US_PER_HOUR * US_PER_HOUR
    last = (int(minutes.starts.max()) // US_PER_HOUR + 1) * US_PER_HOUR
    tags = np.unique(minutes.tag_ids)
    known = view.rows("minute", tags, np.array([[first, last]], np.int64))
    every = overlaid([known, minutes])
    every = every.take(np.isin(keys_of_rows(every, US_PER_HOUR), keys))
    return hours_of(every)


def hours_of(minutes: TierRows) -> TierRows:
    """Hours from all their minutes."""
    if not len(minutes):
        return minutes
    first = int(minutes.starts.min()) // US_PER_HOUR
    last = int(minutes.starts.max()) // US_PER_HOUR
    return combined(minutes, np.arange(first, last + 2, dtype=np.int64) * US_PER_HOUR)


def write_rows(
    state: State, tier: Source, slot: int, span: int, rows: TierRows | Iterable[TierRows], *, whole: bool = False
) -> list[Entry]:
    """A file of a tier, or none when there are no rows; pieces of rows follow each other."""
    with writing_rows(state, tier, slot, span, whole=whole) as file:
        for each in [rows] if isinstance(rows, TierRows) else rows:
            file.add(each)
    return file.entries


class RowsFile:
    """A file of a tier that is being written; it is begun with its first row. `entries`: it, once it is written."""

    def __init__(self, state: State, tier: Source, slot: int, span: int, *, whole: bool) -> None:
        self.entries: list[Entry] = []
        self._state = state
        self._place = (tier, slot, span)
        self._whole = whole
        self._stack = contextlib.ExitStack()
        self._writer: TierWriter | None = None
        self._id, self._path = 0, ""

    def add(self, rows: TierRows) -> None:
        """More rows, behind the last ones."""
        if not len(rows):
            return
        if self._writer is None:
            self._id, self._path = self._state.new_file(*self._place)
            self._state.reached("before fsync")
            file = self._stack.enter_context(whole_file(self._state.folder / self._path))
            # A month of one tag's hours is a few rows of each of many files.
            self._writer = TierWriter(file, flat=self._place[0] == "hour")
        self._writer.add(rows)

    def end(self) -> None:
        """Write the rest, to the disk."""
        if self._writer is None:
            return
        summary = self._writer.finish({"andon.seq": str(self._id)})
        self._stack.close()
        tier, slot, span = self._place
        entry = Entry(
            id=self._id,
            tier=tier,
            slot=slot,
            span=span,
            seq=self._id,
            path=self._path,
            rows=summary.rows,
            bytes=summary.bytes,
            min_time=summary.min_time,
            max_time=summary.max_time,
            made_at=self._state.clock(),
            merged=self._whole,
        )
        self.entries.append(entry)

    def give_up(self, error: BaseException) -> None:
        """Leave nothing behind."""
        self._stack.__exit__(type(error), error, error.__traceback__)


@contextlib.contextmanager
def writing_rows(state: State, tier: Source, slot: int, span: int, *, whole: bool = False) -> Iterator[RowsFile]:
    """Write a file of a tier bit by bit."""
    file = RowsFile(state, tier, slot, span, whole=whole)
    try:
        yield file
        file.end()
    except BaseException as error:
        file.give_up(error)
        raise
