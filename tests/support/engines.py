"""Fixtures of real engines. A missing one skips on a laptop and fails where ANDON_REQUIRE_ENGINES=1, unless no package
of the machine's system brings it (TimescaleDB): then it skips there too.

`<engine>_server` is one process for all tests of a worker; do not kill it. `<engine>_url` is a clean place on it.
A test that kills starts its own: `with start(Redis, folder) as redis`. Tests of `kafka_server` share one worker.
"""

from __future__ import annotations

import os
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from support.servers import Influx, Kafka, MissingEngineError, Mosquitto, Postgres, Redis, Server, Timescale, running

S = TypeVar("S", bound=Server)


@contextmanager
def start(kind: type[S], folder: Path | None = None, **options: Any) -> Iterator[S]:
    """A running engine, in a temporary folder unless one is given. Skips, or fails, when it is not installed."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running(kind, folder, **options))
        except MissingEngineError as error:
            if kind.everywhere and os.environ.get("ANDON_REQUIRE_ENGINES") == "1":
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL for the session."""
    with start(Postgres) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """An empty database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def timescale_server() -> Iterator[Timescale]:
    """One PostgreSQL with TimescaleDB for the session."""
    with start(Timescale) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """One Redis for the session."""
    with start(Redis) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """The session's Redis, emptied."""
    import redis

    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def influx_server() -> Iterator[Influx]:
    """One InfluxDB for the session."""
    with start(Influx) as server:
        yield server


@pytest.fixture
def influx_url(influx_server: Influx) -> Iterator[str]:
    """An empty database: `http://host:port/<database>`."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _influx(influx_server.url, f'CREATE DATABASE "{name}"')
    yield f"{influx_server.url}/{name}"
    _influx(influx_server.url, f'DROP DATABASE "{name}"')


def _influx(url: str, query: str) -> None:
    body = urllib.parse.urlencode({"q": query}).encode()
    urllib.request.urlopen(f"{url}/query", data=body, timeout=30).close()


@pytest.fixture(scope="session")
def mosquitto_server() -> Iterator[Mosquitto]:
    """One Mosquitto for the session."""
    with start(Mosquitto) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[Kafka]:
    """One Kafka for all tests that use it: they run on one worker, see `group_kafka`."""
    with start(Kafka) as server:
        yield server


def group_kafka(items: list[pytest.Item]) -> None:
    """Have tests that need Kafka run on the same worker: one broker costs half a gigabyte. Not those in a group of
    their own, which have a broker of their own too.
    """
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        needs = set(getattr(item, "fixturenames", ())) & {"kafka_server", "own_kafka"}
        if needs or item.get_closest_marker("kafka"):
            item.add_marker(pytest.mark.xdist_group("kafka"))
