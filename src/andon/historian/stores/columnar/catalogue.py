"""Which files make up history. Immutable: a change makes a new catalogue, and whoever reads the old one goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.stores.columnar.packed import pack, unpack
from andon.kit.clock import US_PER_DAY

TIERS: Final[tuple[Source, ...]] = ("raw", "minute", "hour")
_EPOCH: Final = date(1970, 1, 1).toordinal()
NOT_ROLLED, ROLLED = 0, 2
"""Of raw parts: whether the tiers know all of their samples."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `slot` and `span`: the hour, day or month that it belongs to, µs; all its rows begin in it.

    `seq`: of equal keys the row of the higher one counts. `merged`: it holds all that its slot had when it was made,
    otherwise it is a part as it was sealed. `min_time`, `max_time`: first and last timestamp. `archive`: URI where it
    lies instead of under `path` in the history's folder. `repeated`: of raw parts, how many of its keys those of lower
    `seq` have as well, None when that is not known. `tags`: of archived ones, the tags that it has, see `tags_there`.
    """

    id: int
    tier: Source
    slot: int
    span: int
    seq: int
    path: str
    rows: int
    bytes: int
    min_time: int
    max_time: int
    made_at: int
    merged: bool = False
    rolled: int = ROLLED
    pinned: bool = False
    archive: str | None = None
    checksum: str | None = None
    repeated: int | None = 0
    tags: str | None = None

    @property
    def day(self) -> int:
        """Number of its day since 1970, of a month's file the first."""
        return self.slot // US_PER_DAY

    @property
    def days(self) -> range:
        """The days that it belongs to."""
        return range(self.day, -(-(self.slot + self.span) // US_PER_DAY))

    @property
    def of_a_day(self) -> bool:
        """Whether its slot is a whole day."""
        return self.span == US_PER_DAY

    @property
    def of_a_month(self) -> bool:
        """Whether its slot is a whole month."""
        return self.span > US_PER_DAY

    def touches(self, start: int, end: int) -> bool:
        """Whether it may hold anything of [start, end)."""
        return self.min_time < end and self.max_time >= start


def month_of(day: int) -> range:
    """The days of the month (UTC) that a day lies in."""
    here = date.fromordinal(_EPOCH + day)
    after = date(here.year + here.month // 12, here.month % 12 + 1, 1)
    return range(day - here.day + 1, after.toordinal() - _EPOCH)


def pack_tags(tags: NDArray[np.int32]) -> str:
    """As `Entry.tags` holds them."""
    return pack([tags.astype(np.int64)])


def tags_there(entry: Entry) -> NDArray[np.int32] | None:
    """The tags of a file in the archive, without a look there; None when they were not noted."""
    return None if entry.tags is None else unpack(entry.tags, 1)[0].astype(np.int32)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Files by tier and day; those of a day in the order of `seq`. A month's file is one of each of its days."""

    days: Mapping[Source, Mapping[int, tuple[Entry, ...]]] = field(default_factory=lambda: {tier: {} for tier in TIERS})

    @staticmethod
    def of(entries: Iterable[Entry]) -> Catalogue:
        """A catalogue of these files."""
        return Catalogue().changed(entries, ())

    def changed(self, added: Iterable[Entry], removed: Iterable[Entry]) -> Catalogue:
        """With some files more and some less."""
        days = {tier: dict(of) for tier, of in self.days.items()}
        for entry in removed:
            of = days[entry.tier]
            for day in entry.days:
                of[day] = tuple(each for each in of[day] if each.id != entry.id)
                if not of[day]:
                    del of[day]
        for entry in added:
            of = days[entry.tier]
            for day in entry.days:
                of[day] = _by_seq((*of.get(day, ()), entry))
        return Catalogue(days)

    def all(self, tier: Source) -> Iterator[Entry]:
        """The files of a tier, by their first day."""
        of = self.days[tier]
        known: set[int] = set()
        for day in sorted(of):
            yield from (entry for entry in of[day] if entry.id not in known)
            known.update(entry.id for entry in of[day] if entry.of_a_month)

    def everything(self) -> Iterator[Entry]:
        """All files."""
        for tier in TIERS:
            yield from self.all(tier)

    def of_day(self, tier: Source, day: int) -> tuple[Entry, ...]:
        """The files of a day, in the order of `seq`."""
        return self.days[tier].get(day, ())

    def of_days(self, tier: Source, days: Iterable[int]) -> tuple[Entry, ...]:
        """The files of some days, each once, in the order of `seq`."""
        of = self.days[tier]
        return _by_seq({entry.id: entry for day in days for entry in of.get(day, ())}.values())

    def days_within(self, tier: Source, start: int, end: int) -> list[int]:
        """The days of [start, end) that have files, ascending."""
        first, last = start // US_PER_DAY, (end - 1) // US_PER_DAY
        of = self.days[tier]
        if last - first < len(of):
            return [day for day in range(first, last + 1) if day in of]
        return sorted(day for day in of if first <= day <= last)

    def within(self, tier: Source, start: int, end: int) -> list[Entry]:
        """The files that may hold anything of [start, end), by day, then `seq`; not for tiers with months' files."""
        return [
            entry
            for day in self.days_within(tier, start, end)
            for entry in self.days[tier][day]
            if entry.touches(start, end)
        ]

    def stretches(self, tier: Source, start: int, end: int) -> Iterator[tuple[tuple[Entry, ...], int, int]]:
        """What of [start, end) has files: (files in the order of `seq`, beginning, end in µs) of a day, or of a month.

        All that these files have of that time together is what the tier has of it.
        """
        done = start // US_PER_DAY
        for day in self.days_within(tier, start, end):
            if day < done:
                continue
            month = next((entry.days for entry in self.days[tier][day] if entry.of_a_month), None)
            days = month or range(day, day + 1)
            files = self.of_days(tier, days) if month else self.days[tier][day]
            yield files, days.start * US_PER_DAY, days.stop * US_PER_DAY
            done = days.stop


def _by_seq(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda each: (each.seq, each.id)))
