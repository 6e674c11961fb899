"""TimescaleDB: hypertables with a chunk a day, compressed when the day is long over, and sums of days by themselves.

Late samples may come for a compressed chunk: PostgreSQL then has to look into the compressed batches of their tags. How
many samples one statement may unpack for that is limited to 100,000 unless one says otherwise, which `WRITING` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from andon.historian.model import Source
from andon.historian.stores.postgres.binary import moment
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.partitions import Partition
from andon.historian.stores.postgres.tables import TABLES, TIME_COLUMNS

DAYS: Final = "samples_1d"
_HYPERTABLE: Final = """
SELECT create_hypertable('{table}', by_range('{time}', INTERVAL '1 day'), create_default_indexes => false)
"""
_COMPRESSION: Final = """
ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'tag_id',
    timescaledb.compress_orderby = '{time}')
"""
_DAYS: Final = f"""
CREATE MATERIALIZED VIEW {DAYS} WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
SELECT tag_id, time_bucket(INTERVAL '1 day', start) AS start, sum(count) AS count, sum(total) AS total,
    sum(good) AS good, min(quality) AS quality, min(min) AS min, max(max) AS max,
    sum(mean * count) / nullif(sum(count), 0) AS mean,
    first(first, first_at) FILTER (WHERE count > 0) AS first, last(last, last_at) FILTER (WHERE count > 0) AS last
FROM samples_1h GROUP BY 1, 2 WITH NO DATA
"""
_SIZES: Final = """
SELECT coalesce(sum(s.total_bytes), 0)::bigint
FROM timescaledb_information.chunks c JOIN chunks_detailed_size('{table}') s USING (chunk_schema, chunk_name)
WHERE c.hypertable_name = '{table}' AND c.range_start < %b AND c.range_end > %b
"""
_OPEN: Final = """
SELECT format('%%I.%%I', c.chunk_schema, c.chunk_name), c.is_compressed
FROM timescaledb_information.chunks c
JOIN _timescaledb_catalog.chunk k ON k.schema_name = c.chunk_schema AND k.table_name = c.chunk_name
WHERE c.hypertable_name = '{table}' AND c.range_start >= %b AND c.range_end <= %b
    AND (NOT c.is_compressed OR k.status & 8 <> 0)
ORDER BY c.range_start
"""
# Bit 8 of a chunk's status: rows were added to it since it was compressed.


class Hypertables:
    """`Layout` of TimescaleDB. The books of partitions are kept all the same: they say what retention takes as one."""

    name = "timescale"

    def make_table(self, connection: Connection, tier: Source, columns: str) -> None:
        """See `Layout.make_table`."""
        names = {"table": TABLES[tier], "time": TIME_COLUMNS[tier]}
        connection.execute(f"CREATE TABLE {TABLES[tier]} ({columns})")
        connection.execute(_HYPERTABLE.format(**names))
        connection.execute(_COMPRESSION.format(**names))
        if tier == "hour":
            connection.execute(_DAYS)

    def create(self, connection: Connection, partition: Partition) -> None:
        """See `Layout.create`: TimescaleDB makes chunks as rows come."""

    def drop(self, connection: Connection, partition: Partition) -> None:
        """See `Layout.drop`."""
        bounds = (moment(partition.until), moment(partition.start))
        connection.execute(
            f"SELECT drop_chunks('{TABLES[partition.tier]}', older_than => %b, newer_than => %b)", bounds
        )

    def sizes(self, connection: Connection, partitions: Sequence[Partition]) -> list[int]:
        """See `Layout.sizes`."""
        found = []
        for each in partitions:
            query = _SIZES.format(table=TABLES[each.tier])
            row = connection.execute(query, (moment(each.until), moment(each.start))).fetchone()
            found.append(int(row[0]) if row else 0)
        return found

    def compact(self, connection: Connection, closed: Sequence[Partition]) -> int:
        """See `Layout.compact`: compress chunks, also those that late samples came to since."""
        done = 0
        for partition in closed:
            query = _OPEN.format(table=TABLES[partition.tier])
            bounds = (moment(partition.start), moment(partition.until))
            for chunk, again in connection.execute(query, bounds).fetchall():
                connection.execute("SELECT compress_chunk(%s::regclass)", (chunk,))
                if again:
                    connection.execute(f"VACUUM {chunk}", prepare=False)
                done += 1
        self._sum_up_days(connection)
        return done

    def _sum_up_days(self, connection: Connection) -> None:
        """Bring the sums of days up to date where hours have changed, or have gone: TimescaleDB notes what did."""
        row = connection.execute("SELECT date_trunc('day', hours_until) FROM history.meta").fetchone()
        if row is not None:
            connection.execute(f"CALL refresh_continuous_aggregate('{DAYS}', NULL, %s::timestamptz)", row)
