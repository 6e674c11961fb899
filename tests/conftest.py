"""Fixtures that many tests share."""

from __future__ import annotations

import functools
import gc
import os

import httpx
import hypothesis
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

# How long an example takes says how busy the machine is; benchmarks measure what Andon takes.
hypothesis.settings.register_profile("andon", deadline=None)
hypothesis.settings.load_profile("andon")

# httpx reads the certificates of the whole web for each client, and for each `httpx.get`: 30 ms of CPU, dozens of times
# a second where a test waits for an answer. What it makes of the same arguments is the same.
httpx._transports.default.create_ssl_context = functools.cache(httpx.create_ssl_context)

# Thousands of tests and what they import are there until the end. Each full look of the collector through them takes a
# third of a second: it never looks at them again, and less often at the rest.
gc.set_threshold(10_000, 20, 20)


def pytest_collection_finish() -> None:
    """All tests are there."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Libraries that count their objects at the end find none left."""
    gc.unfreeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one engine that is dear share a worker."""
    group_kafka(items)


@pytest.fixture(scope="session")
def engines_required() -> bool:
    """True in CI: a missing engine is then a failure, not a skip."""
    return os.environ.get("ANDON_REQUIRE_ENGINES") == "1"
