"""The log's SQLite file: one table per stream, one statement per piece of work.

Everything that handles many rows is a single statement over one value (a blob cut up by offsets, hex text
put together by SQLite). While the event loop is busy each statement, and each fetched row, waits for the
interpreter's lock; rows one by one would be slower by orders of magnitude.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import msgspec

from andon.engines.log.port import Record

PAGE_BYTES: Final = 4_096
"""A commit writes whole pages, and again when the file takes them over: at 20,000 values a second, 200 a commit, larger
ones double what reaches the disk.
"""
_TRIM_ROWS: Final = 256

_SCHEMA = """
CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS positions (
    consumer TEXT NOT NULL, stream TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (consumer, stream)
) WITHOUT ROWID;
"""
# `total` is the sum of all payload bytes up to and including the row since the stream began: sizes and
# retention by size need no scan. The newest row is never deleted, because it carries the end position.
_STREAM_TABLE = """
CREATE TABLE IF NOT EXISTS stream_{id} (
    position INTEGER PRIMARY KEY, at INTEGER NOT NULL, total INTEGER NOT NULL, payload BLOB NOT NULL
)
"""
_APPEND_ONE = "INSERT INTO stream_{id} VALUES (?1 + 1, ?2, ?3 + length(?4), ?4)"
_APPEND_MANY = """
INSERT INTO stream_{id}
SELECT ?1 + 1 + key, ?2, ?3 + (value ->> 1), substr(?4, (value ->> 0) + 1, (value ->> 1) - (value ->> 0))
FROM json_each(?5)
"""
_READ = """
WITH first AS (
    SELECT position, total - length(payload) AS before FROM stream_{id}
    WHERE position > ?1 ORDER BY position LIMIT 1
)
SELECT group_concat(position), group_concat(length(payload)), group_concat(hex(payload), '') FROM (
    SELECT s.position, s.payload FROM first, stream_{id} AS s
    WHERE s.position >= first.position AND (s.position = first.position OR s.total <= first.before + ?2)
    ORDER BY s.position LIMIT ?3
)
"""
_ENDS = """
SELECT position, total, total - length(payload) FROM stream_{id}
WHERE position IN ((SELECT min(position) FROM stream_{id}), (SELECT max(position) FROM stream_{id}))
ORDER BY position
"""
_FIRST_TO_KEEP = """
SELECT coalesce(min(position) FILTER (WHERE at >= ?1 AND total > ?2), max(position) + 1)
FROM (SELECT position, at, total FROM stream_{id} ORDER BY position LIMIT ?3)
"""


@dataclass(slots=True)
class StreamEnds:
    """Where a stream stands: its table, oldest and newest position, and running byte totals."""

    id: int
    first: int = 0
    end: int = 0
    total: int = 0
    trimmed: int = 0

    @property
    def bytes(self) -> int:
        """Payload bytes kept."""
        return self.total - self.trimmed


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode; statements are transactions of their own unless one is begun."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    if read_only:
        db.execute("PRAGMA query_only = ON")
    else:
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # Deleted records are not overwritten with zeros: it would double the writes of retention.
        db.execute("PRAGMA secure_delete = OFF")
        db.execute("PRAGMA wal_autocheckpoint = 1000")
        db.execute("PRAGMA journal_size_limit = 67108864")
    return db


def create(db: sqlite3.Connection, max_file_bytes: int | None) -> None:
    """Make the tables of a new file, and set the bound on its size."""
    db.executescript(_SCHEMA)
    if max_file_bytes is not None:
        # A file keeps the pages that it was made with.
        ((page_bytes,),) = db.execute("PRAGMA page_size").fetchall()
        db.execute(f"PRAGMA max_page_count = {max(1, max_file_bytes // page_bytes)}")


def streams(db: sqlite3.Connection) -> dict[str, StreamEnds]:
    """All streams with their ends."""
    return {name: ends(db, id_) for id_, name in db.execute("SELECT id, name FROM streams").fetchall()}


def ends(db: sqlite3.Connection, id_: int) -> StreamEnds:
    """Where one stream stands."""
    rows = db.execute(_ENDS.format(id=id_)).fetchall()
    if not rows:
        return StreamEnds(id_)
    return StreamEnds(id_, first=rows[0][0], end=rows[-1][0], total=rows[-1][1], trimmed=rows[0][2])


def stream_id(db: sqlite3.Connection, name: str) -> int:
    """Number of the stream's table."""
    (id_,) = db.execute("SELECT id FROM streams WHERE name = ?", (name,)).fetchall()[0]
    return int(id_)


