"""Keeping the tiers true: the minutes and hours that a new part touches are summed up anew from all parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from andon.historian.rollup import TierRows, combined, concatenated, rollup
from andon.historian.stores.columnar.catalogue import MINUTES_ROLLED, NOT_ROLLED, ROLLED, Entry
from andon.historian.stores.columnar.inputs import pieces
from andon.historian.stores.columnar.layout import path_of
from andon.historian.stores.columnar.planner import US_PER_MINUTE
from andon.historian.stores.columnar.sorting import merged
from andon.historian.stores.columnar.state import State
from andon.historian.stores.columnar.summary import keys_of_rows, keys_of_samples
from andon.historian.stores.columnar.tierfile import write_tier
from andon.historian.stores.columnar.view import Tags, View, in_order, overlaid
from andon.kit.clock import US_PER_HOUR
from andon.kit.samples import SampleBatch


def closed(state: State, entry: Entry) -> bool:
    """Whether the entry's last hour is over, late samples waited for."""
    end = (entry.max_time // US_PER_HOUR + 1) * US_PER_HOUR
    return state.clock() >= end + state.limits.late_window_us


def wants_rolling(state: State, entry: Entry) -> bool:
    """Whether the tiers do not know all of a part that they should know by now."""
    return entry.rolled == NOT_ROLLED or (entry.rolled == MINUTES_ROLLED and closed(state, entry))


def roll(state: State, entries: Sequence[Entry]) -> None:
    """Bring the tiers up to date with parts of one slot."""
    slot, span = entries[0].slot, entries[0].span
    with state.view() as view:
        indices = [state.files.file(entry).index for entry in entries]
        found = [
            _anew(view, entries, tags, start, end) for tags, start, end in pieces(indices, state.limits.chunk_rows)
        ]
        minutes = concatenated(found)
        over = [entry for entry in entries if closed(state, entry)]
        hours = _hours(view, minutes, over) if over else TierRows.empty()
    added = [
        *write_rows(state, "minute", slot, span, minutes),
        *write_rows(state, "hour", slot, span, hours),
    ]
    rolled = [replace(entry, rolled=ROLLED if closed(state, entry) else MINUTES_ROLLED) for entry in entries]
    state.swap([*added, *rolled], entries)


def _anew(view: View, entries: Sequence[Entry], tags: Tags, start: int, end: int) -> TierRows:
    """The minutes of some tags that parts touch, from all parts that have samples in them."""
    touched = merged([view.files.samples(entry, tags, start, end) for entry in entries])
    if not len(touched):
        return TierRows.empty()
    low = int(touched.timestamps.min()) // US_PER_MINUTE * US_PER_MINUTE
    high = (int(touched.timestamps.max()) // US_PER_MINUTE + 1) * US_PER_MINUTE
    mine = {entry.id for entry in entries}
    others = [
        entry
        for entry in view.catalogue.of_day("raw", entries[0].day)
        if entry.id not in mine and entry.touches(low, high)
    ]
    if others:
        touched = _with_others(view, [*entries, *others], tags, touched, low, high)
    return rollup(touched, US_PER_MINUTE)


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


def _hours(view: View, minutes: TierRows, over: Sequence[Entry]) -> TierRows:
    """The hours that new minutes lie in, as far as the parts that are over touch them."""
    keys = np.unique(keys_of_rows(minutes, US_PER_HOUR))
    first = min(entry.min_time for entry in over) // US_PER_HOUR * US_PER_HOUR
    last = (max(entry.max_time for entry in over) // US_PER_HOUR + 1) * US_PER_HOUR
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


def write_rows(state: State, tier: str, slot: int, span: int, rows: TierRows, *, whole: bool = False) -> list[Entry]:
    """A file of a tier, or none when there are no rows."""
    if not len(rows):
        return []
    assert tier in ("minute", "hour")
    id_ = state.new_id()
    path = path_of(tier, slot, span, id_)  # type: ignore[arg-type]
    state.reached("before fsync")
    summary = write_tier(state.folder / path, rows, meta={"andon.seq": str(id_)})
    entry = Entry(
        id=id_,
        tier=tier,  # type: ignore[arg-type]
        slot=slot,
        span=span,
        seq=id_,
        path=path,
        rows=summary.rows,
        bytes=summary.bytes,
        min_time=summary.min_time,
        max_time=summary.max_time,
        made_at=state.clock(),
        merged=whole,
    )
    return [entry]


def sorted_rows(rows: Sequence[TierRows]) -> TierRows:
    """Rows of several pieces as one, by tag, then start."""
    return in_order(concatenated(rows))
