"""A batch goes in: samples, positions, counts and what became stale, in one transaction.

Samples newer than all others of their tag are appended with COPY, the cheapest way in. Everything else (late, repeated,
corrected, text) goes through an upsert. A sample that was appended and turns out to be there already, because another
process wrote it, makes the whole batch go through the upsert.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from andon.historian.stores.postgres import partitions
from andon.historian.stores.postgres.binary import (
    COPIED,
    bools,
    column,
    copied,
    float8s,
    int2s,
    int4s,
    int8s,
    joined,
    moments,
    times,
)
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.deliveries import Delivery, stale_spans, together
from andon.historian.stores.postgres.partitions import Maker, Partition
from andon.historian.stores.postgres.tables import ROLL_LOCK
from andon.kit.clock import US_PER_DAY
from andon.kit.samples import PINNED, SampleBatch

log = logging.getLogger(__name__)

# The lock comes before the look: a roller that waits for it will find this batch, or is seen by it.
_BEGIN: Final = f"""
BEGIN; SELECT pg_advisory_xact_lock_shared({ROLL_LOCK});
SELECT (extract(epoch FROM declared) * 1000000)::bigint FROM history.meta
"""
_COPY: Final = f"COPY samples ({', '.join(COPIED)}) FROM STDIN (FORMAT BINARY)"
_UPSERT: Final = """
INSERT INTO samples AS held (tag_id, quality, pinned, timestamp, received, value, text)
SELECT tag_id, quality, pinned, timestamp, received, nullif(value, 'NaN'), text
FROM unnest(%b::int4[], %b::int2[], %b::bool[], %b::timestamptz[], %b::timestamptz[], %b::float8[], {texts})
  AS new (tag_id, quality, pinned, timestamp, received, value, text)
ON CONFLICT (tag_id, timestamp) DO UPDATE SET value = excluded.value, text = excluded.text,
    quality = excluded.quality, received = excluded.received, pinned = held.pinned OR excluded.pinned
