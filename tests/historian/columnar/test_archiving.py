"""Days that moved to the archive are history like all others, as long as the archive is there."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from andon.historian.stores.columnar.archive import Archive, ArchiveOptions
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY
from andon.kit.errors import UnavailableError
from andon.kit.samples import Row, SampleBatch

DAY = 20_000 * US_PER_DAY
S = 1_000_000
NOW = DAY + 10 * US_PER_DAY


def open_store(tmp_path: Path, **more: Any) -> LocalStore:
    archive = Archive.open(ArchiveOptions(str(tmp_path / "archive")))
    limits = LocalStoreLimits(maintenance=False, rewrite_after_s=0, late_window_s=0)
    return LocalStore.open(tmp_path / "history", limits, clock=lambda: NOW, archive=archive, **more)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> Any:
    """Three days of two signals, each day a file."""
    store = open_store(tmp_path)
    for day in range(3):
        rows: list[Row] = [
            (tag, DAY + day * US_PER_DAY + second * S, float(second + tag), 192, DAY)
            for tag in (1, 2)
            for second in range(100)
        ]
        await store.write(SampleBatch.from_rows(rows), day + 1)
        await store.seal()
    await store.maintain(everything=True)
    yield store
    await store.close()


def raw_files(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in (folder / "raw").rglob("*.parquet"))


async def everything(store: LocalStore) -> list[float]:
    return (await store.read(2, 0, NOW, 10_000)).values.tolist()


async def found_again(store: LocalStore) -> None:
    """Wait until the archive is used again."""
    for _ in range(600):
        if (await store.storage()).archive_problem is None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the archive is not found again")


async def test_what_is_older_moves_and_is_read_as_before(store: LocalStore, tmp_path: Path) -> None:
    before = await everything(store)
    assert await store.archive_days(DAY + 2 * US_PER_DAY) == 2
    assert len(raw_files(tmp_path / "history")) == 1
    assert len(raw_files(tmp_path / "archive")) == 2
    assert await everything(store) == before
    report = await store.storage()
    assert report.archived_files == 2
    assert await store.archive_days(DAY + 2 * US_PER_DAY) == 0


async def test_a_restart_finds_the_archive(store: LocalStore, tmp_path: Path) -> None:
    before = await everything(store)
    await store.archive_days(NOW)
    await store.close()
    again = open_store(tmp_path)
    assert await everything(again) == before
    await again.close()


async def test_a_late_sample_brings_its_day_back(store: LocalStore, tmp_path: Path) -> None:
    await store.archive_days(NOW)
    await store.write(SampleBatch.from_rows([(2, DAY + 5 * S, -1.0, 192, NOW)]), 4)
    await store.seal()
    assert (await everything(store))[5] == -1
    await store.maintain(everything=True)
    assert (await everything(store))[5] == -1
    assert len(raw_files(tmp_path / "history")) == 1
    assert len(raw_files(tmp_path / "archive")) == 2
    assert await store.archive_days(NOW) == 1
    assert len(raw_files(tmp_path / "archive")) == 3


async def test_without_its_archive_history_says_what_is_missing_and_keeps_its_sums(
    store: LocalStore, tmp_path: Path
) -> None:
    await store.archive_days(DAY + 2 * US_PER_DAY)
    await store.close()
    shutil.move(tmp_path / "archive", tmp_path / "unplugged")
    again = open_store(tmp_path)
    with pytest.raises(UnavailableError, match="archive"):
        await everything(again)
    assert len(await again.read(2, DAY + 2 * US_PER_DAY, NOW, 1_000)) == 100
    assert (await again.buckets(2, DAY, DAY + 3 * US_PER_DAY, 3)).counts.tolist() == [100, 100, 100]
    shutil.move(tmp_path / "unplugged", tmp_path / "archive")
    await found_again(again)
    assert len(await everything(again)) == 300
    await again.close()


async def test_when_the_archive_takes_nothing_all_stays_here(store: LocalStore, tmp_path: Path) -> None:
    before = await everything(store)
    (tmp_path / "archive").write_text("no folder")
    with pytest.raises(UnavailableError, match="archive"):
        await store.archive_days(NOW)
    assert len(raw_files(tmp_path / "history")) == 3
    assert await everything(store) == before


@pytest.mark.parametrize("point", ["before manifest", "before deletions"])
async def test_a_crash_while_archiving_loses_nothing(store: LocalStore, tmp_path: Path, point: str) -> None:
    before = await everything(store)
    await store.close()

    def crash(reached: str) -> None:
        if reached == point:
            raise SystemError("crash")

    crashing = open_store(tmp_path, reached=crash)
    with pytest.raises(SystemError):
        await crashing.archive_days(NOW)
    crashing.abandon()
    again = open_store(tmp_path)
    assert await everything(again) == before
    assert await again.archive_days(NOW) in (2, 3)
    assert await everything(again) == before
    assert raw_files(tmp_path / "history") == []
    await again.close()


async def test_without_an_archive_there_is_nothing_to_move_to(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path, LocalStoreLimits(maintenance=False))
    with pytest.raises(UnavailableError, match="no archive"):
        await store.archive_days(NOW)
    await store.close()
