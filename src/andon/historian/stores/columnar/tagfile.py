"""`tags.parquet`: what the tag ids in the files of history stand for, so that other programs can join them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from andon.historian.stores.columnar.safefile import whole
from andon.historian.stores.columnar.sortedfile import FORMAT
from andon.registry.directory import DeviceInfo, Directory, TagInfo

logger = logging.getLogger(__name__)
NAME: Final = "tags.parquet"
VERSION: Final = "1"
"""Of this file. It is never read, only written anew; a reader may look whether it knows the columns."""
_SCHEMA: Final = pa.schema(
    [
        pa.field("tag_id", pa.int32(), nullable=False),
        pa.field("organisation", pa.string(), nullable=False),
        pa.field("device", pa.string(), nullable=False),
        pa.field("tag", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("location", pa.string(), nullable=False),
    ]
)


def write_tags(folder: Path, devices: Iterable[DeviceInfo]) -> None:
    """Write the file anew, by tag id. OSError when the disk refuses."""
    rows = sorted((_row(device, tag) for device in devices for tag in device.tags), key=lambda row: int(row["tag_id"]))
    with (
        whole(folder / NAME) as file,
        pq.ParquetWriter(file, _SCHEMA, compression="zstd", store_schema=False) as writer,
    ):
        writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))
        writer.add_key_value_metadata({FORMAT: VERSION})


async def keep_tags(folder: Path, directory: Directory, pause_s: float = 1.0) -> None:
    """Write the file now and whenever the registry has changed, at most each `pause_s`, until cancelled."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    changed.set()

    def tell() -> None:
        loop.call_soon_threadsafe(changed.set)

    unsubscribe = directory.subscribe(tell)
    try:
        while True:
            await changed.wait()
            changed.clear()
            devices = [device for each in directory.organisations() for device in directory.devices(each)]
            try:
                await asyncio.to_thread(write_tags, folder, devices)
            except OSError as error:
                logger.warning("the names of the tags could not be written for other programs: %s", error)
            await asyncio.sleep(pause_s)
    finally:
        unsubscribe()


def _row(device: DeviceInfo, tag: TagInfo) -> dict[str, str | int]:
    return {
        "tag_id": tag.id,
        "organisation": device.organisation_id,
        "device": device.device_id,
        "tag": tag.name,
        "unit": tag.unit,
        "type": device.type,
        "location": device.location,
    }
