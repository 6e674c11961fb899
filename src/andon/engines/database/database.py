"""The relational store: an SQLAlchemy engine, its migrations, and short units of work."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError
from sqlalchemy.orm import Session, sessionmaker

from andon.engines.database import postgresql
from andon.engines.database.migrate import migrate
from andon.engines.database.outage import in_one_line, outage_named
from andon.kit.errors import AndonError, StartError, UnavailableError
from andon.kit.outage import Outage

log = logging.getLogger(__name__)
FILE_NAME = "andon.db"
BUSY_TIMEOUT_S = 10.0
POOL_SIZE = 5
REPLICA_PAUSE_S = 5.0
"""So long a replica that did not answer is not asked again."""


class Database:
    """One engine with its sessions. Safe to use from any thread; every call blocks, so keep it off the loop.

    Every unit of work raises UnavailableError while the engine is away, and works again when it is back.
    """

    def __init__(self, engine: Engine, replica: Engine | None = None, pool_size: int = POOL_SIZE) -> None:
        self.engine = engine
        self.pool_size = pool_size
        self._writing = sessionmaker(engine, expire_on_commit=False)
        self._reading = _readers(engine)
        self._replica = replica
        self._reporting = _readers(replica) if replica is not None else None
        self._replica_after = 0.0
        self._replica_outage = Outage(log, "the replica is away, the primary answers", "the replica answers again")

    @classmethod
    def open(
        cls,
        url: str | None,
        data_dir: Path,
        *,
        replica_url: str | None = None,
        pool_size: int = POOL_SIZE,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Database:
        """Connect to `url`, or to `andon.db` in the data folder when it is None.

        `replica_url`: a copy that reports are read from (PostgreSQL), which may be away. `pool_size`: most connections
        to each. StartError when the store cannot be had, UnavailableError when its server does not answer (yet).
        """
        if url is None:
            url = f"sqlite:///{_private_file(data_dir)}"
        engine = _engine(url, pool_size, busy_timeout_s)
        try:
            with engine.connect():
                pass
        except DBAPIError as error:
            engine.dispose()
            raise _cannot_open(url, error) from error
        return cls(engine, _engine(replica_url, pool_size, busy_timeout_s) if replica_url else None, pool_size)

    @property
    def dialect(self) -> str:
        """`sqlite`, `postgresql`, …"""
        return self.engine.dialect.name

    def migrate(self) -> None:
        """Bring the tables to the newest revision; of several processes one does it and the others wait.

        StartError when a newer Andon wrote the tables, or Andon's user may not.
        """
        with outage_named(self.pool_size):
            try:
                migrate(self.engine)
            except ProgrammingError as error:
                if getattr(error.orig, "sqlstate", None) != postgresql.NOT_ALLOWED:
                    raise
                raise StartError(
                    f"the database's tables cannot be brought up to date: {in_one_line(error)}",
                    field="database_url",
                    cure="make the user in ANDON_DATABASE_URL the owner of the database and its tables",
                ) from error

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A unit of work: committed when the block ends, rolled back when it raises.

        It holds the write lock from its first statement on, so what it has read stays true until it commits, on every
        engine and across processes. Keep it short and hash, wait or call out before it.
        """
        with outage_named(self.pool_size), self._writing() as session, session.begin():
            yield session

    @contextmanager
    def reading(self, *, report: bool = False) -> Iterator[Session]:
        """A consistent view to read from, which never waits for a writer; nothing that it changes is kept.

        `report`: it may be some seconds old; read from the replica when there is one and it answers.
        """
        if report and self._replica_answers():
            assert self._reporting is not None
            with outage_named(self.pool_size), self._reporting() as session:
                yield session
            return
        with outage_named(self.pool_size), self._reading() as session:
            yield session

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._replica is not None:
            self._replica.dispose()

    def _replica_answers(self) -> bool:
        if self._reporting is None or time.monotonic() < self._replica_after:
            return False
        try:
            with outage_named(self.pool_size), self._reporting() as session:
                session.connection()
        except UnavailableError as error:
            self._replica_after = time.monotonic() + REPLICA_PAUSE_S
            self._replica_outage.begin(error.message)
            return False
        self._replica_outage.end()
        return True


def _cannot_open(url: str, error: DBAPIError) -> AndonError:
    shown = make_url(url).render_as_string(hide_password=True)
    what = f"the database {shown} cannot be opened: {in_one_line(error)}"
    if not postgresql.is_postgresql(url):
        return StartError(what, field="data_dir", cure="make the data folder writable, or choose another")
    cure = "start the server, or correct ANDON_DATABASE_URL"
    return UnavailableError(what, field="database_url", cure=cure)


def _engine(url: str, pool_size: int, busy_timeout_s: float) -> Engine:
    try:
        if not postgresql.is_postgresql(url):
            return _sqlite_engine(url, busy_timeout_s)
        # A connection is tried before it is used: the server may have been restarted in between.
        waits: Mapping[str, Any] = {"pool_timeout": busy_timeout_s, "max_overflow": 0, "pool_pre_ping": True}
        engine = create_engine(postgresql.driver_url(url), pool_size=pool_size, **waits)
    except (ArgumentError, ValueError) as error:
        raise StartError(
            "the database URL cannot be understood",
            field="database_url",
            cure="write ANDON_DATABASE_URL, and that of a replica, as postgresql://user:password@host:5432/database",
        ) from error
    postgresql.prepare(engine, busy_timeout_s)
    return engine


def _sqlite_engine(url: str, busy_timeout_s: float) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        raise ValueError("it is neither PostgreSQL nor SQLite")
    engine = create_engine(url)
    _prepare_sqlite(engine, busy_timeout_s)
    return engine


def _readers(engine: Engine) -> sessionmaker[Session]:
    options: dict[str, Any] = {"andon_read_only": True}
    if engine.dialect.name == "postgresql":
        options |= postgresql.READING
    return sessionmaker(engine.execution_options(**options), expire_on_commit=False)


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
