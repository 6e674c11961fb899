"""How the tables are divided by time: partitions of PostgreSQL's own, or chunks of TimescaleDB where it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from andon.historian.model import Source
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.partitions import Partition, day_of
from andon.historian.stores.postgres.tables import TABLES, TIME_COLUMNS
from andon.historian.stores.postgres.timescale import Hypertables


class Layout(Protocol):
    """What differs between the two; everything else is the same SQL."""

    name: str

    def make_table(self, connection: Connection, tier: Source, columns: str) -> None:
        """Make a tier's table."""
        ...

    def create(self, connection: Connection, partition: Partition) -> None:
        """Make a partition's table, if it needs one before rows come."""
        ...

    def drop(self, connection: Connection, partition: Partition) -> None:
        """Drop all rows of a partition at once."""
        ...

    def sizes(self, connection: Connection, partitions: Sequence[Partition]) -> list[int]:
        """Bytes of each of the partitions, with its indexes."""
        ...

    def compact(self, connection: Connection, closed: Sequence[Partition]) -> int:
        """Make partitions small to which hardly anything is added any more; how many were."""
        ...


class Native:
    """Declarative partitioning: a table for each day, or month, in the schema `history`."""

    name = "native"

    def make_table(self, connection: Connection, tier: Source, columns: str) -> None:
        """See `Layout.make_table`."""
        connection.execute(f"CREATE TABLE {TABLES[tier]} ({columns}) PARTITION BY RANGE ({TIME_COLUMNS[tier]})")

    def create(self, connection: Connection, partition: Partition) -> None:
        """See `Layout.create`. Made on its own and attached: made in place it would wait for all queries."""
        parent, name = TABLES[partition.tier], partition.name
        start, until = day_of(partition.start).isoformat(), day_of(partition.until).isoformat()
        connection.execute(f"CREATE TABLE history.{name} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        connection.execute(
            f"ALTER TABLE {parent} ATTACH PARTITION history.{name} FOR VALUES FROM ('{start}') TO ('{until}')"
        )

    def drop(self, connection: Connection, partition: Partition) -> None:
        """See `Layout.drop`."""
        connection.execute(f"DROP TABLE history.{partition.name}")

    def sizes(self, connection: Connection, partitions: Sequence[Partition]) -> list[int]:
        """See `Layout.sizes`."""
        names = [f"history.{each.name}" for each in partitions]
        query = "SELECT pg_total_relation_size(name::regclass) FROM unnest(%s::text[]) WITH ORDINALITY AS n (name, i)"
        return [row[0] for row in connection.execute(f"{query} ORDER BY i", (names,)).fetchall()]

    def compact(self, connection: Connection, closed: Sequence[Partition]) -> int:
        """See `Layout.compact`: PostgreSQL has nothing for it."""
        return 0


NATIVE: Final = Native()
HYPERTABLES: Final = Hypertables()


def offered(connection: Connection) -> Layout:
    """The layout for new tables: TimescaleDB's when the database has the extension, with its community features."""
    row = connection.execute(
        """
        SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
            AND current_setting('timescaledb.license', true) = 'timescale'
        """
    ).fetchone()
    return HYPERTABLES if row is not None and row[0] else NATIVE


def present(connection: Connection) -> Layout:
    """The layout that the tables have."""
    row = connection.execute("SELECT layout FROM history.meta").fetchone()
    return HYPERTABLES if row is not None and row[0] == HYPERTABLES.name else NATIVE
