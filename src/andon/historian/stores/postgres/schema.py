"""The tables of history on PostgreSQL, and bringing them to the version that this Andon writes.

`samples`, `samples_1min`, `samples_1h` stand where everybody looks; their partitions and the store's own books are in
the schema `history`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from andon.historian.model import Source
from andon.historian.stores.postgres import layouts
from andon.historian.stores.postgres.connections import Connection
from andon.historian.stores.postgres.tables import SCHEMA_LOCK
from andon.kit.errors import StartError

_SUM_COLUMNS: Final = """
    tag_id integer NOT NULL, start timestamptz NOT NULL,
    count integer NOT NULL, total integer NOT NULL, good integer NOT NULL, quality smallint NOT NULL,
    min double precision, max double precision, mean double precision, m2 double precision,
    first double precision, last double precision, first_at timestamptz NOT NULL, last_at timestamptz NOT NULL,
    PRIMARY KEY (tag_id, start)
"""
_BOOKS: Final = """
CREATE SCHEMA IF NOT EXISTS history;
CREATE TABLE history.meta (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), version integer NOT NULL, layout text NOT NULL,
    declared timestamptz NOT NULL, minutes_until timestamptz NOT NULL, hours_until timestamptz NOT NULL,
    raw_floor timestamptz NOT NULL DEFAULT '-infinity', minute_floor timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON COLUMN history.meta.declared IS 'a sample before it is late: whoever writes it marks its minutes stale';
COMMENT ON COLUMN history.meta.minutes_until IS 'sums of minutes are complete before it, but for what is stale';
COMMENT ON COLUMN history.meta.raw_floor IS 'before it samples may have been dropped while their sums are kept';
CREATE TABLE history.positions (
    stream text NOT NULL, partition integer NOT NULL, position bigint NOT NULL, PRIMARY KEY (stream, partition)
);
CREATE TABLE history.partitions (
    tier text NOT NULL, start timestamptz NOT NULL, until timestamptz NOT NULL, name text NOT NULL UNIQUE,
    thinned text, PRIMARY KEY (tier, start)
);
CREATE TABLE history.counts (
    start timestamptz NOT NULL, partition integer NOT NULL, rows bigint NOT NULL, PRIMARY KEY (start, partition)
) WITH (fillfactor = 50);
COMMENT ON TABLE history.counts IS 'samples held, by table partition and by the partition of the log they came from';
CREATE TABLE history.stale (
    id bigserial PRIMARY KEY, tag_id integer NOT NULL, start timestamptz NOT NULL, until timestamptz NOT NULL
);
CREATE INDEX stale_tag_id_start ON history.stale (tag_id, start);
CREATE TABLE history.newest (
    tag_id integer PRIMARY KEY, timestamp timestamptz NOT NULL, value double precision, text text,
    quality smallint NOT NULL, received timestamptz NOT NULL
);
CREATE TABLE history.sql_readers (
    role name NOT NULL, organization_id varchar(36) NOT NULL, PRIMARY KEY (role, organization_id)
);
COMMENT ON TABLE history.sql_readers IS 'whose rows a role sees in the views; adding a row grants it their use';
COMMENT ON TABLE history.newest IS 'the last sample of tags whose samples retention has dropped';
"""
_COLUMNS: Final[dict[Source, str]] = {
    "raw": """
    tag_id integer NOT NULL, quality smallint NOT NULL, pinned boolean NOT NULL DEFAULT false,
    timestamp timestamptz NOT NULL, received timestamptz NOT NULL, value double precision, text text,
    PRIMARY KEY (tag_id, timestamp)
""",
    "minute": _SUM_COLUMNS,
    "hour": _SUM_COLUMNS,
}
_INDEXES: Final = """
CREATE INDEX samples_by_time ON samples USING brin (timestamp) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX samples_pinned ON samples (tag_id) WHERE pinned;
"""
# The first roll begins with the hour that runs now: what is older counts as late, and is summed up as it comes.
_FIRST_META: Final = """
INSERT INTO history.meta (version, layout, declared, minutes_until, hours_until) SELECT 1, %s, hour, hour, hour
FROM (SELECT date_trunc('hour', to_timestamp(%s::double precision / 1000000)) AS hour) AS now
"""

Step = Callable[[Connection, int], None]


def _create(connection: Connection, now: int) -> None:
    layout = layouts.offered(connection)
    connection.execute(_BOOKS, prepare=False)
    for tier, columns in _COLUMNS.items():
        layout.make_table(connection, tier, columns)
    connection.execute(_INDEXES, prepare=False)
    connection.execute(_FIRST_META, (layout.name, now))


STEPS: Final[tuple[Step, ...]] = (_create,)
"""Step i brings version i to version i + 1."""


def ensure(connection: Connection, now: int, steps: Sequence[Step] = STEPS) -> None:
    """Bring the tables to the newest version; of several processes one does it, the others wait for it.

    StartError when a newer Andon wrote them.
    """
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        version = _version(connection)
        if version > len(steps):
            raise StartError(
                f"the history is at version {version}, which this version of Andon does not know",
                cure="start the newer version that wrote it, or restore a backup from before the upgrade",
            )
        for step in steps[version:]:
            step(connection, now)
        connection.execute("UPDATE history.meta SET version = %s WHERE version <> %s", (len(steps), len(steps)))


def _version(connection: Connection) -> int:
    row = connection.execute("SELECT to_regclass('history.meta') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return 0
    found = connection.execute("SELECT version FROM history.meta").fetchone()
    return int(found[0]) if found else 0
