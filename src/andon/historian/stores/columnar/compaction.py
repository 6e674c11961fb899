"""Merging files: the parts of an hour once it is over, the hours of a day once that is, and late parts into their day.

Merging takes parts that follow each other in `seq`: what is made of them stands where they stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import numpy as np

from andon.historian.model import Source
from andon.historian.rollup import TierRows, rollup
from andon.historian.stores.columnar.catalogue import MINUTES_ROLLED, ROLLED, Entry
from andon.historian.stores.columnar.inputs import pieces, together
from andon.historian.stores.columnar.layout import path_of
from andon.historian.stores.columnar.partfile import PartSummary, write_part
from andon.historian.stores.columnar.planner import US_PER_MINUTE
from andon.historian.stores.columnar.rolling import hours_of, sorted_rows, write_rows
from andon.historian.stores.columnar.sealing import check_room
from andon.historian.stores.columnar.state import State
from andon.historian.stores.columnar.view import View, overlaid
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
    minutes: list[TierRows] = []
    with state.view() as view:
        if len(parts) > 1:
            made = _written(state, parts, slot, span, True, rolled=ROLLED, minutes=minutes)
        else:
            minutes.extend(
                rollup(batch, US_PER_MINUTE) for batch in together(state.files, parts, state.limits.chunk_rows)
            )
            made = [replace(parts[0], rolled=ROLLED, merged=True)]
        tiers, before = _tiers_of_hour(state, view, sorted_rows(minutes), slot, span)
    state.swap([*made, *tiers], [*parts, *before])


def _tiers_of_hour(
    state: State, view: View, minutes: TierRows, slot: int, span: int
) -> tuple[list[Entry], list[Entry]]:
    """The hour's files of both tiers with these minutes, and the files that they replace."""
    made, replaced = [], []
    fresh = minutes
    for tier in _SUMS:
        held = [each for each in view.catalogue.within(tier, slot, slot + span) if each.span == span]
        known = [state.files.tier(each).read(None, slot, slot + span) for each in held]
        rows = overlaid([*known, fresh])
        made.extend(write_rows(state, tier, slot, span, rows, whole=True))
        replaced.extend(held)
        # An hour is summed up from all its minutes, also those whose samples are gone.
        fresh = hours_of(rows.take(np.isin(rows.tag_ids, fresh.tag_ids)))
    return made, replaced


def merge_tier(state: State, files: Sequence[Entry], slot: int, span: int) -> None:
    """Files of a tier, in the order of `seq`, become one."""
    check_room(state, sum(each.bytes for each in files))
    with state.view():
        rows = _overlaid_files(state, files)
        made = write_rows(state, files[0].tier, slot, span, rows, whole=True)
    # It stands where the last of them stood: what was made meanwhile is newer.
    state.swap([replace(each, seq=files[-1].seq) for each in made], files)


def _overlaid_files(state: State, files: Sequence[Entry]) -> TierRows:
    found = []
    indices = [state.files.tier(each).index for each in files]
    for tags, start, end in pieces(indices, state.limits.chunk_rows):
        found.append(overlaid([state.files.tier(each).read(tags, start, end) for each in files]))
    return sorted_rows(found)


def _written(
    state: State,
    parts: Sequence[Entry],
    slot: int,
    span: int,
    whole: bool,
    *,
    rolled: int,
    minutes: list[TierRows] | None = None,
) -> list[Entry]:
    """The merged parts, written. Pinned samples are a part of their own; which they are is the last write's say."""
    kinds = [False, True] if any(part.pinned for part in parts) else [False]
    made = []
    for pinned in kinds:
        batches = together(state.files, parts, state.limits.chunk_rows)
        if minutes is not None and not pinned:
            batches = _noting(batches, minutes)
        entry = _write(state, _of_kind(batches, pinned) if len(kinds) > 1 else batches, parts, slot, span, pinned)
        if entry is not None:
            made.append(replace(entry, merged=whole, rolled=rolled))
    return made


def _noting(batches: Iterable[SampleBatch], minutes: list[TierRows]) -> Iterator[SampleBatch]:
    """The batches as they are, their minutes summed up on the way."""
    for batch in batches:
        minutes.append(rollup(batch, US_PER_MINUTE))
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
    id_, seq = state.new_id(), parts[-1].seq
    path = path_of("raw", slot, span, id_)
    state.reached("before fsync")
    summary = write_part(state.folder / path, chain((first,), batches), meta={"andon.seq": str(seq)})
    return entry_of(state, "raw", slot, span, id_, seq, path, summary, pinned=pinned)


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
        rolled=MINUTES_ROLLED,
        pinned=pinned,
    )
