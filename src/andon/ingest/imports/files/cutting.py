"""A recording in parts that are cut the same way each time, so that a part which is there need not be sent again."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from andon.ingest.imports.files.model import Chunk, ReadOptions, Recording

_PART_CELLS: Final = 250_000
_LONG_COLUMNS: Final = 5
_HASHED: Final = 1 << 20
_WAY: Final = "1"  # how files are cut; another number takes up nothing that was cut before


def usual_rows(recording: Recording) -> int:
    """Rows of a part when nobody says how many."""
    return max(_PART_CELLS // (len(recording.signals) or _LONG_COLUMNS), 1)


def source_of(path: Path, read: ReadOptions, units: Mapping[str, str], part_rows: int) -> str:
    """A digest of the file and of all that decides how it is read and cut: what an import is known by."""
    digest = hashlib.sha256(repr((_WAY, read, part_rows, sorted(units.items()))).encode())
    with path.open("rb") as file:
        while block := file.read(_HASHED):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def parts(chunks: Iterator[Chunk], rows: int) -> Iterator[Chunk]:
    """The same rows in chunks of `rows`, the last one smaller: where the file's reader parted them does not matter."""
    held: list[Chunk] = []
    count = 0
    for chunk in chunks:
        held.append(chunk)
        count += len(chunk)
        while count >= rows:
            whole = _joined(held)
            yield _cut(whole, 0, rows)
            held, count = [_cut(whole, rows, count)], count - rows
    if count:
        yield _joined(held)


def as_arrow(chunk: Chunk) -> bytes:
    """The body of a part: an Arrow IPC stream."""
    import pyarrow as pa

    times = pa.array(chunk.times, pa.timestamp("us", "UTC"))
    table = pa.table({"timestamp": times, **chunk.columns})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()


def time_span(chunk: Chunk) -> tuple[int, int] | None:
    """First and last time, µs UTC; None of no rows."""
    return (int(chunk.times.min()), int(chunk.times.max())) if len(chunk) else None


def _joined(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    import pyarrow as pa

    names = chunks[0].columns
    columns: dict[str, Any] = {name: pa.concat_arrays([chunk.columns[name] for chunk in chunks]) for name in names}
    return Chunk(np.concatenate([chunk.times for chunk in chunks]), columns)


def _cut(chunk: Chunk, start: int, end: int) -> Chunk:
    columns = {name: column.slice(start, end - start) for name, column in chunk.columns.items()}
    return Chunk(chunk.times[start:end], columns)
