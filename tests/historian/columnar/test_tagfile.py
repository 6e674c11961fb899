"""Other programs learn what the tag ids stand for."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pyarrow.parquet as pq

from andon.historian.stores.columnar.tagfile import NAME, keep_tags, write_tags
from historian.support import device, directory, tag


def test_each_tag_of_each_device_has_a_row(tmp_path: Path) -> None:
    one = device("loom-1", [tag(7, "loom-1", "width", unit="mm"), tag(2, "loom-1", "state", unit="", kind="text")])
    write_tags(tmp_path, [one, device("empty", [])])
    rows = pq.read_table(tmp_path / NAME).to_pylist()
    assert [row["tag_id"] for row in rows] == [2, 7]
    assert rows[1] == {
        "tag_id": 7,
        "organisation": "org-1",
        "device": "loom-1",
        "tag": "width",
        "unit": "mm",
        "type": "temperature",
        "location": "line-1",
    }
    assert pq.read_metadata(tmp_path / NAME).metadata[b"andon.format"] == b"1"


async def test_the_file_follows_the_registry(tmp_path: Path) -> None:
    found = directory(device("a", [tag(1, "a", "x")]))
    task = asyncio.create_task(keep_tags(tmp_path, found, pause_s=0.001))

    def written() -> list[str]:
        path = tmp_path / NAME
        return pq.ParquetFile(path).read()["device"].to_pylist() if path.exists() else []  # opened once: it is replaced

    async def devices(expected: list[str]) -> None:
        async with asyncio.timeout(20):
            while written() != expected:  # noqa: ASYNC110 (the file changes in a thread)
                await asyncio.sleep(0.005)

    await devices(["a"])
    found.put(device("b", [tag(2, "b", "x")]))
    await devices(["a", "b"])
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
