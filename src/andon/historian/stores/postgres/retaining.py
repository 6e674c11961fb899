"""Takes away what the policies no longer keep: whole partitions where nobody wants anything of them, else rows."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from andon.historian.model import Source
from andon.historian.retention import Dropped, RetentionPolicies
from andon.historian.stores.postgres import partitions
from andon.historian.stores.postgres.binary import Binary, int4s, moment
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.effective import View
from andon.historian.stores.postgres.layouts import Layout
from andon.historian.stores.postgres.partitions import Partition
from andon.historian.stores.postgres.rows import tags_of
from andon.historian.stores.postgres.tables import TABLES, TIME_COLUMNS

log = logging.getLogger(__name__)
TIERS: Final[tuple[Source, ...]] = ("raw", "minute", "hour")
_FINER: Final[dict[Source, tuple[Source, ...]]] = {"raw": (), "minute": ("raw",), "hour": ("raw", "minute")}
_FLOORS: Final[dict[Source, str]] = {"raw": "raw_floor", "minute": "minute_floor"}
_IN: Final = "{time} >= %b AND {time} < %b"
_SAVE_NEWEST: Final = """
INSERT INTO history.newest AS held (tag_id, timestamp, value, text, quality, received)
SELECT newest.* FROM unnest(%(tags)s::int4[]) AS wanted (tag_id) CROSS JOIN LATERAL (
    SELECT tag_id, timestamp, value, text, quality, received FROM samples s WHERE s.tag_id = wanted.tag_id
        AND s.timestamp >= %(start)b AND s.timestamp < %(until)b ORDER BY timestamp DESC LIMIT 1
) AS newest
ON CONFLICT (tag_id) DO UPDATE SET timestamp = excluded.timestamp, value = excluded.value, text = excluded.text,
    quality = excluded.quality, received = excluded.received WHERE excluded.timestamp >= held.timestamp
