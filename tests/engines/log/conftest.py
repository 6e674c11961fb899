"""`backend` is every log in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engines.log.backends import KAFKA, Backend, Embedded, Mock, OnKafka, OnMock


@pytest.fixture(scope="session")
def mock() -> Mock:
    return Mock()


@pytest.fixture(params=["embedded", "mock", KAFKA])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    kind = request.param
    if kind == "embedded":
        return Embedded(tmp_path)
    if kind == "mock":
        return OnMock(request.getfixturevalue("mock"))
    return OnKafka(request.getfixturevalue("kafka_server").servers)


@pytest.fixture
async def any_log(backend: Backend) -> AsyncIterator[Any]:
    async with backend.open() as log:
        yield log
