"""Keeps the sums of minutes and hours up to date: what is new and complete, and what late samples made stale.

Sums are made from the samples that are there, never added up as samples come: one that came twice counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from andon.historian.rollup import TierRows, rollup
from andon.historian.stores.postgres import partitions, rows
from andon.historian.stores.postgres.binary import column, float8s, int2s, int4s, int8s, joined, moment, moments, times
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.effective import View, disjoint, to_hours
from andon.historian.stores.postgres.partitions import Maker, Partition
from andon.historian.stores.postgres.spans import interval
from andon.historian.stores.postgres.tables import MINUTE_US, ROLL_LOCK, SUMS, Tier
from andon.kit.clock import US_PER_DAY, US_PER_HOUR

TIERS: Final[tuple[Tier, ...]] = ("minute", "hour")
_DECLARE: Final = "UPDATE history.meta SET declared = greatest(declared, %b)"
_STORE: Final = """
INSERT INTO {table} AS held
  (tag_id, start, count, total, good, quality, min, max, mean, m2, first, last, first_at, last_at)
SELECT tag_id, start, count, total, good, quality, nullif(min, 'NaN'), nullif(max, 'NaN'), nullif(mean, 'NaN'),
    nullif(m2, 'NaN'), nullif(first, 'NaN'), nullif(last, 'NaN'), first_at, last_at
FROM unnest(%b::int4[], %b::timestamptz[], %b::int4[], %b::int4[], %b::int4[], %b::int2[], %b::float8[], %b::float8[],
    %b::float8[], %b::float8[], %b::float8[], %b::float8[], %b::timestamptz[], %b::timestamptz[])
  AS new (tag_id, start, count, total, good, quality, min, max, mean, m2, first, last, first_at, last_at)
ON CONFLICT (tag_id, start) DO UPDATE SET count = excluded.count, total = excluded.total, good = excluded.good,
    quality = excluded.quality, min = excluded.min, max = excluded.max, mean = excluded.mean, m2 = excluded.m2,
    first = excluded.first, last = excluded.last, first_at = excluded.first_at, last_at = excluded.last_at
