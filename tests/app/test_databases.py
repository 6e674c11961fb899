"""A server that is only starting is waited for: after a power cut everything starts at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.app.databases import open_database
from andon.app.settings import load_settings
from andon.engines.database.migrate import HEAD, current_revision
from andon.kit.errors import StartError
from support.engines import start
from support.running import eventually
from support.servers import Postgres

NOBODY = "postgresql://andon:secret@127.0.0.1:9/none"


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A server that may be stopped."""
    with start(Postgres) as server:
        yield server


async def test_a_server_that_comes_later_is_waited_for(
    own_server: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_server.stop()
    with caplog.at_level(logging.WARNING):
        opening = asyncio.create_task(open_database(load_settings(data_dir=tmp_path, database_url=own_server.url)))
        await asyncio.to_thread(eventually, lambda: caplog.records)
        await asyncio.to_thread(own_server.start)
        database = await opening
    with database.engine.connect() as connection:
        assert current_revision(connection) == HEAD
    assert [record.message for record in caplog.records] == ["waiting for the database"]
    database.close()


async def test_one_that_does_not_come_is_one_line_that_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be opened") as refused:
        await open_database(load_settings(data_dir=tmp_path, database_url=NOBODY, database_start_s=0))
    said = f"{refused.value.message}; {refused.value.cure}"
    assert "ANDON_DATABASE_URL" in said and "secret" not in said and "\n" not in said


async def test_nobody_waits_for_files_that_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "andon.db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(StartError, match="cannot be opened"):
        await open_database(load_settings(data_dir=tmp_path))
