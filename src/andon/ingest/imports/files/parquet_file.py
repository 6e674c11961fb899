"""Parquet recordings: the types of their columns say what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from andon.ingest.imports.files.cells import CellReader
from andon.ingest.imports.files.contradictions import counted
from andon.ingest.imports.files.model import LONG_COLUMNS, TIME_NAMES, Chunk, ReadOptions, Skipped, chosen, find_time
from andon.ingest.imports.files.times import Clock
from andon.kit.errors import InvalidError

_BATCH: Final = 65_536
_LONG_EXTRAS: Final = ("text", "unit", "quality")


class ParquetRecording:
    """See `Recording`. A column of text is taken only when it is asked for."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.path = path
        self.skipped = Skipped()
        self._options = options
        self._file = open_parquet(path)
        self.rows = max(self._file.metadata.num_rows, 1)
        types = {field.name: _plain(field.type) for field in self._file.schema_arrow}
        self.long = {"tag", "value"} <= set(types) and not options.columns and _is_text(types["tag"])
        self._time = find_time(
            path, list(types), options.time_column, {n: _may_be_time(n, t) for n, t in types.items()}
        )
        self._signals = [] if self.long else self._find_signals(types)
        self.signals = tuple(self._signals)
        self.clock = Clock(self._time, options, self.skipped)

    def chunks(self) -> Iterator[Chunk]:
        """See `Recording.chunks`."""
        return counted(self._chunks(), self.skipped, long=self.long)

    def _chunks(self) -> Iterator[Chunk]:
        clock = self.clock
        cells = CellReader(self.skipped, decimal_comma=False, skip_bad=self._options.skip_bad)
        row = 1
        for batch in self._file.iter_batches(_BATCH, columns=self._wanted()):
            columns = {name: _decoded(batch.column(i)) for i, name in enumerate(batch.schema.names)}
            times = _times(clock, columns[self._time], row)
            if self.long:
                yield self._long_chunk(times, columns, cells, row)
            else:
                values = {name: _values(cells, name, columns[name], row) for name in self._signals}
                yield Chunk(times, values)
            row += len(batch)

    def _find_signals(self, types: Mapping[str, Any]) -> list[str]:
        others = {name: kind for name, kind in types.items() if name != self._time}
        if self._options.columns:
            return chosen(self.path, self._options.columns, list(others))
        found = [name for name, kind in others.items() if _is_value(kind)]
        self.skipped.columns = [name for name in others if name not in found]
        if not found:
            raise InvalidError(
                f"{self.path.name} has no column of numbers", field="file", cure="choose a column of text (--column)"
            )
        return found

    def _wanted(self) -> list[str]:
        if not self.long:
            return [self._time, *self._signals]
        names = self._file.schema_arrow.names
        extras = [name for name in ("device", *_LONG_EXTRAS) if name in names]
        return [*dict.fromkeys([self._time, *LONG_COLUMNS[1:], *extras])]

    def _long_chunk(self, times: Any, columns: dict[str, Any], cells: CellReader, row: int) -> Chunk:
        import pyarrow as pa
        import pyarrow.compute as pc

        kept = np.ones(len(times), np.bool_)
        if "device" in columns:
            kept = np.array([name == self._options.device for name in columns["device"].to_pylist()], np.bool_)
            self.skipped.rows += int((~kept).sum())
        if not _is_text(columns["value"].type):
            mine = pc.if_else(pa.array(kept), columns["value"], None)
            columns["value"] = _values(cells, "value", mine, row)
        names = ("tag", "value", *_LONG_EXTRAS)
        return Chunk(times, {name: columns[name] for name in names if name in columns}).where(kept)


def open_parquet(path: Path) -> Any:
    """A `pyarrow.parquet.ParquetFile`. InvalidError when it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InvalidError(
            f"{path.name} cannot be read as Parquet: {str(error)[:200]}", field="file", cure="check the file"
        ) from error


def plain_kind(name: str, kind: Any) -> str:
    """`time`, `number`, `boolean` or `text` of a column; `empty` of what cannot be imported."""
    import pyarrow as pa

    plain = _plain(kind)
    if _may_be_time(name, plain):
        return "time"
    if pa.types.is_boolean(plain):
        return "boolean"
    return "number" if _is_value(plain) else "text" if _is_text(plain) else "empty"


def _times(clock: Clock, column: Any, row: int) -> Any:
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return clock.of_moments(column, row)
    if pa.types.is_date(column.type):
        return clock.of_moments(column.cast(pa.timestamp("us")), row)
    return clock.of_texts(column, row) if _is_text(column.type) else clock.of_numbers(column, row)


def _values(cells: CellReader, name: str, column: Any, row: int) -> Any:
    import pyarrow as pa

    if _is_text(column.type):
        return cells.column(name, "text", column, row)
    if pa.types.is_boolean(column.type):
        return column
    return cells.finite(name, column.cast(pa.float64(), safe=False), row)


def _decoded(column: Any) -> Any:
    import pyarrow as pa

    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return column.cast(pa.string()) if _is_text(column.type) else column


def _plain(kind: Any) -> Any:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_value(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind))


def _may_be_time(name: str, kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return True
    return name.casefold() in TIME_NAMES and (_is_text(kind) or _is_value(kind))
