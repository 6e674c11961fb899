"""History as a file, a page at a time, so that any range fits in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence

import msgspec

from andon.historian.service import Historian
from andon.historian.views import shown
from andon.registry.directory import DeviceInfo, TagInfo

CSV_HEADER = ("timestamp", "device", "tag", "value", "unit", "quality")


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows instead of running it as a formula (OWASP: CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


async def csv_lines(
    historian: Historian, device: DeviceInfo, tags: Sequence[TagInfo], start: int, end: int
) -> AsyncIterator[bytes]:
    """A CSV file (RFC 4180, UTF-8): a header, then tag by tag, oldest first; an absent value is an empty cell."""
    yield _csv([CSV_HEADER])
    for tag in tags:
        names = (safe_cell(device.device_id), safe_cell(tag.name), safe_cell(tag.unit))
        async for page in historian.pages(tag.id, start, end):
            yield _csv(
                (at, names[0], names[1], safe_cell(value) if isinstance(value, str) else value, names[2], quality)
                for at, value, quality in shown(page)
            )


async def json_chunks(
    historian: Historian, device: DeviceInfo, tags: Sequence[TagInfo], start: int, end: int
) -> AsyncIterator[bytes]:
    """One JSON document: `{"deviceId": …, "readings": [{timestamp, tag, value, unit, quality}, …]}`."""
    yield b'{"deviceId":' + msgspec.json.encode(device.device_id) + b',"readings":['
    separator = b"\n"
    for tag in tags:
        async for page in historian.pages(tag.id, start, end):
            rows = [
                {"timestamp": at, "tag": tag.name, "value": value, "unit": tag.unit, "quality": quality}
                for at, value, quality in shown(page)
            ]
            yield separator + msgspec.json.encode(rows)[1:-1]
            separator = b",\n"
    yield b"\n]}\n"


def _csv(rows: object) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()
