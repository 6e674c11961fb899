"""What maintenance has to do next, one bounded piece of work at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby

from andon.historian.stores.columnar.catalogue import NOT_ROLLED, ROLLED, Entry, month_of
from andon.historian.stores.columnar.compaction import close_hour, merge_parts, merge_tier
from andon.historian.stores.columnar.rolling import roll
from andon.historian.stores.columnar.state import State
from andon.kit.clock import US_PER_DAY, US_PER_S

Task = Callable[[], None]

_MUCH_LARGER = 4


def next_task(state: State, everything: bool) -> Task | None:
    """The most urgent piece of work, None when there is none. `everything`: do not wait for more to come."""
    return next(_most_urgent_first(state, everything), None)


def _most_urgent_first(state: State, everything: bool) -> Iterator[Task]:
    catalogue = state.catalogue
    days = sorted((day for day in catalogue.days["raw"] if not state.waits_for_archive(day)), reverse=True)
    for day in days:
        yield from _unrolled(state, catalogue.of_day("raw", day), everything)
    for day in days:
        yield from _crowded(state, catalogue.of_day("raw", day))
    for day in days:
        yield from _due(state, day, catalogue.of_day("raw", day), everything)
    for tier in ("minute", "hour"):
        for day in sorted(catalogue.days[tier], reverse=True):
            files = [each for each in catalogue.of_day(tier, day) if not each.of_a_month]
            yield from _tier_due(state, day, files, everything)
    for month in sorted({month_of(day) for day in catalogue.days["hour"]}, key=lambda days: -days.start):
        yield from _month_due(state, month, catalogue.of_days("hour", month), everything)


def _unrolled(state: State, parts: Sequence[Entry], everything: bool) -> Iterator[Task]:
    """Parts that the tiers do not know: questions have to read their samples, which is quick while they are few and
    in memory.
    """
    of_days = any(part.of_a_day for part in parts)
    for slot, span, here in _by_slot(parts):
        if not of_days and _over(state, slot + span) and not any(part.merged for part in here):
            yield partial(close_hour, state, here, slot, span)
        wanted = [part for part in here if part.rolled == NOT_ROLLED]
        at_hand = all(state.files.recent(part) is not None for part in wanted)
        few = sum(part.rows for part in wanted) < state.limits.roll_rows
        if wanted and (everything or _over(state, slot + span) or not (at_hand and few)):
            yield partial(roll, state, wanted)


def _crowded(state: State, parts: Sequence[Entry]) -> Iterator[Task]:
    """Many small parts at the end of a slot that is still filling."""
    for slot, span, here in _by_slot(parts):
        run = _newest_alike(here)
        if len(run) >= state.limits.merge_parts and all(part.rolled != NOT_ROLLED for part in run):
            yield partial(merge_parts, state, run, slot, span, whole=len(run) == len(here) and run[0].merged)


def _due(state: State, day: int, parts: Sequence[Entry], everything: bool) -> Iterator[Task]:
    """A day that is over becomes one file; what is late is merged in once it is worth it."""
    start = day * US_PER_DAY
    complete = all(part.rolled == ROLLED for part in parts)
    if any(part.of_a_day for part in parts):
        if _apart(parts) and complete and (everything or _worth_it(state, parts)):
            yield partial(merge_parts, state, parts, start, US_PER_DAY, whole=True)
        return
    small = sum(part.bytes for part in parts) <= state.limits.day_file_bytes
    if complete and small and _over(state, start + US_PER_DAY):
        yield partial(merge_parts, state, parts, start, US_PER_DAY, whole=True)
        return
    for slot, span, here in _by_slot(parts):
        base = any(part.merged for part in here)
        if _apart(here) and (everything or (base and _worth_it(state, here))):
            yield partial(merge_parts, state, here, slot, span, whole=base)


def _tier_due(state: State, day: int, files: Sequence[Entry], everything: bool) -> Iterator[Task]:
    """A day's sums become one file once its samples are."""
    if len(files) < 2:
        return
    start = day * US_PER_DAY
    raw = state.catalogue.of_day("raw", day)
    settled = all(part.of_a_day for part in raw) and not _apart(raw)
    if settled or any(each.of_a_day for each in files):
        if everything or settled or len(files) > state.limits.merge_parts:
            yield partial(merge_tier, state, files, start, US_PER_DAY)
        return
    over = [each for each in files if _over(state, each.slot + each.span)]
    if len(over) > state.limits.merge_parts and over == list(files[: len(over)]):
        # A chart of the last day reads each file of its hours.
        yield partial(merge_tier, state, over, start, US_PER_DAY)
        return
    for slot, span, here in _by_slot(files):
        if len(here) > 1 and (everything or len(here) > state.limits.merge_parts):
            yield partial(merge_tier, state, here, slot, span)


def _month_due(state: State, month: range, files: Sequence[Entry], everything: bool) -> Iterator[Task]:
    """The hours of a month that is long over become one file once each day of it has one; what is late as in a day."""
    start, end = month.start * US_PER_DAY, month.stop * US_PER_DAY
    late = [each for each in files if not each.of_a_month]
    due = end + round(state.limits.month_after_days * US_PER_DAY)
    if len(files) < 2 or not late or not _over(state, due) or len({each.day for each in late}) < len(late):
        return
    if sum(each.bytes for each in files) > state.limits.day_file_bytes:
        return
    base = sum(each.rows for each in files) - sum(each.rows for each in late)
    if everything or not base or _enough(state, late, base):
        yield partial(merge_tier, state, files, start, end - start)


def _by_slot(entries: Sequence[Entry]) -> Iterator[tuple[int, int, list[Entry]]]:
    """(slot, span, files in the order of `seq`)."""

    def key(entry: Entry) -> tuple[int, int]:
        return entry.slot, entry.span

    for (slot, span), here in groupby(sorted(entries, key=key), key):
        yield slot, span, list(here)


def _newest_alike(parts: Sequence[Entry]) -> list[Entry]:
    """The newest parts, back to the first that is much larger than those after it."""
    run: list[Entry] = []
    largest = 0
    for part in reversed(parts):
        if part.merged or (run and part.rows > _MUCH_LARGER * largest):
            break
        run.insert(0, part)
        largest = max(largest, part.rows)
    return run


def _apart(parts: Sequence[Entry]) -> bool:
    """Whether there is more than what one merge leaves (a part, and one of pinned samples)."""
    return len({part.seq for part in parts}) > 1


def _worth_it(state: State, parts: Sequence[Entry]) -> bool:
    """Whether late parts are to be merged into their slot's large one: many, or old, and no more are coming."""
    late = [part for part in parts if not part.merged]
    return not late or _enough(state, late, sum(part.rows for part in parts) - sum(part.rows for part in late))


def _enough(state: State, late: Sequence[Entry], base: int) -> bool:
    """Whether a file of `base` rows is to be written anew for what is late."""
    limits, now = state.limits, state.clock()
    if now - max(each.made_at for each in late) < limits.late_window_us:
        return False
    old = now - min(each.made_at for each in late) >= limits.rewrite_after_s * US_PER_S
    return old or sum(each.rows for each in late) >= limits.rewrite_share * base


def _over(state: State, end: int) -> bool:
    return state.clock() >= end + state.limits.late_window_us
