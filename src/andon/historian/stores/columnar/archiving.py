"""Moving the samples of days that are over into the archive. Their sums stay here: most questions need no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Final

from andon.historian.stores.columnar.archive import Archive
from andon.historian.stores.columnar.catalogue import ROLLED, Entry, pack_tags
from andon.historian.stores.columnar.state import State
from andon.kit.clock import US_PER_DAY

_NOTE: Final = "archive"
_LEAST_BYTES_S: Final = 256 << 10
"""An archive that takes less in a second counts as away."""


def archive_days(
    state: State, archive: Archive, before: int, alone: Callable[[], AbstractContextManager[None]]
) -> list[Entry]:
    """Move the samples of days that ended before `before` (µs). Returns the files that were moved.

    Days of which parts are still to be merged wait for that. `alone` keeps maintenance away; copying goes on beside
    it. UnavailableError when the archive is away or a copy differs, OSError when a file here cannot be read: what has
    moved by then has moved, the rest is still here.
    """
    _begin(state, archive)
    days = sorted(day for day in state.catalogue.days["raw"] if (day + 1) * US_PER_DAY <= before)
    moved = [_move(state, archive, entry, alone) for day in days for entry in _settled(state, day)]
    return [entry for entry in moved if entry is not None]


def _begin(state: State, archive: Archive) -> None:
    """Once for each archive; one that has files already has to have one of them where it should be."""
    if state.note(_NOTE) == archive.url:
        archive.begun()
        return
    entries = [entry for entry in state.catalogue.all("raw") if entry.archive is not None]
    if entries:
        state.files.look(entries[0])
    state.gate.run("what is moved", archive.begin)
    state.remember({_NOTE: archive.url})


def _settled(state: State, day: int) -> Iterator[Entry]:
    """Files that are still here, of slots whose parts are what one merge leaves: one, and one of pinned samples."""
    parts = state.catalogue.of_day("raw", day)
    whole_day = any(part.of_a_day for part in parts)
    for part in parts:
        others = parts if whole_day else [each for each in parts if each.slot == part.slot]
        alike = all((each.seq, each.rolled) == (part.seq, ROLLED) for each in others)
        if alike and part.archive is None:
            yield part


def _move(
    state: State, archive: Archive, entry: Entry, alone: Callable[[], AbstractContextManager[None]]
) -> Entry | None:
    with state.view() as view:
        if not _is_there(entry, view.catalogue.of_day("raw", entry.day)):
            return None
        tags = pack_tags(view.files.file(entry).index.tags)
        copy = partial(archive.put, state.folder / entry.path, entry.path)
        archived = state.gate.run(entry.path, copy, state.gate.limits.timeout_s + entry.bytes / _LEAST_BYTES_S)
    # Without a path here: what a crash leaves of the file is a stranger then, and goes at the next start.
    moved = replace(entry, id=state.new_id(), path="", archive=archived.name, checksum=archived.checksum, tags=tags)
    with alone():
        if _is_there(entry, state.catalogue.of_day("raw", entry.day)):
            state.swap([moved], [entry])
            return moved
    state.gate.run(archived.name, partial(archive.remove, archived.name))
    return None


def _is_there(entry: Entry, entries: tuple[Entry, ...]) -> bool:
    return any(each.id == entry.id for each in entries)
