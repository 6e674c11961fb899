"""Stores on a real PostgreSQL; on TimescaleDB too where `ANDON_TEST_TIMESCALE` names the folder of its programs.

Debian has no package of TimescaleDB. An installation of one's own needs `initdb`, `postgres`, `psql` and `pg_isready`
of PostgreSQL 15 or newer in that folder, with the extension in the libraries beside it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from support.engines import start
from support.servers import Postgres

TIMESCALE = os.environ.get("ANDON_TEST_TIMESCALE")
LAYOUTS = ["native", *(["timescale"] if TIMESCALE else [])]
Opener = Callable[..., PostgresStore]


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[Postgres]:
    """A server whose new databases have the extension."""
    settings = {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}
    with start(Postgres, programs=Path(TIMESCALE or ""), settings=settings) as server:
        with psycopg.connect(server.url_of("template1"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION timescaledb")
        yield server


@pytest.fixture(scope="session", params=LAYOUTS)
def server(request: pytest.FixtureRequest) -> Postgres:
    """The server of the session, with each way to divide tables."""
    name = "timescale_server" if request.param == "timescale" else "postgres_server"
    found: Postgres = request.getfixturevalue(name)
    return found


@pytest.fixture
def url(server: Postgres) -> Iterator[str]:
    """An empty database."""
    with server.database() as found:
        yield found


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Opener]:
    """Opens stores that are closed at the end; nothing is maintained unless the test says so."""
    stores: list[PostgresStore] = []

    def opener(**options: Any) -> PostgresStore:
        options = {"maintenance": False, "limits": PostgresLimits(connections=3), **options}
        stores.append(PostgresStore.open(options.pop("url", url), **options))
        return stores[-1]

    yield opener
    for store in stores:
        await store.close()


@pytest.fixture
def store(opened: Opener) -> PostgresStore:
    """One store, on an empty database."""
    return opened()
