"""Sealing: what is in memory becomes files, one per hour or day that it touches, and then one transaction."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.stores.columnar.catalogue import NOT_ROLLED, Entry
from andon.historian.stores.columnar.counting import repeats_of
from andon.historian.stores.columnar.encodings import LZ4
from andon.historian.stores.columnar.partfile import SMALL_GROUP, write_part
from andon.historian.stores.columnar.state import State
from andon.historian.stores.columnar.view import View
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.errors import UnavailableError
from andon.kit.samples import PINNED, SampleBatch

_HOURS: Final = 24


def seal(state: State) -> int:
    """Seal what waits. Returns how many samples. UnavailableError: it stays in memory, and the log must keep it."""
    try:
        if state.waits_for_seal():
            check_room(state)
        batch = state.freeze()
        if batch is None:
            state.settle_positions()
            return 0
        with state.view() as view:
            written = [_write(state, view, slot, span, part) for slot, span, part in _by_slot(state, batch)]
        state.reached("before manifest")
        state.sealed(written)
    except (OSError, sqlite3.Error) as error:
        state.give_up()
        raise UnavailableError(
            f"history cannot be written: {error} ({state.folder})",
            cure=f"make room on the disk that holds {state.folder}, and check that it can be written",
        ) from error
    return len(batch)


def check_room(state: State, wanted: int = 0) -> None:
    """OSError when the disk has less left than `min_free_bytes`, and what is wanted."""
    free = shutil.disk_usage(state.folder).free
    if free < state.limits.min_free_bytes + wanted:
        raise OSError(f"the disk has only {free >> 20} MB left (min_free_bytes)")


def _by_slot(state: State, batch: SampleBatch) -> Iterator[tuple[int, int, SampleBatch]]:
    """(slot, span, samples) of the hours and days that a batch touches; pinned samples apart from others."""
    hours = batch.timestamps // US_PER_HOUR
    for slot, span in dict.fromkeys(_slot(state, hour) for hour in _present(hours)):
        within = (hours >= slot) & (hours < slot + span)
        part = batch if within.all() else batch.take(within)
        pinned = part.marked(PINNED)
        for some in (~pinned, pinned):
            if some.any():
                yield slot * US_PER_HOUR, span * US_PER_HOUR, part if some.all() else part.take(some)


def _present(hours: NDArray[np.int64]) -> list[int]:
    """The hours that occur, ascending."""
    first, last = int(hours.min()), int(hours.max())
    if first == last:
        return [first]
    if last - first > len(hours):
        return list(np.unique(hours).tolist())
    return [first + hour for hour in np.flatnonzero(np.bincount(hours - first)).tolist()]


def _slot(state: State, hour: int) -> tuple[int, int]:
    """Start and length in hours of the file that an hour's samples go to.

    Late ones of a day that is long over, or in a file of its own already, share one part.
    """
    day = hour // _HOURS
    if day < state.clock() // US_PER_DAY - 1 or any(each.of_a_day for each in state.catalogue.of_day("raw", day)):
        return day * _HOURS, _HOURS
    return hour, 1


def _write(state: State, view: View, slot: int, span: int, batch: SampleBatch) -> Entry:
    id_, path = state.new_file("raw", slot, span)
    state.reached("before fsync")
    meta = {"andon.seq": str(id_)}
    summary = write_part(state.folder / path, batch, meta=meta, row_group=SMALL_GROUP, compression=LZ4)
    entry = Entry(
        id=id_,
        tier="raw",
        slot=slot,
        span=span,
        seq=id_,
        path=path,
        rows=summary.rows,
        bytes=summary.bytes,
        min_time=summary.min_time,
        max_time=summary.max_time,
        made_at=state.clock(),
        rolled=NOT_ROLLED,
        pinned=bool(batch.marked(PINNED).any()),
        repeated=repeats_of(view, batch, state.limits.chunk_rows),
    )
    state.files.remember(entry, batch)
    return entry
