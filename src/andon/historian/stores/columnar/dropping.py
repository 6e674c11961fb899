"""Retention: whole days go, tier by tier; a tier keeps a tag's day as long as a finer one has anything of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.retention import Dropped, RetentionPolicies
from andon.historian.rollup import TierRows
from andon.historian.stores.columnar.catalogue import ROLLED, TIERS, Entry, tags_there
from andon.historian.stores.columnar.compaction import entry_of, merge_parts
from andon.historian.stores.columnar.gate import ArchivedFileError
from andon.historian.stores.columnar.inputs import pieces
from andon.historian.stores.columnar.openfiles import ALWAYS
from andon.historian.stores.columnar.partfile import write_part
from andon.historian.stores.columnar.rolling import write_rows
from andon.historian.stores.columnar.sealing import check_room
from andon.historian.stores.columnar.state import State
from andon.historian.stores.columnar.view import Tags
from andon.kit.clock import US_PER_DAY


def retain(state: State, policies: RetentionPolicies, now: int) -> list[Dropped]:
    """Drop what is over, also from the archive.

    Parts that the tiers do not know all of yet are left for the next time, and so are days that need an archive that
    is away.
    """
    found: list[Dropped] = []
    for tier in TIERS:
        # What lies over a month's file goes after it: what it corrected must not come back.
        months = [each for each in state.catalogue.all(tier) if each.of_a_month]
        found.extend(filter(None, [_drop_from_month(state, policies, each, now) for each in months]))
        for day in _days_over(state, policies, tier, now):
            try:
                dropped = _drop_day(state, policies, tier, day, now)
            except ArchivedFileError:
                state.give_up()
            else:
                found.extend([] if dropped is None else [dropped])
    return found


def _days_over(state: State, policies: RetentionPolicies, tier: Source, now: int) -> list[int]:
    """Days of which some tag's rows may go."""
    latest = max(policies.first_kept(tier, now).values())
    return sorted(day for day in state.catalogue.days[tier] if (day + 1) * US_PER_DAY <= latest)


def _drop_day(state: State, policies: RetentionPolicies, tier: Source, day: int, now: int) -> Dropped | None:
    if tier == "raw" and not _ready(state, day):
        return None
    files = [each for each in state.catalogue.of_day(tier, day) if not each.pinned and not each.of_a_month]
    if not files:
        return None
    start, end = day * US_PER_DAY, (day + 1) * US_PER_DAY
    finer = _tags_of_finer(state, tier, day)
    rows = bytes_ = 0
    for each in files:
        tags = _index_tags(state, each)
        going = tags[(_kept_from(policies, tier, tags, now) >= end) & ~np.isin(tags, finer)]
        if not len(going):
            continue
        made = [] if len(going) == len(tags) else _without(state, each, np.setdiff1d(tags, going))
        state.swap(made, [each], _gone_until(state, tier, end))
        rows += each.rows - sum(new.rows for new in made)
        bytes_ += each.bytes - sum(new.bytes for new in made)
    return Dropped(tier, start, end, rows, bytes_) if rows else None


def _ready(state: State, day: int) -> bool:
    """Whether the tiers know all of a day's samples; if so, what is pinned and what is not are told apart."""
    parts = state.catalogue.of_day("raw", day)
    if any(each.rolled != ROLLED for each in parts):
        return False
    mixed = len({each.seq for each in parts}) > 1 and len({each.pinned for each in parts}) > 1
    if mixed or any(each.repeated != 0 for each in parts):
        # A sample that replaced a pinned one must not bring that back by going, nor one that came twice be half gone.
        merge_parts(state, parts, day * US_PER_DAY, US_PER_DAY, whole=True)
    return True


def _drop_from_month(state: State, policies: RetentionPolicies, month: Entry, now: int) -> Dropped | None:
    """The days that are over go from a month's file."""
    file, most = state.files.tier(month), state.limits.chunk_rows
    index = file.index
    since = _kept_from(policies, month.tier, index.tags, now)
    going = index.tags[index.firsts < since]
    if not len(going):
        return None
    end = min(int(since.max()), month.slot + month.span)
    finer = {day: _tags_of_finer(state, month.tier, day) for day in range(month.day, end // US_PER_DAY)}

    def stays(rows: TierRows) -> NDArray[np.bool_]:
        found = rows.starts >= since[np.searchsorted(index.tags, rows.tag_ids)]
        days = rows.starts // US_PER_DAY
        for day in np.unique(days[~found]).tolist():
            found |= (days == day) & np.isin(rows.tag_ids, finer[day])
        return np.asarray(found)

    # What finer tiers hold may be all that is left of the days that are over: pinned samples, for ever.
    if all(stays(file.read(*piece)).all() for piece in pieces([index], most, going, month.slot, end)):
        return None
    check_room(state, month.bytes)
    every = (file.read(*piece) for piece in pieces([index], most))
    kept = (rows.take(stays(rows)) for rows in every)
    made = write_rows(state, month.tier, month.slot, month.span, kept, whole=True)
    state.swap([replace(each, seq=month.seq) for each in made], [month], _gone_until(state, month.tier, end))
    rows, bytes_ = month.rows - sum(each.rows for each in made), month.bytes - sum(each.bytes for each in made)
    return Dropped(month.tier, month.slot, end, rows, bytes_)


def _kept_from(policies: RetentionPolicies, tier: Source, tags: Tags, now: int) -> NDArray[np.int64]:
    """Where the first day begins of which each tag is kept, µs."""
    first_kept = policies.first_kept(tier, now)
    return np.array([first_kept[policies.of(tag)] for tag in tags.tolist()], np.int64)


def _gone_until(state: State, tier: Source, end: int) -> dict[str, str]:
    """The note that something that began before `end` is gone."""
    return {f"gone {tier}": str(max(end, int(state.note(f"gone {tier}") or 0)))}


def _tags_of_finer(state: State, tier: Source, day: int) -> Tags:
    """Tags of which a finer tier has something of that day."""
    finer = TIERS[: TIERS.index(tier)]
    found: list[NDArray[np.int32]] = [
        _index_tags(state, each) for name in finer for each in state.catalogue.of_day(name, day)
    ]
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.int32)


def _index_tags(state: State, entry: Entry) -> Tags:
    noted = tags_there(entry)
    if noted is not None:
        return noted
    return (state.files.file(entry) if entry.tier == "raw" else state.files.tier(entry)).index.tags


def _without(state: State, entry: Entry, keep: Tags) -> list[Entry]:
    """The file written anew with only some of its tags."""
    check_room(state, entry.bytes)
    if entry.tier != "raw":
        file = state.files.tier(entry)
        rows: TierRows = file.read(keep, *ALWAYS)
        made = write_rows(state, entry.tier, entry.slot, entry.span, rows, whole=entry.merged)
        return [replace(new, seq=entry.seq) for new in made]
    id_, path = state.new_file("raw", entry.slot, entry.span)
    state.reached("before fsync")
    indices = [state.files.file(entry).index]
    batches = (
        state.files.samples(entry, tags, start, end)
        for tags, start, end in pieces(indices, state.limits.chunk_rows, keep)
    )
    summary = write_part(state.folder / path, batches, meta={"andon.seq": str(entry.seq)})
    new = entry_of(state, "raw", entry.slot, entry.span, id_, entry.seq, path, summary, pinned=entry.pinned)
    return [replace(new, merged=entry.merged, rolled=entry.rolled)]
