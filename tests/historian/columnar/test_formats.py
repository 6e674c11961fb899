"""Folders of other versions: an older format is read, a newer one is left alone, what a crash left is cleaned up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from andon.historian.rollup import rollup
from andon.historian.stores.columnar import sortedfile
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.partfile import PartFile, write_part
from andon.historian.stores.columnar.store import LocalStore
from andon.historian.stores.columnar.tierfile import write_tier
from andon.kit.errors import StartError, UnavailableError
from historian.support import T0, S, batch

LIMITS = LocalStoreLimits(maintenance=False)

# Format 1, frozen: never change what is below, add the next format beside it.
MANIFEST_1 = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, tier TEXT NOT NULL, slot INTEGER NOT NULL, span INTEGER NOT NULL, seq INTEGER NOT NULL,
    path TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, min_time INTEGER NOT NULL,
    max_time INTEGER NOT NULL, made_at INTEGER NOT NULL, merged INTEGER NOT NULL, rolled INTEGER NOT NULL,
    pinned INTEGER NOT NULL, archive TEXT, checksum TEXT
);
CREATE TABLE positions (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL);
CREATE TABLE newest (block INTEGER PRIMARY KEY, samples BLOB NOT NULL);
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""
PART_1 = Path(__file__).with_name("part-format-1.parquet")
"""Tag 1, a sample a second for a minute from `T0`, values 0 to 59; tag 2, the text "on" at `T0`."""
TIER_1 = Path(__file__).with_name("tier-format-1.parquet")
"""The sums of its minute."""


def folder_of_format_1(folder: Path, *, part: Path = PART_1, tier: Path | None = None) -> None:
    folder.mkdir()
    db = sqlite3.connect(folder / "manifest.db")
    db.executescript(MANIFEST_1)
    files: list[tuple[str, Path, int, int]] = [("raw", part, 61, T0 + 59 * S)]
    files += [] if tier is None else [("minute", tier, 2, T0)]
    for id_, (kind, source, rows, last) in enumerate(files, 1):
        path = folder / kind / "2025-01-11" / f"10h-0000000{id_}.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(source.read_bytes())
        hour = T0 // 3_600_000_000 * 3_600_000_000
        row = (id_, kind, hour, 3_600_000_000, id_, path.relative_to(folder).as_posix(), rows, path.stat().st_size)
        db.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, NULL, NULL)",
            (*row, T0, last, T0 + 60 * S, 0 if tier is None else 2),
        )
    db.execute("INSERT INTO positions VALUES (0, 815)")
    db.commit()
    db.close()


async def test_a_folder_of_format_1_is_read(tmp_path: Path) -> None:
    folder_of_format_1(tmp_path / "history")
    store = LocalStore.open(tmp_path / "history", LIMITS)
    assert await store.position() == 815
    assert (await store.read(1, 0, 10**17, 100)).values.tolist() == list(range(60))
    assert (await store.read(2, 0, 10**17, 100)).texts == {0: "on"}
    await store.maintain(everything=True)
    (found,) = await store.series([1], np.array([T0, T0 + 60 * S]))
    assert (found.counts.tolist(), found.means.tolist()) == ([60], [29.5])
    await store.close()


async def test_parts_of_format_1_that_overlap_are_counted_once_they_are_merged(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder_of_format_1(folder)
    db = sqlite3.connect(folder / "manifest.db")
    for name, shift in ((2, 0), (3, 3_600 * S)):
        (folder / "raw" / "2025-01-11" / f"10h-0000000{name}.parquet").write_bytes(PART_1.read_bytes())
        db.execute(
            "INSERT INTO files SELECT ?, tier, slot, span, ?, ?, rows, bytes, min_time + ?, max_time + ?, made_at,"
            " merged, rolled, pinned, archive, checksum FROM files WHERE id = 1",
            (name, name, f"raw/2025-01-11/10h-0000000{name}.parquet", shift, shift),
        )
    db.commit()
    db.close()
    store = LocalStore.open(folder, LIMITS)
    report = await store.storage()
    assert (report.samples, report.uncertain) == (183, 61), "of the second it is not known, of the third it is"
    await store.maintain(everything=True)
    report = await store.storage()
    assert (report.samples, report.uncertain) == (61, 0)
    await store.close()


async def test_sums_of_format_1_are_read(tmp_path: Path) -> None:
    folder_of_format_1(tmp_path / "history", tier=TIER_1)
    store = LocalStore.open(tmp_path / "history", LIMITS)
    next((tmp_path / "history" / "raw").rglob("*.parquet")).write_bytes(b"not needed")
    (found,) = await store.series([1], np.array([T0, T0 + 60 * S]))
    assert (found.counts.tolist(), found.means.tolist(), found.source) == ([60], [29.5], "minute")
    await store.close()


@pytest.mark.parametrize("newer", ["raw", "minute"])
async def test_a_file_of_a_newer_format_is_named_and_so_is_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newer: str
) -> None:
    rows = PartFile.open(PART_1).read_many(None, 0, 10**17)
    with monkeypatch.context() as later:
        later.setattr(sortedfile, "VERSION", "7")
        write_part(tmp_path / "raw", rows, meta={})
        write_tier(tmp_path / "minute", rollup(rows, 60 * S), meta={})
    kinds = {"raw": {"part": tmp_path / "raw", "tier": TIER_1}, "minute": {"tier": tmp_path / "minute"}}
    folder_of_format_1(tmp_path / "history", **kinds[newer])
    store = LocalStore.open(tmp_path / "history", LIMITS)
    with pytest.raises(UnavailableError, match=r"10h-0000000\d.parquet cannot be read: it is of format 7") as refused:
        await store.series([1], np.array([T0 + 1, T0 + 60 * S] if newer == "raw" else [T0, T0 + 60 * S]))
    assert refused.value.cure == "start the newer version that wrote it"
    await store.close()


def test_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    folder_of_format_1(tmp_path / "history")
    db = sqlite3.connect(tmp_path / "history" / "manifest.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StartError, match=r"format 99.*start the newer version"):
        LocalStore.open(tmp_path / "history", LIMITS)
    assert list((tmp_path / "history" / "raw").rglob("*.parquet"))


async def test_what_a_crash_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder_of_format_1(tmp_path / "history")
    day = tmp_path / "history" / "raw" / "2025-01-11"
    (day / "10h-00000002.parquet").write_bytes(b"PAR1, but not to its end")
    (day / "10h-00000003.parquet.part").write_bytes(b"half")
    (tmp_path / "history" / "minute" / "2025-01-12").mkdir(parents=True)
    (tmp_path / "history" / "tags.parquet").write_bytes(b"names")
    store = LocalStore.open(tmp_path / "history", LIMITS)
    assert [path.name for path in day.iterdir()] == ["10h-00000001.parquet"]
    assert not (tmp_path / "history" / "minute" / "2025-01-12").exists()
    assert (tmp_path / "history" / "tags.parquet").exists()
    assert len(await store.read(1, 0, 10**17, 100)) == 60
    await store.close()


async def test_a_damaged_file_is_named_and_the_rest_can_be_read(tmp_path: Path) -> None:
    folder_of_format_1(tmp_path / "history")
    next((tmp_path / "history" / "raw").rglob("*.parquet")).write_bytes(b"rust")
    store = LocalStore.open(tmp_path / "history", LIMITS)
    await store.write(batch((1, T0 + 86_400 * S, 5.0)), 900)
    with pytest.raises(UnavailableError, match="10h-00000001"):
        await store.read(1, 0, 10**17, 100)
    assert (await store.read(1, T0 + 3_600 * S, 10**17, 100)).values.tolist() == [5]
    await store.close()


async def test_any_reader_of_parquet_reads_the_files(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "history", LIMITS)
    await store.write(batch((1, T0, 20.5), (1, T0 + S, "off"), (2, T0, 7.0, 64)), 1)
    await store.seal()
    table = pa.concat_tables(pq.read_table(path) for path in (tmp_path / "history" / "raw").rglob("*.parquet"))
    assert table.column_names == ["tag_id", "timestamp", "value", "quality", "delay_ms", "text"]
    assert table["value"].to_pylist() == [20.5, None, 7.0]
    assert table["text"].to_pylist() == [None, "off", None]
    await store.close()
