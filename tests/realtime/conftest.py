"""Fixtures of the realtime tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from realtime.harness import Listener, Plant, running


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    async with running(tmp_path) as plant:
        yield plant


@pytest.fixture
async def listener(plant: Plant) -> Listener:
    return await plant.listen()
