"""The manifest: which files are history, how far the log is in them, and every tag's newest sample. One SQLite file.

A file counts once its row is committed here, and no longer once that is gone: every change of history is one
transaction. `user_version` of the database is the version of the whole folder's format.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from andon.historian.stores.columnar.catalogue import Entry

FORMAT: Final = 3

_SCHEMA: Final = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, tier TEXT NOT NULL, slot INTEGER NOT NULL, span INTEGER NOT NULL, seq INTEGER NOT NULL,
    path TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, min_time INTEGER NOT NULL,
    max_time INTEGER NOT NULL, made_at INTEGER NOT NULL, merged INTEGER NOT NULL, rolled INTEGER NOT NULL,
    pinned INTEGER NOT NULL, archive TEXT, checksum TEXT, repeated INTEGER, tags TEXT
);
CREATE TABLE positions (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL);
CREATE TABLE newest (block INTEGER PRIMARY KEY, samples BLOB NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE leaving (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_COLUMNS: Final = tuple(each.name for each in fields(Entry))
_INSERT: Final = f"INSERT OR REPLACE INTO files ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM files ORDER BY id"  # noqa: S608 (names of our own)

# What no earlier part overlaps in time repeats nothing; of others it is known once they are merged.
_COUNTED: Final = """
ALTER TABLE files ADD COLUMN repeated INTEGER;
ALTER TABLE files ADD COLUMN tags TEXT;
CREATE TABLE leaving (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX during_upgrade ON files (tier, min_time);
UPDATE files SET repeated = 0 WHERE tier <> 'raw' OR NOT EXISTS (
    SELECT 1 FROM files AS other WHERE other.tier = 'raw' AND other.seq < files.seq
    AND other.min_time <= files.max_time AND other.max_time >= files.min_time
);
DROP INDEX during_upgrade;
"""
# A file of hours may be that of a month: a release that knows version 2 would find it on the month's first day only.
_MONTHS: Final = ""
UPGRADES: Final[Mapping[int, str]] = {1: _COUNTED, 2: _MONTHS}
"""Statements that bring a manifest of a version to the next one."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction does. `positions` by partition, `newest` by block, `notes` by name."""

    added: Sequence[Entry] = ()
    removed: Sequence[Entry] = ()
    positions: Mapping[int, int] = field(default_factory=dict)
    newest: Mapping[int, bytes] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


class Manifest:
    """Open it with a path; used from several threads. sqlite3.Error when the file is damaged or the disk full."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        try:
            self._prepare(path)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, path: Path) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        # What is committed here may be forgotten by the log: it has to outlive a power cut.
        self._db.execute("PRAGMA synchronous = FULL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > FORMAT:
            raise ValueError(
                f"{path} is of format {version}, this version of Andon knows {FORMAT} at most:"
                " start the newer version that wrote it, or restore a backup from before the upgrade"
            )
        if version == 0:
            self._upgrade(_SCHEMA, FORMAT)
            return
        for older in range(version, FORMAT):
            self._upgrade(UPGRADES[older], older + 1)

    def _upgrade(self, statements: str, version: int) -> None:
        self._db.executescript(f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {version}; COMMIT;")

    def entries(self) -> list[Entry]:
        """All files."""
        with self._lock:
            rows = self._db.execute(_SELECT).fetchall()
        return [_entry(row) for row in rows]

    def positions(self) -> dict[int, int]:
        """Durable position by partition of the log."""
        with self._lock:
            return dict(self._db.execute("SELECT partition, position FROM positions").fetchall())

    def newest(self) -> list[bytes]:
        """The saved blocks of `Newest`."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT samples FROM newest").fetchall()]

    def notes(self) -> dict[str, str]:
        """What else was remembered, by name."""
        with self._lock:
            return dict(self._db.execute("SELECT name, value FROM notes").fetchall())

    def commit(self, change: Change) -> None:
        """All of it or nothing; durable when it returns."""
        with self._transaction() as db:
            db.executemany("DELETE FROM files WHERE id = ?", [(entry.id,) for entry in change.removed])
            db.executemany(_INSERT, [tuple(getattr(entry, name) for name in _COLUMNS) for entry in change.added])
            db.executemany("INSERT OR REPLACE INTO leaving VALUES (?)", _archived(change.removed))
            db.executemany("DELETE FROM leaving WHERE name = ?", _archived(change.added))
            db.executemany("INSERT OR REPLACE INTO positions VALUES (?, ?)", change.positions.items())
            db.executemany("INSERT OR REPLACE INTO newest VALUES (?, ?)", change.newest.items())
            db.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", change.notes.items())

    def leaving(self) -> list[str]:
        """Names of files that are no longer history and may still lie in the archive."""
        with self._lock:
            return [row[0] for row in self._db.execute("SELECT name FROM leaving").fetchall()]

    def left(self, names: Iterable[str]) -> None:
        """They lie there no longer."""
        with self._transaction() as db:
            db.executemany("DELETE FROM leaving WHERE name = ?", [(name,) for name in names])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


def _archived(entries: Sequence[Entry]) -> list[tuple[str]]:
    return [(entry.archive,) for entry in entries if entry.archive is not None]


def _entry(row: Sequence[object]) -> Entry:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["merged"], values["pinned"] = bool(values["merged"]), bool(values["pinned"])
    return Entry(**values)  # type: ignore[arg-type]
