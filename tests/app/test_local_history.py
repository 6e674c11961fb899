"""What is done beside history on this machine while Andon runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from andon.app import local_history
from andon.app.settings import load_settings
from andon.registry.directory import Directory
from support.running import eventually


async def test_an_archive_that_is_renamed_is_noticed_by_itself_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_history, "_LOOK_EVERY_S", 0.05)
    archive = tmp_path / "archive"
    settings = load_settings(data_dir=tmp_path / "data", archive_url=str(archive))
    store = await asyncio.to_thread(local_history.open_local_history, settings)
    async with local_history.beside_history(store, Directory(), settings):
        await asyncio.to_thread(eventually, (archive / ".andon-archive").exists)
        archive.rename(tmp_path / "elsewhere")
        await asyncio.to_thread(eventually, lambda: store.failure)
        assert store.failure is not None and "is not there" in store.failure
        (tmp_path / "elsewhere").rename(archive)
        await asyncio.to_thread(eventually, lambda: store.failure is None)
    await store.close()
