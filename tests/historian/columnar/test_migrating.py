"""What the first release kept as rows in `history.db` is there as files, none of it lost, however often it is tried."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from andon.historian.stores.columnar import migrating
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY
from andon.kit.errors import StartError
from historian.support import T0, S

# As the first release wrote it.
SCHEMA = """
CREATE TABLE samples (
    tag_id INTEGER NOT NULL, timestamp INTEGER NOT NULL, value REAL, text TEXT,
    quality INTEGER NOT NULL, received INTEGER NOT NULL, PRIMARY KEY (tag_id, timestamp)
) WITHOUT ROWID;
CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
NOW = T0 + 20 * US_PER_DAY
LIMITS = LocalStoreLimits(maintenance=False)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "history.db"
    db = sqlite3.connect(path)
    db.executescript(SCHEMA)
    rows = [
        (tag, T0 + i * US_PER_DAY, i / 3, None, 192, T0 + i * US_PER_DAY + 7_000) for tag in (1, 7) for i in range(20)
    ]
    db.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.execute("INSERT INTO samples VALUES (2, ?, NULL, 'running', 64, ?)", (T0, T0 + S))
    db.executemany("INSERT INTO state VALUES (?, ?)", [("position", 4711), ("samples", len(rows) + 1)])
    db.commit()
    db.close()
    return path


def open_store(tmp_path: Path) -> LocalStore:
    return LocalStore.open(tmp_path / "history", LIMITS, clock=lambda: NOW)


async def check(store: LocalStore) -> None:
    for tag in (1, 7):
        columns = await store.read(tag, 0, 10**17, 100)
        assert columns.values.tolist() == [i / 3 for i in range(20)]
        assert (columns.received - columns.timestamps).tolist() == [7_000] * 20
    assert (await store.read(2, 0, 10**17, 100)).texts == {0: "running"}
    assert (await store.latest([1, 2, 7])).timestamps.tolist() == [T0 + 19 * US_PER_DAY, T0, T0 + 19 * US_PER_DAY]
    assert await store.position() == 4711


def there(path: Path) -> bool:
    return path.exists()


async def test_rows_become_files_at_the_first_start(tmp_path: Path, old: Path) -> None:
    store = open_store(tmp_path)
    await check(store)
    await store.maintain(everything=True)
    await check(store)
    report = await store.storage()
    assert report.pinned == 27, "what is older than a week has been kept until now"
    await store.close()
    assert not there(old)
    assert there(tmp_path / "history.db.migrated")
    store = open_store(tmp_path)
    await check(store)
    await store.close()


async def test_an_interrupted_start_goes_on_where_it_was(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_PAGE", 4)
    monkeypatch.setattr(migrating, "_AT_ONCE", 8)
    seals = 0

    def seal(state: object) -> int:
        nonlocal seals
        seals += 1
        if seals == 4:
            raise OSError("the disk is gone")
        return real(state)  # type: ignore[arg-type]

    real = migrating.seal
    with monkeypatch.context() as patch:
        patch.setattr(migrating, "seal", seal)
        with pytest.raises(StartError, match="the disk is gone"):
            open_store(tmp_path)
    assert there(old)
    store = open_store(tmp_path)
    await check(store)
    assert (await store.size()).samples == 41
    await store.close()


async def test_a_file_that_cannot_be_read_stops_the_start_and_stays(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StartError, match="not a database"):
        open_store(tmp_path)
    assert (tmp_path / "history.db").exists()
