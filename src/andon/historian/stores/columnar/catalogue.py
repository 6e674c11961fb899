"""Which files make up history. Immutable: a change makes a new catalogue, and whoever reads the old one goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.stores.columnar.packed import pack, unpack
from andon.kit.clock import US_PER_DAY, US_PER_HOUR

TIERS: Final[tuple[Source, ...]] = ("raw", "minute", "hour")
NOT_ROLLED, ROLLED = 0, 2
"""Of raw parts: whether the tiers know all of their samples."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `slot` and `span`: the hour or the day that it belongs to, µs; all its rows begin in it.

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
        """Number of its day since 1970."""
        return self.slot // US_PER_DAY

    @property
    def of_a_day(self) -> bool:
        """Whether its slot is a whole day."""
        return self.span > US_PER_HOUR

    def touches(self, start: int, end: int) -> bool:
        """Whether it may hold anything of [start, end)."""
        return self.min_time < end and self.max_time >= start


def pack_tags(tags: NDArray[np.int32]) -> str:
    """As `Entry.tags` holds them."""
    return pack([tags.astype(np.int64)])


def tags_there(entry: Entry) -> NDArray[np.int32] | None:
    """The tags of a file in the archive, without a look there; None when they were not noted."""
    return None if entry.tags is None else unpack(entry.tags, 1)[0].astype(np.int32)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Files by tier and day; those of a day in the order of `seq`."""

    days: Mapping[Source, Mapping[int, tuple[Entry, ...]]] = field(default_factory=lambda: {tier: {} for tier in TIERS})

    @staticmethod
    def of(entries: Iterable[Entry]) -> Catalogue:
        """A catalogue of these files."""
        return Catalogue().changed(entries, ())

    def changed(self, added: Iterable[Entry], removed: Iterable[Entry]) -> Catalogue:
        """With some files more and some less."""
        days = {tier: dict(of) for tier, of in self.days.items()}
        for entry in removed:
            rest = tuple(each for each in days[entry.tier][entry.day] if each.id != entry.id)
            days[entry.tier][entry.day] = rest
            if not rest:
                del days[entry.tier][entry.day]
        for entry in added:
            here = (*days[entry.tier].get(entry.day, ()), entry)
            days[entry.tier][entry.day] = tuple(sorted(here, key=lambda each: (each.seq, each.id)))
        return Catalogue(days)

    def all(self, tier: Source) -> Iterator[Entry]:
        """The files of a tier, by day."""
        of = self.days[tier]
        for day in sorted(of):
            yield from of[day]

    def everything(self) -> Iterator[Entry]:
        """All files."""
        for tier in TIERS:
            yield from self.all(tier)

    def of_day(self, tier: Source, day: int) -> tuple[Entry, ...]:
        """The files of a day, in the order of `seq`."""
        return self.days[tier].get(day, ())

    def days_within(self, tier: Source, start: int, end: int) -> list[int]:
        """The days of [start, end) that have files, ascending."""
        first, last = start // US_PER_DAY, (end - 1) // US_PER_DAY
        of = self.days[tier]
        if last - first < len(of):
            return [day for day in range(first, last + 1) if day in of]
        return sorted(day for day in of if first <= day <= last)

    def within(self, tier: Source, start: int, end: int) -> list[Entry]:
        """The files that may hold anything of [start, end), by day, then `seq`."""
        return [
            entry
            for day in self.days_within(tier, start, end)
            for entry in self.days[tier][day]
            if entry.touches(start, end)
        ]