def add_stream(db: sqlite3.Connection, name: str) -> StreamEnds:
    """Register a stream and make its table."""
    db.execute("BEGIN IMMEDIATE")
    try:
        id_ = db.execute("INSERT INTO streams (name) VALUES (?) RETURNING id", (name,)).fetchall()[0][0]
        db.execute(_STREAM_TABLE.format(id=id_))
        db.execute("COMMIT")
    except sqlite3.Error:
        rollback(db)
        raise
    return StreamEnds(id_)


def append(db: sqlite3.Connection, at: int, stream: StreamEnds, payloads: Sequence[bytes]) -> None:
    """Insert payloads after the stream's end, in one statement. `stream` is left as it was."""
    if len(payloads) == 1:
        values = (stream.end, at, stream.total, payloads[0])
        db.execute(_APPEND_ONE.format(id=stream.id), values)
        return
    offsets = list(accumulate(map(len, payloads), initial=0))
    cuts = msgspec.json.encode(list(pairwise(offsets))).decode()
    db.execute(_APPEND_MANY.format(id=stream.id), (stream.end, at, stream.total, b"".join(payloads), cuts))


def read(db: sqlite3.Connection, id_: int, after: int, max_records: int, max_bytes: int) -> list[Record]:
    """Records after a position, at least one when there is any."""
    positions, lengths, text = db.execute(_READ.format(id=id_), (after, max_bytes, max_records)).fetchall()[0]
    if positions is None:
        return []
    joined = bytes.fromhex(text)
    cuts = list(accumulate(map(int, lengths.split(",")), initial=0))
    return [
        Record(int(position), joined[start:stop])
        for position, (start, stop) in zip(positions.split(","), pairwise(cuts), strict=True)
    ]


def before(db: sqlite3.Connection, id_: int, at: int) -> int:
    """Position of the last record from before a time: found by halving, times rise with positions."""
    ((first, last),) = db.execute(f"SELECT min(position), max(position) FROM stream_{id_}").fetchall()  # noqa: S608
    if first is None:
        return 0
    low, high = first - 1, last
    while low < high:
        middle = (low + high + 1) // 2
        ((when,),) = db.execute(f"SELECT at FROM stream_{id_} WHERE position = ?", (middle,)).fetchall()  # noqa: S608
        if when < at:
            low = middle
        else:
            high = middle - 1
    return int(low)


def positions(db: sqlite3.Connection) -> dict[tuple[str, str], int]:
    """Committed positions by (group, stream)."""
    rows = db.execute("SELECT consumer, stream, position FROM positions").fetchall()
    return {(group, stream): position for group, stream, position in rows}


def save_positions(db: sqlite3.Connection, changed: Mapping[tuple[str, str], int]) -> None:
    """Write committed positions."""
    rows = msgspec.json.encode([(*key, position) for key, position in changed.items()]).decode()
    db.execute(
        "INSERT OR REPLACE INTO positions SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
        (rows,),
    )


def trim(db: sqlite3.Connection, stream: StreamEnds, oldest_at: int, max_bytes: int, handled: int) -> bool:
    """Delete the oldest records that are too old or too many, never beyond `handled` and never the last.

    Works on a bounded number of rows; True when there may be more to delete.
    """
    query = _FIRST_TO_KEEP.format(id=stream.id)
    (keep,) = db.execute(query, (oldest_at, stream.total - max_bytes, _TRIM_ROWS)).fetchall()[0]
    if keep is None:
        return False
    last = min(keep - 1, handled, stream.end - 1)
    if last < stream.first:
        return False
    db.execute(f"DELETE FROM stream_{stream.id} WHERE position <= ?", (last,))  # noqa: S608 (an integer)
    left = ends(db, stream.id)
    stream.first, stream.trimmed = left.first, left.trimmed
    return bool(last == keep - 1) and last < stream.end - 1


def rollback(db: sqlite3.Connection) -> None:
    """Leave a transaction that failed; SQLite has already left it after some errors."""
    if db.in_transaction:
        db.execute("ROLLBACK")
