"""History as a dictionary would keep it, where sums outlive their samples until as many samples are there again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from andon.historian.retention import RetentionPolicies
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from historian.reference import MINUTE, Held, Reference, Row

Sample = tuple[int, Held]


@dataclass
class Books:
    """Of one tag: the samples that are there, and the samples that kept sums of minutes and hours stand for."""

    raw: dict[int, Held] = field(default_factory=dict)
    minutes: dict[int, list[Sample]] = field(default_factory=dict)
    hours: dict[int, list[Sample]] = field(default_factory=dict)

    def minute(self, start: int) -> tuple[list[Sample], bool]:
        """What is known of a minute, and whether it is its samples."""
        here = sorted((at, held) for at, held in self.raw.items() if start <= at < start + MINUTE)
        kept = self.minutes.get(start, [])
        return (here, True) if len(here) >= len(kept) else (kept, False)

    def pieces(self, hour: int) -> list[tuple[int, list[Sample]]]:
        """What is known of an hour: (where it counts, samples)."""
        fine: list[tuple[int, list[Sample]]] = []
        for start in sorted({at // MINUTE * MINUTE for at in (*self.raw, *self.minutes)}):
            if hour <= start < hour + US_PER_HOUR:
                found, exact = self.minute(start)
                fine += [(at, [(at, held)]) for at, held in found] if exact else [(start, found)]
        kept = self.hours.get(hour, [])
        return fine if sum(len(piece) for _, piece in fine) >= len(kept) else [(hour, kept)]

    def all_hours(self) -> set[int]:
        """Hours of which anything is known."""
        return {at // US_PER_HOUR * US_PER_HOUR for at in (*self.raw, *self.minutes, *self.hours)}

    def sum_up(self) -> None:
        """What maintenance does: sums stand for what is known."""
        for start in {at // MINUTE * MINUTE for at in self.raw}:
            self.minutes[start] = self.minute(start)[0]
        for hour in self.all_hours():
            self.hours[hour] = [sample for _, piece in self.pieces(hour) for sample in piece]


@dataclass
class PartitionedReference(Reference):
    """`Reference` for a store that drops partitions: days of samples and minutes, months of hours."""

    books: dict[int, Books] = field(default_factory=dict)

    def write(self, rows: Iterable[Row]) -> None:
        for tag, at, value, quality, received, pinned in rows:
            raw = self.books.setdefault(tag, Books()).raw
            raw[at] = Held(value, quality, received, pinned or (at in raw and raw[at].pinned))
            if tag not in self.newest or at >= self.newest[tag][0]:
                self.newest[tag] = (at, value, quality, received)

    def retain(self, policies: RetentionPolicies, now: int) -> None:
        for tag, books in self.books.items():
            books.sum_up()
            cutoffs = {tier: policies.of(tag).cutoff(tier, now) for tier in ("raw", "minute", "hour")}
            for day in sorted({at // US_PER_DAY * US_PER_DAY for at in books.raw}):
                if _over(cutoffs["raw"], day + US_PER_DAY):
                    books.raw = {at: h for at, h in books.raw.items() if h.pinned or not _in_day(at, day)}
            for day in sorted({at // US_PER_DAY * US_PER_DAY for at in books.minutes}):
                finer = any(_in_day(at, day) for at in books.raw)
                if _over(cutoffs["minute"], day + US_PER_DAY) and not finer:
                    books.minutes = {at: m for at, m in books.minutes.items() if not _in_day(at, day)}
            for start, end in sorted({_month(at) for at in books.hours}):
                finer = any(start <= at < end for at in (*books.raw, *books.minutes))
                if _over(cutoffs["hour"], end) and not finer:
                    books.hours = {at: h for at, h in books.hours.items() if not start <= at < end}

    def raw(self, tag: int, start: int, end: int) -> list[Sample]:
        samples = self.books.get(tag, Books()).raw.items()
        return sorted((at, held) for at, held in samples if start <= at < end)

    def within(self, tag: int, start: int, end: int) -> list[Held]:
        return [held for at, held in self._pieces(tag) if start <= at < end]

    def complete(self, tag: int, start: int, end: int) -> bool:
        """Whether all that sums of the range stand for is there as samples."""
        return len(self.within(tag, start, end)) == len(self.raw(tag, start, end))

    def _pieces(self, tag: int) -> Iterator[Sample]:
        books = self.books.get(tag, Books())
        for hour in sorted(books.all_hours()):
            for at, piece in books.pieces(hour):
                for _, held in piece:
                    yield at, held

    def __len__(self) -> int:
        return sum(len(books.raw) for books in self.books.values())


def _over(cutoff: int | None, end: int) -> bool:
    return cutoff is not None and end <= cutoff


def _in_day(at: int, day: int) -> bool:
    return day <= at < day + US_PER_DAY


def _month(at: int) -> tuple[int, int]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    first = (epoch + timedelta(microseconds=at)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    later = (first + timedelta(days=31)).replace(day=1)
    return (first - epoch) // timedelta(microseconds=1), (later - epoch) // timedelta(microseconds=1)