"""
_UPSERT_NUMBERS: Final = _UPSERT.format(texts="NULL::text[]")
_UPSERT_TEXTS: Final = _UPSERT.format(texts="%s::text[]")
_PRESENT: Final = f"""
SELECT {joined("new.number", "int8")}
FROM unnest(%b::int8[], %b::int4[], %b::timestamptz[]) AS new (number, tag_id, timestamp)
WHERE EXISTS (SELECT FROM samples s WHERE s.tag_id = new.tag_id AND s.timestamp = new.timestamp)
"""
_NEWEST: Final = f"""
SELECT {joined("tag_id", "int4")}, {joined("timestamp", "timestamptz_")} FROM (
    SELECT wanted.tag_id, newest.timestamp FROM unnest(%b::int4[]) AS wanted (tag_id) CROSS JOIN LATERAL
        (SELECT timestamp FROM samples s WHERE s.tag_id = wanted.tag_id ORDER BY timestamp DESC LIMIT 1) AS newest
) AS found
"""
_STALE: Final = """
INSERT INTO history.stale (tag_id, start, until)
SELECT * FROM unnest(%b::int4[], %b::timestamptz[], %b::timestamptz[])
"""
_COUNT: Final = """
INSERT INTO history.counts AS held (start, partition, rows)
SELECT * FROM unnest(%b::timestamptz[], %b::int4[], %b::int8[])
ON CONFLICT (start, partition) DO UPDATE SET rows = held.rows + excluded.rows
"""
_POSITIONS: Final = """
SELECT partition, position FROM history.positions WHERE stream = %s AND partition = ANY(%s)
ORDER BY partition FOR UPDATE
"""
_POSITION: Final = """
INSERT INTO history.positions AS held (stream, partition, position) VALUES (%s, %s, %s)
ON CONFLICT (stream, partition) DO UPDATE SET position = excluded.position
"""
_UNKNOWN: Final = np.iinfo(np.int64).max
ATTEMPTS: Final = 3


@dataclass(slots=True)
class Written:
    """What a writer has done: samples appended and upserted, attempts that had to be made anew."""

    appended: int = 0
    upserted: int = 0
    repeated: int = 0


@dataclass(slots=True)
class Writer:
    """Writes batches over one connection at a time. Remembers the newest sample of each tag, and the partitions.

    `positions`: where this process left each partition of the log, or was told that it stands. Found elsewhere, another
    process went on with it: what that has written is not written again, because its later corrections would be undone.
    """

    stream: str
    maker: Maker
    reached: Callable[[str], None] = lambda _point: None
    written: Written = field(default_factory=Written)
    positions: dict[int, int] = field(default_factory=dict)
    _newest: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    _partitions: list[Partition] = field(default_factory=list)

    def write(self, connection: Connection, deliveries: Sequence[Delivery]) -> None:
        """All of it or nothing; durable when it returns. Of equal keys the last delivery's counts."""
        for attempt in range(ATTEMPTS):
            try:
                self._attempt(connection, deliveries, append=attempt == 0)
            except (psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation) as error:
                # Another process wrote the same samples, or dropped a partition that this one knew.
                self.forget()
                if attempt == ATTEMPTS - 1:
                    raise
                log.info("a write is made anew", extra={"reason": str(error.diag.message_primary)})
                connection.execute("ROLLBACK")
                self.written.repeated += 1
            except BaseException:
                self.forget()
                raise
            else:
                return

    def position(self, connection: Connection, partition: int) -> int:
        """Where a partition of the log stands; this process goes on with it from there."""
        found = connection.execute(_POSITIONS, (self.stream, [partition])).fetchall()
        self.positions[partition] = int(found[0][1]) if found else 0
        return self.positions[partition]

    def forget(self) -> None:
        """Take nothing for granted: others have written, or it is not known what was written."""
        self._newest = np.empty(0, np.int64)
        self._partitions = []

    def _attempt(self, connection: Connection, deliveries: Sequence[Delivery], append: bool) -> None:
        batch, sources = together(deliveries)
        self._make_partitions(connection, batch)
        self._look_up_newest(connection, batch)
        declared = _last_number(connection.execute(_BEGIN, prepare=False))
        left = self._not_yet_written(connection, deliveries)
        if len(left) < len(deliveries):
            batch, sources = together(left)
        new = self._is_new(batch) if append else np.zeros(len(batch), np.bool_)
        plain = new & np.isfinite(batch.values)
        rest = np.flatnonzero(~plain)
        if plain.any():
            with connection.cursor().copy(_COPY) as copy:
                copy.write(copied(batch.take(plain)))
            self.reached("appended")
        fresh = np.ones(len(batch), np.bool_)
        if len(rest):
            fresh[rest] = self._upsert(connection, batch.take(rest))
            self.reached("upserted")
        self._keep_books(connection, batch, sources, fresh, declared)
        positions = {each.partition: each.position for each in left}
        for partition, position in positions.items():
            connection.execute(_POSITION, (self.stream, partition, position))
        self.reached("before commit")
        connection.execute("COMMIT")
        self.reached("after commit")
        self.positions |= positions
        np.maximum.at(self._newest, batch.tag_ids, batch.timestamps)
        self.written.appended += len(batch) - len(rest)
        self.written.upserted += len(rest)

    def _not_yet_written(self, connection: Connection, deliveries: Sequence[Delivery]) -> list[Delivery]:
        wanted = [each.partition for each in deliveries]
        found: dict[int, int] = dict(connection.execute(_POSITIONS, (self.stream, wanted)).fetchall())
        left = []
        for each in deliveries:
            stands = found.get(each.partition, 0)
            if self.positions.get(each.partition) != stands and each.position <= stands:
                self.positions[each.partition] = each.position
            else:
                left.append(each)
        return left

    def _upsert(self, connection: Connection, batch: SampleBatch) -> NDArray[np.bool_]:
        """Which of the samples were not there before."""
        fresh = np.ones(len(batch), np.bool_)
        keys = (int8s(np.arange(len(batch))), int4s(batch.tag_ids), times(batch.timestamps))
        (present,) = _row(connection.execute(_PRESENT, keys, binary=True))
        fresh[column(present, ">i8")] = False
        numbers = np.where(np.isfinite(batch.values), batch.values, np.nan)
        columns = (int2s(batch.qualities), bools(batch.marked(PINNED)))
        arrays = (keys[1], *columns, keys[2], times(batch.received), float8s(numbers))
        if batch.texts:
            # PostgreSQL's text cannot hold a NUL.
            texts = {row: text.replace("\0", "\ufffd") for row, text in batch.texts.items()}
            connection.execute(_UPSERT_TEXTS, (*arrays, [texts.get(row) for row in range(len(batch))]))
        else:
            connection.execute(_UPSERT_NUMBERS, arrays)
        return fresh

    def _keep_books(
        self,
        connection: Connection,
        batch: SampleBatch,
        sources: NDArray[np.int32],
        fresh: NDArray[np.bool_],
        declared: int,
    ) -> None:
        counts = self._counts(batch, sources, fresh)
        if counts:
            starts, partitions_, rows = zip(*((*key, rows) for key, rows in sorted(counts.items())), strict=True)
            connection.execute(_COUNT, (times(starts), int4s(partitions_), int8s(rows)))
        late = np.flatnonzero(batch.timestamps < declared)
        if len(late):
            tags, since, until = stale_spans(batch.tag_ids[late], batch.timestamps[late])
            connection.execute(_STALE, (int4s(tags), times(since), times(until)))

    def _counts(
        self, batch: SampleBatch, sources: NDArray[np.int32], fresh: NDArray[np.bool_]
    ) -> Mapping[tuple[int, int], int]:
        if not fresh.any():
            return {}
        starts = np.array([each.start for each in self._partitions], np.int64)
        at = np.searchsorted(starts, batch.timestamps[fresh], "right") - 1
        keys, rows = np.unique(np.stack((at, sources[fresh])), axis=1, return_counts=True)
        return {
            (int(starts[index]), int(source)): int(count)
            for (index, source), count in zip(keys.T.tolist(), rows.tolist(), strict=True)
        }

    def _make_partitions(self, connection: Connection, batch: SampleBatch) -> None:
        days = np.unique(batch.timestamps // US_PER_DAY) * US_PER_DAY
        lacking = partitions.missing(self._partitions, days)
        if lacking:
            self._partitions = self.maker.make(connection, "raw", lacking)

    def _look_up_newest(self, connection: Connection, batch: SampleBatch) -> None:
        """Learn the newest sample of tags that this process has not written yet."""
        highest = int(batch.tag_ids.max(initial=0))
        if highest >= len(self._newest):
            grown = np.full(max(highest + 1, 2 * len(self._newest)), _UNKNOWN, np.int64)
            grown[: len(self._newest)] = self._newest
            self._newest = grown
        unknown = np.unique(batch.tag_ids[self._newest[batch.tag_ids] == _UNKNOWN])
        if len(unknown):
            tags, newest = _row(connection.execute(_NEWEST, (int4s(unknown),), binary=True))
            self._newest[unknown] = -1
            self._newest[column(tags, ">i4")] = moments(newest)

    def _is_new(self, batch: SampleBatch) -> NDArray[np.bool_]:
        return np.asarray(batch.timestamps > self._newest[batch.tag_ids])


def _row(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None
    return row


def _last_number(cursor: psycopg.Cursor[tuple[Any, ...]]) -> int:
    """Of several statements sent at once, the number that the last one gave."""
    while cursor.nextset():
        continue
    return int(_row(cursor)[0])
