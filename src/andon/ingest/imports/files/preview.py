"""What is recognised in a recording, and its first rows as they would be imported. Reads no further than it must."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from andon.ingest.imports.files import is_parquet, open_recording
from andon.ingest.imports.files.cells import kind_of
from andon.ingest.imports.files.csv_file import look_at, names_in
from andon.ingest.imports.files.model import TIME_NAMES, Chunk, ReadOptions, Recording
from andon.ingest.imports.files.parquet_file import open_parquet, plain_kind
from andon.ingest.imports.files.times import looks_like_time
from andon.kit.clock import to_iso
from andon.kit.errors import AndonError

_SHOWN_ROWS: Final = 8
_SHOWN_COLUMNS: Final = 200
_SHOWN_TEXT: Final = 120
_LISTED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it stands in the file; `kind` time, number, boolean, text or empty, `example` its first cell."""

    name: str
    kind: str
    example: str


def preview(path: Path, options: ReadOptions) -> dict[str, Any]:
    """What `POST /import-files/{id}/preview` answers. A file that cannot be imported as it is says so in `problem`."""
    found: dict[str, Any] = {
        "format": "parquet" if is_parquet(path) else "csv",
        "separator": None,
        "rows": None,
        "columns": [],
        "long": False,
        "timeColumn": None,
        "namesNoZone": False,
        "signals": [],
        "devices": [],
        "first": [],
        "leftOut": {"cells": 0, "rows": 0, "contradicted": 0, "columns": [], "examples": []},
        "problem": None,
    }
    try:
        columns = _columns(path, options, found)
        found["columns"] = [asdict(each) for each in columns[:_LISTED]]
        recording = open_recording(path, options)
        found |= {"rows": recording.rows, "long": recording.long, "timeColumn": recording.clock.column}
        found["signals"] = list(recording.signals[:_LISTED])
        if recording.long:
            found["devices"] = _devices(path, options)
            if options.device not in found["devices"] and found["devices"]:
                recording = open_recording(path, replace(options, device=found["devices"][0]))
        _read_first(recording, found)
    except AndonError as error:
        found["problem"] = {"message": error.message, "field": error.field, "cure": error.cure}
    return found


def _read_first(recording: Recording, found: dict[str, Any]) -> None:
    """The first chunk is converted as a whole, so that what is wrong near the beginning is found."""
    try:
        for chunk in itertools.islice(recording.chunks(), 1):
            found["first"] = _rows(chunk)
    finally:
        skipped = asdict(recording.skipped)
        found["leftOut"] = {**skipped, "columns": skipped["columns"][:_LISTED]}
        found["namesNoZone"] = recording.clock.names_no_zone


def _rows(chunk: Chunk) -> list[dict[str, Any]]:
    held = list(chunk.columns.items())[:_SHOWN_COLUMNS]
    columns = {name: column.slice(0, _SHOWN_ROWS).to_pylist() for name, column in held}
    return [
        {"timestamp": to_iso(at), "values": {name: _shown(cells[row]) for name, cells in columns.items()}}
        for row, at in enumerate(chunk.times[:_SHOWN_ROWS].tolist())
    ]


def _shown(value: Any) -> Any:
    return value[:_SHOWN_TEXT] if isinstance(value, str) else value


def _columns(path: Path, options: ReadOptions, found: dict[str, Any]) -> list[Column]:
    if is_parquet(path):
        fields = open_parquet(path).schema_arrow
        return [Column(field.name, plain_kind(field.name, field.type), "") for field in fields]
    delimiter, first, body = look_at(path, options.encoding)
    found["separator"] = delimiter
    names, has_header = names_in(path, delimiter, first)
    rows = body if has_header else [first, *body]
    cells = {name: [row[place] for row in rows if place < len(row)] for place, name in enumerate(names)}
    return [_csv_column(name, held, options, delimiter != ",") for name, held in cells.items()]


def _csv_column(name: str, cells: Sequence[str], options: ReadOptions, decimal_comma: bool) -> Column:
    example = next((cell.strip() for cell in cells if cell.strip()), "")[:_SHOWN_TEXT]
    dates = sum(looks_like_time(cell, options.time_format) for cell in cells)
    if example and (2 * dates >= len(cells) or name.casefold() in TIME_NAMES):
        return Column(name, "time", example)
    return Column(name, kind_of(cells, decimal_comma) or "empty", example)


def _devices(path: Path, options: ReadOptions) -> list[str]:
    """Devices in the first rows of a file with a sample a row."""
    if is_parquet(path):
        file = open_parquet(path)
        if "device" not in file.schema_arrow.names:
            return []
        batch = next(file.iter_batches(10_000, columns=["device"]), None)
        held: Sequence[Any] = batch.column(0).to_pylist() if batch is not None else []
    else:
        delimiter, first, body = look_at(path, options.encoding)
        names, _ = names_in(path, delimiter, first)
        place = names.index("device") if "device" in names else -1
        held = [row[place] for row in body if 0 <= place < len(row)]
    seen: Mapping[str, None] = dict.fromkeys(str(each) for each in held if each)
    return list(seen)[:_LISTED]
