"""Partitions of the tables: made ahead, or when a sample comes for a time that has none; a day each, sums of hours and
the distant past a month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from andon.historian.model import Source
from andon.historian.stores.postgres.binary import moment
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.tables import SCHEMA_LOCK, TABLES
from andon.kit.clock import US_PER_DAY
from andon.kit.errors import TooLargeError

AHEAD_DAYS: Final = 3
MONTHLY_AFTER_DAYS: Final = 31
"""A month that ended so long ago is one partition, unless some of its days have one already."""
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One partition: its rows are in [start, until), µs UTC."""

    tier: Source
    start: int
    until: int
    name: str


Create = Callable[[Connection, Partition], None]
"""Makes a partition's table, where it needs one."""


def known(connection: Connection, tier: Source | None = None) -> list[Partition]:
    """All partitions, or those of a tier, by tier and time."""
    rows = connection.execute(
        """
        SELECT tier, (extract(epoch FROM start) * 1000000)::bigint, (extract(epoch FROM until) * 1000000)::bigint, name
        FROM history.partitions WHERE %(tier)s::text IS NULL OR tier = %(tier)s ORDER BY tier, start
        """,
        {"tier": tier},
    )
    return [Partition(*row) for row in rows.fetchall()]


def missing(partitions: Sequence[Partition], days: NDArray[np.int64]) -> list[int]:
    """Those of the days (starts, µs) that no partition holds."""
    starts = np.array([each.start for each in partitions], np.int64)
    ends = np.array([each.until for each in partitions], np.int64)
    at = np.searchsorted(starts, days, "right") - 1
    held = (at >= 0) & (days < np.append(ends, 0)[at]) if len(starts) else np.zeros(len(days), np.bool_)
    return [int(day) for day in days[~held]]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes partitions: `create` makes the table of one, `limit` is how many a tier may have."""

    create: Create
    clock: Callable[[], int]
    limit: int

    def make(self, connection: Connection, tier: Source, days: Sequence[int]) -> list[Partition]:
        """Make the partitions that these days (starts, µs) lack; returns all of the tier.

        TooLargeError when there would be too many. Readers and writers of the table go on meanwhile.
        """
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
            found = known(connection, tier)
            for day in missing(found, np.unique(np.array(days, np.int64))):
                if missing(found, np.array([day], np.int64)):  # a month that was just made may hold it
                    found = sorted([*found, self._add(connection, _span(tier, day, found, self.clock()), len(found))])
        return found

    def _add(self, connection: Connection, made: Partition, count: int) -> Partition:
        if count >= self.limit:
            raise TooLargeError(
                f"history would have more than {self.limit} partitions of {TABLES[made.tier]} (max_partitions)",
                field="timestamp",
                cure="check the clock of the device; raise max_partitions if the times are right",
            )
        self.create(connection, made)
        _note(connection, made)
        return made


def ahead(now: int) -> list[int]:
    """The days that should have a partition by now: today's and the next few."""
    today = now // US_PER_DAY * US_PER_DAY
    return [today + i * US_PER_DAY for i in range(-1, AHEAD_DAYS + 1)]


def _span(tier: Source, day: int, found: Sequence[Partition], now: int) -> Partition:
    start, until = _month(day)
    distant = until <= now - MONTHLY_AFTER_DAYS * US_PER_DAY
    free = not any(each.start < until and each.until > start for each in found)
    if tier == "hour" or (distant and free):
        return Partition(tier, start, until, f"{TABLES[tier]}_{day_of(start):%Y%m}")
    return Partition(tier, day, day + US_PER_DAY, f"{TABLES[tier]}_{day_of(day):%Y%m%d}")


def _note(connection: Connection, made: Partition) -> None:
    connection.execute(
        "INSERT INTO history.partitions (tier, start, until, name) VALUES (%s, %b, %b, %s)",
        (made.tier, moment(made.start), moment(made.until), made.name),
    )


def _month(day: int) -> tuple[int, int]:
    first = day_of(day).replace(day=1)
    later = (first + dt.timedelta(days=31)).replace(day=1)
    return _us(first), _us(later)


def day_of(us: int) -> dt.datetime:
    """µs UTC as Python has it."""
    return _EPOCH + dt.timedelta(microseconds=us)


def _us(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)