"""


@dataclass(slots=True)
class Retainer:
    """One round of retention. The caller holds the maintenance lock, and has all sums up to date."""

    connection: Connection
    layout: Layout
    policies: RetentionPolicies
    now: int
    reached: Callable[[str], None] = lambda _point: None

    def retain(self) -> list[Dropped]:
        """What was taken away; a partition that is in use just now stays until the next round."""
        found = []
        view = View.of(self.connection)
        summed_up = {"raw": min(view.minutes_until, view.hours_until), "minute": view.hours_until, "hour": self.now}
        for tier in TIERS:
            for partition in partitions.known(self.connection, tier):
                if partition.until > summed_up[tier]:
                    continue
                try:
                    dropped = self._partition(partition)
                except psycopg.errors.LockNotAvailable:
                    log.info("a partition is in use and is dropped later", extra={"partition": partition.name})
                else:
                    found.extend(dropped)
        return found

    def _partition(self, partition: Partition) -> list[Dropped]:
        expired = self._over(None, partition)
        others = {tag: self._over(tag, partition) for tag in self.policies.tags}
        if not expired and not any(others.values()):
            return []
        with self.connection.transaction():
            self.connection.execute("SET LOCAL lock_timeout = '5s'")
            held = tags_of(self.connection, partition).tolist()
            wanted = self._finer(partition)
            gone = [tag for tag in held if others.get(tag, expired) and tag not in wanted]
            rest = len(held) - len(gone) or self._pinned(partition)
            dropped = self._thin(partition, gone) if rest else self._drop(partition, held)
            self.reached("retained")
        return dropped

    def _over(self, tag: int | None, partition: Partition) -> bool:
        policy = self.policies.default if tag is None else self.policies.of(tag)
        cutoff = policy.cutoff(partition.tier, self.now)
        return cutoff is not None and partition.until <= cutoff

    def _finer(self, partition: Partition) -> set[int]:
        """Tags of which something finer is kept of this time: their sums are needed to read it quickly."""
        found: set[int] = set()
        for tier in _FINER[partition.tier]:
            for finer in partitions.known(self.connection, tier):
                if finer.start < partition.until and finer.until > partition.start:
                    found.update(tags_of(self.connection, finer).tolist())
        return found

    def _pinned(self, partition: Partition) -> int:
        if partition.tier != "raw":
            return 0
        return self._number(
            f"SELECT count(*) FROM samples WHERE pinned AND {_IN.format(time='timestamp')}", *_bounds(partition)
        )

    def _drop(self, partition: Partition, held: Sequence[int]) -> list[Dropped]:
        rows, (size,) = self._rows(partition), self.layout.sizes(self.connection, [partition])
        self._before(partition, held)
        self.layout.drop(self.connection, partition)
        self.connection.execute("DELETE FROM history.partitions WHERE name = %s", (partition.name,))
        if partition.tier == "raw":
            self.connection.execute("DELETE FROM history.counts WHERE start = %b", (moment(partition.start),))
        return [Dropped(partition.tier, partition.start, partition.until, rows, size)] if rows else []

    def _thin(self, partition: Partition, gone: Sequence[int]) -> list[Dropped]:
        """Delete rows of some tags; not again while neither the tags nor the rows have changed."""
        state = hashlib.sha256(repr((sorted(gone), self._rows(partition))).encode()).hexdigest()
        before = self.connection.execute("SELECT thinned FROM history.partitions WHERE name = %s", (partition.name,))
        if not gone or before.fetchone() == (state,):
            return []
        self._before(partition, gone)
        unpinned = "AND NOT pinned" if partition.tier == "raw" else ""
        table, within = TABLES[partition.tier], _IN.format(time=TIME_COLUMNS[partition.tier])
        statement = f"DELETE FROM {table} WHERE {within} AND tag_id = ANY(%b::int4[]) {unpinned}"
        rows = self.connection.execute(statement, (*_bounds(partition), int4s(gone))).rowcount
        if partition.tier == "raw" and rows:
            # What it holds is a sum over the log's partitions: this is one of its own, below zero.
            self.connection.execute(
                """
                INSERT INTO history.counts AS held (start, partition, rows) VALUES (%b, -1, %s)
                ON CONFLICT (start, partition) DO UPDATE SET rows = held.rows + excluded.rows
                """,
                (moment(partition.start), -rows),
            )
        state = hashlib.sha256(repr((sorted(gone), self._rows(partition))).encode()).hexdigest()
        self.connection.execute("UPDATE history.partitions SET thinned = %s WHERE name = %s", (state, partition.name))
        return [Dropped(partition.tier, partition.start, partition.until, rows, 0)] if rows else []

    def _before(self, partition: Partition, tags: Sequence[int]) -> None:
        """Note what will be missing: from where on a tier is complete, and what the last samples were."""
        floor = _FLOORS.get(partition.tier)
        if floor is not None:
            statement = f"UPDATE history.meta SET {floor} = greatest({floor}, %b)"
            self.connection.execute(statement, (moment(partition.until),))
        if partition.tier == "raw":
            bounds = {"start": moment(partition.start), "until": moment(partition.until), "tags": list(tags)}
            self.connection.execute(_SAVE_NEWEST, bounds)

    def _rows(self, partition: Partition) -> int:
        if partition.tier != "raw":
            table, within = TABLES[partition.tier], _IN.format(time=TIME_COLUMNS[partition.tier])
            return self._number(f"SELECT count(*) FROM {table} WHERE {within}", *_bounds(partition))
        return self._number(
            "SELECT coalesce(sum(rows), 0)::bigint FROM history.counts WHERE start = %b", moment(partition.start)
        )

    def _number(self, query: str, *parameters: Any) -> int:
        row = self.connection.execute(query, parameters).fetchone()
        return int(row[0]) if row else 0


def _bounds(partition: Partition) -> tuple[Binary, Binary]:
    return moment(partition.start), moment(partition.until)
