"""What history takes on PostgreSQL, tier by tier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from andon.historian.model import Source, StorageReport, StoreSize, TierReport
from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.postgres import partitions
from andon.historian.stores.postgres.binary import moment
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.layouts import Layout
from andon.historian.stores.postgres.partitions import Partition
from andon.historian.stores.postgres.tables import TABLES, TIME_COLUMNS

_COUNTS: Final = """
SELECT (extract(epoch FROM start) * 1000000)::bigint, sum(rows)::bigint FROM history.counts GROUP BY start
"""
_ENDS: Final = """
SELECT (extract(epoch FROM min({time})) * 1000000)::bigint, (extract(epoch FROM max({time})) * 1000000)::bigint
FROM {table} WHERE {time} >= %b AND {time} < %b
"""
_SUMS: Final = "SELECT count(*) FROM {table} WHERE {time} >= %b AND {time} < %b"
_POSITIONS: Final = "SELECT partition, position FROM history.positions WHERE stream = %s"
_PINNED: Final = "SELECT count(*) FROM samples WHERE pinned"
EXACT_BYTES: Final = 16 << 20
"""The rows of larger partitions of sums are told from their size: counting them would read all of them."""
_Held = tuple[Partition, int, int]
"""A partition, its rows and its bytes."""


def size(connection: Connection, layout: Layout) -> StoreSize:
    """Samples held, and bytes of all tiers with their indexes."""
    samples = sum(row[1] for row in connection.execute(_COUNTS).fetchall())
    return StoreSize(samples, sum(layout.sizes(connection, partitions.known(connection))))


def storage(
    connection: Connection, layout: Layout, stream: str, policies: RetentionPolicies, now: int
) -> StorageReport:
    """Everything that the storage page shows."""
    counts: dict[int, int] = dict(connection.execute(_COUNTS).fetchall())
    pinned = connection.execute(_PINNED).fetchone()
    return StorageReport(
        tiers=tuple(_tier(connection, layout, tier, counts, policies.default, now) for tier in TABLES),
        samples=sum(counts.values()),
        unsealed=0,
        unsealed_bytes=0,
        pinned=int(pinned[0]) if pinned else 0,
        archived_files=0,
        archived_bytes=0,
        durable=dict(connection.execute(_POSITIONS, (stream,)).fetchall()),
    )


def _tier(
    connection: Connection, layout: Layout, tier: Source, counts: dict[int, int], kept: Retention, now: int
) -> TierReport:
    found = partitions.known(connection, tier)
    sizes = layout.sizes(connection, found)
    rows = [counts.get(each.start, 0) for each in found] if tier == "raw" else _sums(connection, tier, found, sizes)
    held: list[_Held] = [each for each in zip(found, rows, sizes, strict=True) if each[1]]
    end = kept.next_end(tier, (each[0].until for each in held), now)
    return TierReport(
        tier=tier,
        files=len(held),
        rows=sum(each[1] for each in held),
        bytes=sum(each[2] for each in held),
        oldest=_ends(connection, held[0][0])[0] if held else None,
        newest=_ends(connection, held[-1][0])[1] if held else None,
        next_drop=kept.drop_at(tier, end),
        next_drop_bytes=sum(each[2] for each in held if each[0].until == end),
    )


def _sums(connection: Connection, tier: Source, found: Sequence[Partition], sizes: Sequence[int]) -> list[int]:
    """Rows of each partition of sums: small ones are counted, large ones reckoned from the bytes a row takes."""
    counted = {each: _count(connection, each) for each, size in zip(found, sizes, strict=True) if size <= EXACT_BYTES}
    rows = sum(counted.values())
    taken = sum(size for each, size in zip(found, sizes, strict=True) if each in counted)
    width = taken / rows if rows and taken > EXACT_BYTES else 200.0
    return [counted.get(each, round(size / width)) for each, size in zip(found, sizes, strict=True)]


def _count(connection: Connection, partition: Partition) -> int:
    query = _SUMS.format(time=TIME_COLUMNS[partition.tier], table=TABLES[partition.tier])
    row = connection.execute(query, (moment(partition.start), moment(partition.until))).fetchone()
    return int(row[0]) if row else 0


def _ends(connection: Connection, partition: Partition) -> tuple[int | None, int | None]:
    query = _ENDS.format(time=TIME_COLUMNS[partition.tier], table=TABLES[partition.tier])
    row = connection.execute(query, (moment(partition.start), moment(partition.until))).fetchone()
    return (row[0], row[1]) if row else (None, None)
