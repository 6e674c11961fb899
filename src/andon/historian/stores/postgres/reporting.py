"""What history takes on PostgreSQL, tier by tier."""

from __future__ import annotations

from typing import Final

from andon.historian.model import Source, StorageReport, StoreSize, TierReport
from andon.historian.retention import RetentionPolicies
from andon.historian.stores.postgres.binary import moment
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.schema import TABLES, TIME_COLUMNS
from andon.kit.clock import US_PER_DAY

# The tiers' rows are PostgreSQL's own estimate: counting them would read all of them.
_PARTITIONS: Final = """
SELECT p.tier, (extract(epoch FROM p.start) * 1000000)::bigint, (extract(epoch FROM p.until) * 1000000)::bigint,
    pg_total_relation_size(c.oid), CASE WHEN p.tier = 'raw'
        THEN coalesce((SELECT sum(rows) FROM history.counts n WHERE n.start = p.start), 0)::bigint
        ELSE greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid)) END
FROM history.partitions p JOIN pg_class c ON c.oid = to_regclass('history.' || p.name) ORDER BY p.tier, p.start
"""
_SIZE: Final = """
SELECT (SELECT coalesce(sum(rows), 0)::bigint FROM history.counts),
    (SELECT coalesce(sum(pg_total_relation_size(to_regclass('history.' || name))), 0)::bigint FROM history.partitions)
"""
_ENDS: Final = """
SELECT (extract(epoch FROM min({time})) * 1000000)::bigint, (extract(epoch FROM max({time})) * 1000000)::bigint
FROM {table} WHERE {time} >= %b AND {time} < %b
"""
_POSITIONS: Final = "SELECT partition, position FROM history.positions WHERE stream = %s"
_PINNED: Final = "SELECT count(*) FROM samples WHERE pinned"
_Row = tuple[Source, int, int, int, int]


def size(connection: Connection) -> StoreSize:
    """Samples held, and bytes of all tiers with their indexes."""
    row = connection.execute(_SIZE).fetchone()
    return StoreSize(*row) if row else StoreSize(0, 0)


def storage(connection: Connection, stream: str, policies: RetentionPolicies) -> StorageReport:
    """Everything that the storage page shows."""
    found: list[_Row] = connection.execute(_PARTITIONS).fetchall()
    tiers = tuple(_tier(connection, tier, [row for row in found if row[0] == tier], policies) for tier in TABLES)
    pinned = connection.execute(_PINNED).fetchone()
    return StorageReport(
        tiers=tiers,
        samples=sum(row[4] for row in found if row[0] == "raw"),
        unsealed=0,
        unsealed_bytes=0,
        pinned=int(pinned[0]) if pinned else 0,
        archived_files=0,
        archived_bytes=0,
        durable=dict(connection.execute(_POSITIONS, (stream,)).fetchall()),
    )


def _tier(connection: Connection, tier: Source, partitions: list[_Row], policies: RetentionPolicies) -> TierReport:
    held = [row for row in partitions if row[4] > 0]
    oldest, newest = (_end(connection, held[0])[0], _end(connection, held[-1])[1]) if held else (None, None)
    days = policies.default.days(tier)
    due = held[0] if held and days is not None else None
    return TierReport(
        tier=tier,
        files=len(held),
        rows=sum(row[4] for row in held),
        bytes=sum(row[3] for row in held),
        oldest=oldest,
        newest=newest,
        next_drop=due[2] + round((days or 0) * US_PER_DAY) if due else None,
        next_drop_bytes=due[3] if due else 0,
    )


def _end(connection: Connection, partition: _Row) -> tuple[int | None, int | None]:
    tier, start, until, _, _ = partition
    query = _ENDS.format(time=TIME_COLUMNS[tier], table=TABLES[tier])
    row = connection.execute(query, (moment(start), moment(until))).fetchone()
    return (row[0], row[1]) if row else (None, None)
