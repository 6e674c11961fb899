"""Exports as Parquet, written row group by row group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from andon.historian.model import Columns
from andon.historian.selection import Series
from andon.historian.sink import Sink
from andon.historian.views import quality_column

_GROUP_ROWS = 128 << 10


class ParquetWriter:
    """Columns `timestamp` (µs, UTC), `device`, `tag`, `value` (double), `text`, `unit`, `quality`.

    A sample has a `value` or, when it is text, a `text`; the other is null.
    """

    media_type = "application/vnd.apache.parquet"
    ending = "parquet"

    def __init__(self, group_rows: int = _GROUP_ROWS) -> None:
        self._group_rows = group_rows
        self._sink = Sink()
        self._gathered: list[Any] = []
        self._rows = 0

    def begin(self) -> bytes:
        """The magic number."""
        import pyarrow as pa  # takes 50 ms, which only who exports should wait for
        import pyarrow.parquet as pq

        self._pa: Any = pa
        name = pa.dictionary(pa.int32(), pa.string())
        self._schema = pa.schema(
            [
                ("timestamp", pa.timestamp("us", "UTC")),
                *((each, name) for each in ("device", "tag")),
                ("value", pa.float64()),
                ("text", pa.string()),
                *((each, name) for each in ("unit", "quality")),
            ]
        )
        self._file: Any = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        return self._sink.drain()

    def page(self, series: Series, columns: Columns) -> bytes:
        """Gathers pages until they make a row group."""
        self._gathered.append(self._batch(series, columns))
        self._rows += len(columns)
        if self._rows < self._group_rows:
            return b""
        self._write_group()
        return self._sink.drain()

    def finish(self) -> Iterable[bytes]:
        """The last row group and the footer."""
        self._write_group()
        self._file.close()
        return (self._sink.drain(),)

    def close(self) -> None:
        """Nothing is held beyond this object."""
        self._gathered.clear()

    def _batch(self, series: Series, columns: Columns) -> Any:
        pa, count = self._pa, len(columns)
        texts = None
        if columns.texts:
            texts = [columns.texts.get(row) for row in range(count)]
        finite = np.isfinite(columns.values)
        return pa.record_batch(
            [
                pa.array(columns.timestamps, pa.int64()).cast(self._schema.field("timestamp").type),
                self._same(series.device.device_id, count),
                self._same(series.tag.name, count),
                pa.array(columns.values, mask=~finite),
                pa.array(texts, pa.string()) if texts else pa.nulls(count, pa.string()),
                self._same(series.tag.unit, count),
                pa.array(quality_column(columns.qualities)).dictionary_encode(),
            ],
            schema=self._schema,
        )

    def _same(self, text: str, count: int) -> Any:
        """A column that holds one text."""
        pa = self._pa
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))

    def _write_group(self) -> None:
        if self._gathered:
            table = self._pa.Table.from_batches(self._gathered, self._schema).unify_dictionaries()
            self._file.write_table(table, row_group_size=self._group_rows)
            self._gathered, self._rows = [], 0
