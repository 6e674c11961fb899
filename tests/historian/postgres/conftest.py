"""Stores on a real PostgreSQL, and on one with TimescaleDB where the extension is installed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from support.servers import Postgres

Opener = Callable[..., PostgresStore]


@pytest.fixture(scope="session", params=["native", "timescale"])
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