WHERE excluded.total >= held.total
"""
# Fewer samples than a sum stands for means that retention took the others: the sum is all that is left of them.

_MARKS: Final = f"""
SELECT {joined("id", "int8")}, {joined("tag_id", "int4")}, {joined("start", "timestamptz_")},
    {joined("until", "timestamptz_")} FROM (
    SELECT * FROM history.stale WHERE until <= %b ORDER BY tag_id, start LIMIT %b
) AS marks
"""
_HANDLED: Final = "DELETE FROM history.stale WHERE id = ANY(%b::int8[])"


@dataclass(slots=True)
class Roller:
    """Makes sums. One process at a time does: whoever calls it holds the maintenance lock.

    `late_us`: how long samples may be under way before they count as late. `chunk_rows`: about how many samples are in
    memory at once. `chunk_marks`: stale spans that one transaction sums up anew; `chunk_hours`: tags whose hour does.
    """

    late_us: int
    maker: Maker
    chunk_rows: int = 400_000
    chunk_marks: int = 200
    chunk_hours: int = 2_000
    reached: Callable[[str], None] = lambda _point: None
    rolled: int = 0
    _density: float = field(default=60.0)

    def roll(self, connection: Connection, now: int) -> None:
        """Bring all sums up to date. Each step is a transaction; what is left over is done the next time."""
        target = (now - self.late_us) // MINUTE_US * MINUTE_US
        view = View.of(connection)
        if target > view.minutes_until:
            self._declare(connection, target)
            self._new_minutes(connection, view.minutes_until, target)
        self._new_hours(connection, view.hours_until, target // US_PER_HOUR * US_PER_HOUR)
        while self._stale(connection):
            continue

    def _declare(self, connection: Connection, target: int) -> None:
        """From now on whoever writes a sample before the target marks its minute as stale."""
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '5s'")
            connection.execute(f"SELECT pg_advisory_xact_lock({ROLL_LOCK})")  # waits for the writes under way
            connection.execute(_DECLARE, (moment(target),))
        self.reached("declared")

    # What is new

    def _new_minutes(self, connection: Connection, start: int, target: int) -> None:
        for day in _between(partitions.known(connection, "raw"), start, target):
            begin, end = max(day.start, start), min(day.until, target)
            tags = rows.tags_of(connection, day)
            for hour in range(begin // US_PER_HOUR * US_PER_HOUR, end, US_PER_HOUR) if len(tags) else ():
                low, high = max(begin, hour), min(end, hour + US_PER_HOUR)
                self._minutes_of(connection, tags, low, high)
                self._advance(connection, "minutes_until", high)
        self._advance(connection, "minutes_until", target)

    def _minutes_of(self, connection: Connection, tags: NDArray[np.int32], start: int, end: int) -> None:
        share = max(int(self.chunk_rows / (self._density * (end - start) / MINUTE_US)), 1)
        read = 0
        for at in range(0, len(tags), share):
            batch = rows.samples(connection, tags[at : at + share].tolist(), interval(start, end))
            read += len(batch)
            self._store(connection, "minute", rollup(batch, MINUTE_US))
            self.reached("minutes stored")
        self.rolled += read
        self._density = max(read / (len(tags) * (end - start) / MINUTE_US), 1.0)

    def _new_hours(self, connection: Connection, start: int, target: int) -> None:
        for day in _between(partitions.known(connection, "raw"), start, target):
            tags = rows.tags_of(connection, day)
            for hour in range(max(day.start, start), min(day.until, target), US_PER_HOUR):
                for at in range(0, len(tags), self.chunk_hours):
                    spans = rows.product(tags[at : at + self.chunk_hours].tolist(), interval(hour, hour + US_PER_HOUR))
                    self._store(connection, "hour", to_hours(rows.sums(connection, "minute", *spans)))
                self.reached("hours stored")
        self._advance(connection, "hours_until", target)

    def _advance(self, connection: Connection, name: str, until: int) -> None:
        connection.execute(f"UPDATE history.meta SET {name} = greatest({name}, %b)", (moment(until),))
        self.reached("advanced")

    # What is stale

    def _stale(self, connection: Connection) -> bool:
        """Sum up some stale spans anew; False when there were none."""
        with connection.transaction():
            # Marks and samples as of one moment: a mark that comes meanwhile stays, for samples that were not seen.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            view = View.of(connection)
            bounds = (moment(view.minutes_until), self.chunk_marks)
            ids, *marks = _row(connection.execute(_MARKS, bounds, binary=True))
            tags, starts, ends = column(marks[0], ">i4"), moments(marks[1]), moments(marks[2])
            lacking = self._lacking(connection, starts)
            if len(tags) and not lacking:
                self._remake(connection, view, tags, starts, ends)
                connection.execute(_HANDLED, (int8s(column(ids, ">i8")),))
                self.reached("stale summed up")
        self._make(connection, lacking)
        return len(tags) > 0

    def _remake(
        self,
        connection: Connection,
        view: View,
        tags: NDArray[np.int32],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> None:
        batch = rows.spans(connection, *disjoint(tags, starts, ends))
        self.rolled += len(batch)
        self._insert(connection, "minute", rollup(batch, MINUTE_US))
        hours = starts // US_PER_HOUR * US_PER_HOUR
        done = hours < view.hours_until
        spans = disjoint(tags[done], hours[done], hours[done] + US_PER_HOUR)
        self._insert(connection, "hour", to_hours(rows.sums(connection, "minute", *spans)))

    # Storing

    def _store(self, connection: Connection, tier: Tier, sums: TierRows) -> None:
        self._make(connection, self._lacking(connection, sums.starts))
        self._insert(connection, tier, sums)

    def _insert(self, connection: Connection, tier: Tier, sums: TierRows) -> None:
        if len(sums):
            connection.execute(_STORE.format(table=SUMS[tier]), parameters(sums))

    def _lacking(self, connection: Connection, starts: NDArray[np.int64]) -> dict[Tier, list[int]]:
        """Days that have no partition for sums yet."""
        days = np.unique(starts // US_PER_DAY) * US_PER_DAY
        if not len(days):
            return {}
        found: dict[Tier, list[int]] = {
            tier: partitions.missing(partitions.known(connection, tier), days) for tier in TIERS
        }
        return {tier: days for tier, days in found.items() if days}

    def _make(self, connection: Connection, lacking: Mapping[Tier, list[int]]) -> None:
        for tier, days in lacking.items():
            self.maker.make(connection, tier, days)


def _between(found: Sequence[Partition], start: int, end: int) -> list[Partition]:
    return [each for each in found if each.until > start and each.start < end]


def _row(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None
    return row


def parameters(sums: TierRows) -> tuple[object, ...]:
    """Sums as the parameters of the statement that stores them."""
    return (
        int4s(sums.tag_ids),
        times(sums.starts),
        *(int4s(each) for each in (sums.counts, sums.totals, sums.goods)),
        int2s(sums.qualities),
        *(float8s(each) for each in (sums.minima, sums.maxima, sums.means, sums.m2s, sums.firsts, sums.lasts)),
        times(sums.first_ats),
        times(sums.last_ats),
    )
