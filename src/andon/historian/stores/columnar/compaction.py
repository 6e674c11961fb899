"""Merging files: the parts of an hour once it is over, the hours of a day once that is, and late parts into their day.

Merging takes parts that follow each other in `seq`: what is made of them stands where they stood.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import numpy as np

from andon.historian.model import Source
from andon.historian.rollup import TierRows, concatenated, rollup
from andon.historian.stores.columnar.catalogue import NOT_ROLLED, ROLLED, Entry
from andon.historian.stores.columnar.counting import counted
from andon.historian.stores.columnar.encodings import LZ4, ZSTD
from andon.historian.stores.columnar.inputs import pieces, together
from andon.historian.stores.columnar.openfiles import ALWAYS
from andon.historian.stores.columnar.partfile import ROW_GROUP, SMALL_GROUP, PartSummary, write_part
from andon.historian.stores.columnar.planner import US_PER_MINUTE
from andon.historian.stores.columnar.rolling import RowsFile, hours_of, write_rows, writing_rows
from andon.historian.stores.columnar.sealing import check_room
from andon.historian.stores.columnar.state import State
from andon.historian.stores.columnar.view import View, overlaid
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import PINNED, SampleBatch

_SUMS: Final[tuple[Source, ...]] = ("minute", "hour")


def merge_parts(state: State, parts: Sequence[Entry], slot: int, span: int, *, whole: bool) -> None:
    """Parts of a slot, in the order of `seq`, become one (and one of pinned samples).

    `whole`: they are all that the slot has.
    """
    check_room(state, sum(part.bytes for part in parts))
    with state.view():
        made = _written(state, parts, slot, span, whole, rolled=min(part.rolled for part in parts))
    state.swap(made, parts)


def close_hour(state: State, parts: Sequence[Entry], slot: int, span: int) -> None:
    """All parts of an hour that is over become one, and its minutes and its sums are made from it."""
    check_room(state, 2 * sum(part.bytes for part in parts))
    with state.view() as view, HourSums(state, view, slot, span) as sums:
        if len(parts) > 1:
            made = _written(state, parts, slot, span, True, rolled=ROLLED, sums=sums)
        else:
            for batch in together(state.files, parts, state.limits.chunk_rows):
                sums.add(batch)
            made = [replace(parts[0], rolled=ROLLED, merged=True)]
    state.swap([*made, *sums.made], [*parts, *sums.replaced])


class HourSums:
    """Makes an hour's files of both tiers while its samples pass by, sorted and each once."""

    def __init__(self, state: State, view: View, slot: int, span: int) -> None:
        self._files = state.files
        self._stack = contextlib.ExitStack()
        self._held: dict[Source, list[Entry]] = {}
        self._writing: dict[Source, RowsFile] = {}
        for tier in _SUMS:
            held = view.catalogue.of_day(tier, slot // US_PER_DAY)
            self._held[tier] = [each for each in held if (each.slot, each.span) == (slot, span)]
            self._writing[tier] = self._stack.enter_context(writing_rows(state, tier, slot, span, whole=True))
        self._end = (slot, slot + span)
        self._minutes = TierRows.empty()
        self._next_tag = ALWAYS[0]

    def __enter__(self) -> HourSums:
        return self

    def add(self, batch: SampleBatch) -> None:
        """The next samples, of whole tags or of one tag that goes on."""
        minutes = rollup(batch, US_PER_MINUTE)
        last = int(minutes.tag_ids[-1])
        joined = concatenated([self._minutes, minutes])
        done = joined.tag_ids < last
        self._minutes = joined.take(~done)
        self._finish(joined.take(done), last)

    def _finish(self, fresh: TierRows, before: int) -> None:
        """Write the tags from the last one written to `before`, of which no more comes."""
        for tier in _SUMS:
            rows = overlaid([*self._known(tier, before), fresh])
            self._writing[tier].add(rows)
            # An hour is summed up from all its minutes, also those whose samples are gone.
            fresh = hours_of(rows.take(np.isin(rows.tag_ids, fresh.tag_ids)))
        self._next_tag = before

    def _known(self, tier: Source, before: int) -> Iterator[TierRows]:
        for entry in self._held[tier]:
            file = self._files.tier(entry)
            tags = file.index.tags
            wanted = tags[(tags >= self._next_tag) & (tags < before)]
            yield file.read(wanted, *self._end)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            try:
                self._finish(self._minutes, ALWAYS[1])
            except BaseException as failure:
                self._stack.__exit__(type(failure), failure, failure.__traceback__)
                raise
            self._stack.close()
        else:
            self._stack.__exit__(kind, error, None)

    @property
    def made(self) -> list[Entry]:
        """The files, written."""
        return [entry for file in self._writing.values() for entry in file.entries]

    @property
    def replaced(self) -> list[Entry]:
        """The files whose rows they hold."""
        return [entry for held in self._held.values() for entry in held]


def merge_tier(state: State, files: Sequence[Entry], slot: int, span: int) -> None:
    """Files of a tier, in the order of `seq`, become one."""
    check_room(state, sum(each.bytes for each in files))
    with state.view():
        made = write_rows(state, files[0].tier, slot, span, _overlaid_files(state, files), whole=True)
    # It stands where the last of them stood: what was made meanwhile is newer.
    state.swap([replace(each, seq=files[-1].seq) for each in made], files)


def _overlaid_files(state: State, files: Sequence[Entry]) -> Iterator[TierRows]:
    indices = [state.files.tier(each).index for each in files]
    for tags, start, end in pieces(indices, state.limits.chunk_rows):
        yield overlaid([state.files.tier(each).read(tags, start, end) for each in files])


def _written(
    state: State,
    parts: Sequence[Entry],
    slot: int,
    span: int,
    whole: bool,
    *,
    rolled: int,
    sums: HourSums | None = None,
) -> list[Entry]:
    """The merged parts, written. Pinned samples are a part of their own; which they are is the last write's say."""
    kinds = [False, True] if any(part.pinned for part in parts) else [False]
    made = []
    for pinned in kinds:
        batches = together(state.files, parts, state.limits.chunk_rows)
        if sums is not None and not pinned:
            batches = _noting(batches, sums)
        entry = _write(state, _of_kind(batches, pinned) if len(kinds) > 1 else batches, parts, slot, span, pinned)
        if entry is not None:
            made.append(replace(entry, merged=whole, rolled=rolled))
    return counted(state.catalogue, made, parts)


def _noting(batches: Iterable[SampleBatch], sums: HourSums) -> Iterator[SampleBatch]:
    """The batches as they are, summed up on the way."""
    for batch in batches:
        sums.add(batch)
        yield batch


def _of_kind(batches: Iterable[SampleBatch], pinned: bool) -> Iterator[SampleBatch]:
    for batch in batches:
        wanted = batch.marked(PINNED) == pinned
        if wanted.any():
            yield batch if wanted.all() else batch.take(wanted)


def _write(
    state: State, batches: Iterable[SampleBatch], parts: Sequence[Entry], slot: int, span: int, pinned: bool
) -> Entry | None:
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        return None
    seq = parts[-1].seq
    id_, path = state.new_file("raw", slot, span)
    state.reached("before fsync")
    # A day of one signal is read from up to a day of hours, so these are made of smaller pieces than days.
    size = ROW_GROUP if span > US_PER_HOUR else SMALL_GROUP
    summary = write_part(
        state.folder / path,
        chain((first,), batches),
        meta={"andon.seq": str(seq)},
        row_group=size,
        compression=LZ4 if _merged_again(state, parts, span) else ZSTD,
    )
    return entry_of(state, "raw", slot, span, id_, seq, path, summary, pinned=pinned)


def _merged_again(state: State, parts: Sequence[Entry], span: int) -> bool:
    """Whether what is made of parts of an hour will lie in its day's file one day, as far as one can tell now."""
    hours = US_PER_DAY // US_PER_HOUR
    return span <= US_PER_HOUR and hours * sum(part.bytes for part in parts) <= state.limits.day_file_bytes


def entry_of(
    state: State,
    tier: Source,
    slot: int,
    span: int,
    id_: int,
    seq: int,
    path: str,
    summary: PartSummary,
    *,
    pinned: bool = False,
) -> Entry:
    """The manifest's row of a file that was written."""
    return Entry(
        id=id_,
        tier=tier,
        slot=slot,
        span=span,
        seq=seq,
        path=path,
        rows=summary.rows,
        bytes=summary.bytes,
        min_time=summary.min_time,
        max_time=summary.max_time,
        made_at=state.clock(),
        rolled=NOT_ROLLED,
        pinned=pinned,
    )
