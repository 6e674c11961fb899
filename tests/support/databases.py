"""The relational store on SQLite and on a real PostgreSQL, for tests that hold on both.

A module whose tests hold on both says `from support.databases import on_both as database_url`. Elsewhere it is SQLite,
unless `ANDON_TEST_DATABASE=postgresql pytest …` asks for the other.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from andon.engines.database import Database
from andon.engines.database.database import FILE_NAME
from support.servers import Postgres


def migrated(url: str | None, folder: Path) -> Database:
    """An open database with all tables: on SQLite (None) a copy, unless there is one in the folder already."""
    if url is None and not (folder / FILE_NAME).exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(_with_tables(), folder / FILE_NAME)
    database = Database.open(url, folder)
    database.migrate()
    return database


@functools.cache
def _with_tables() -> Path:
    """Migrating takes most of the time of many a test."""
    folder = tempfile.mkdtemp(prefix="andon-tables-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database.open(None, Path(folder))
    database.migrate()
    database.close()
    return Path(folder, FILE_NAME)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """URL of an empty, migrated database; None is SQLite in the data folder."""
    with _opened(os.environ.get("ANDON_TEST_DATABASE", "sqlite"), request) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def on_both(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The same, on each of the two."""
    with _opened(request.param, request) as url:
        yield url


@contextmanager
def _opened(kind: str, request: pytest.FixtureRequest) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    template = request.getfixturevalue("migrated_database")
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        yield server.url_of(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def migrated_database(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database with all tables: copying it is quicker than migrating."""
    name = "migrated"
    postgres_server.run_sql(f"CREATE DATABASE {name}")
    database = Database.open(postgres_server.url_of(name), tmp_path_factory.mktemp("database"))
    database.migrate()
    database.close()
    return name
