"""Exports as text: CSV that opens safely in a spreadsheet, and one JSON document."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import msgspec

from andon.historian.model import Columns
from andon.historian.selection import Series
from andon.historian.views import shown

CSV_HEADER = ("timestamp", "device", "tag", "value", "unit", "quality")


def safe_cell(text: str) -> str:
    """Text that a spreadsheet shows instead of running it as a formula (OWASP: CSV injection)."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text


class CsvWriter:
    """A CSV file (RFC 4180, UTF-8): a header, then signal by signal; an absent value is an empty cell."""

    media_type = "text/csv; charset=utf-8"
    ending = "csv"

    def begin(self) -> bytes:
        """The header."""
        return _csv([CSV_HEADER])

    def page(self, series: Series, columns: Columns) -> bytes:
        """A line for each sample."""
        names = (safe_cell(series.device.device_id), safe_cell(series.tag.name), safe_cell(series.tag.unit))
        return _csv(
            (at, names[0], names[1], safe_cell(value) if isinstance(value, str) else value, names[2], quality)
            for at, value, quality in shown(columns)
        )

    def finish(self) -> Iterable[bytes]:
        """Nothing."""
        return ()

    def close(self) -> None:
        """Nothing is held."""


class JsonWriter:
    """One JSON document: `{"deviceId": …, "readings": [{timestamp, tag, value, unit, quality}, …]}`.

    Of several devices each reading says its own `deviceId`, and the one at the top is null.
    """

    media_type = "application/json"
    ending = "json"

    def __init__(self, device_id: str | None) -> None:
        self._device_id = device_id
        self._separator = b"\n"

    def begin(self) -> bytes:
        """Up to the list of readings."""
        return b'{"deviceId":' + msgspec.json.encode(self._device_id) + b',"readings":['

    def page(self, series: Series, columns: Columns) -> bytes:
        """A reading for each sample."""
        fixed = {} if self._device_id is not None else {"deviceId": series.device.device_id}
        name, unit = series.tag.name, series.tag.unit
        rows = [
            {"timestamp": at, **fixed, "tag": name, "value": value, "unit": unit, "quality": quality}
            for at, value, quality in shown(columns)
        ]
        separator, self._separator = self._separator, b",\n"
        return separator + msgspec.json.encode(rows)[1:-1]

    def finish(self) -> Iterable[bytes]:
        """The end of the document."""
        return (b"\n]}\n",)

    def close(self) -> None:
        """Nothing is held."""


def _csv(rows: object) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()
