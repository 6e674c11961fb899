"""The relational store: an SQLAlchemy engine, its migrations, and short units of work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from andon.engines.database.migrate import migrate
from andon.kit.errors import StartError

FILE_NAME = "andon.db"
BUSY_TIMEOUT_S = 10.0


class Database:
    """One engine with its sessions. Safe to use from any thread; every call blocks, so keep it off the loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = sessionmaker(engine, expire_on_commit=False)
        self._reading = sessionmaker(engine.execution_options(andon_read_only=True), expire_on_commit=False)

    @classmethod
    def open(cls, url: str | None, data_dir: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Database:
        """Connect to `url`, or to `andon.db` in the data folder when it is None.

        Raises StartError when the store cannot be reached.
        """
        if url is None:
            url = f"sqlite:///{_private_file(data_dir)}"
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        if engine.dialect.name == "sqlite":
            _prepare_sqlite(engine, busy_timeout_s)
        try:
            with engine.connect():
                pass
        except DBAPIError as error:
            shown = make_url(url).render_as_string(hide_password=True)
            raise StartError(
                f"the database {shown} cannot be opened: {error.orig}",
                cure="check that it is running, that the address is right and that the data folder is writable",
            ) from error
        return cls(engine)

    def migrate(self) -> None:
        """Bring the tables to the newest revision. StartError when a newer Andon wrote them."""
        migrate(self.engine)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A unit of work: committed when the block ends, rolled back when it raises.

        On SQLite it holds the write lock from its first statement on, so what it has read stays true until it
        commits. Keep it short and hash, wait or call out before it.
        """
        with self._writing() as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view to read from, which never waits for a writer; nothing that it changes is kept."""
        with self._reading() as session:
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _private_file(data_dir: Path) -> Path:
    """The database file, readable by its owner only: it holds password hashes."""
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StartError(
            f"the database {path} cannot be opened: {error.strerror}", cure="make the data folder writable"
        ) from error
    return path


def _prepare_sqlite(engine: Engine, busy_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not begin by itself: see `begin`
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that begins as a reader cannot wait for the write lock later: SQLite refuses it at once.
        read_only = connection.get_execution_options().get("andon_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
