"""Fixtures that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from support.databases import database_url, migrated_database  # noqa: F401
from support.engines import (  # noqa: F401  (fixtures are found by their names here)
    group_kafka,
    influx_server,
    influx_url,
    kafka_server,
    mosquitto_server,
    postgres_server,
    postgres_url,
    redis_server,
    redis_url,
    timescale_server,
)
from support.running import RunningAndon


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one engine that is dear share a worker."""
    group_kafka(items)


@pytest.fixture(scope="session")
def engines_required() -> bool:
    """True in CI: a missing engine is then a failure, not a skip."""
    return os.environ.get("ANDON_REQUIRE_ENGINES") == "1"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAndon]:
    """One Andon with the demo plant, for tests that watch it. Mark them `xdist_group("demo")` to share it."""
    with RunningAndon(tmp_path_factory.mktemp("demo") / "data", "--demo", "--looms", "3") as andon:
        yield andon


@pytest.fixture(scope="session")
def demo_client(demo: RunningAndon) -> Iterator[httpx.Client]:
    """Signed in as admin at the demo plant."""
    with demo.client() as client:
        yield client
