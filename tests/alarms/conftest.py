from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alarms.running import Plant


@pytest.fixture
def plant(tmp_path: Path, database_url: str | None) -> Iterator[Plant]:
    made = Plant(tmp_path, database_url=database_url)
    yield made
    made.database.close()
