"""Rows of a rollup tier in a Parquet file, sorted by (tag, start)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from andon.historian.rollup import TierRows
from andon.historian.stores.columnar.safefile import whole
from andon.historian.stores.columnar.sortedfile import SortedFile
from andon.historian.stores.columnar.tagindex import TagIndex, TagIndexBuilder

ROW_GROUP: Final = 32_768
_TIME: Final = pa.timestamp("us", "UTC")
_COLUMNS: Final = {
    "tag_id": ("tag_ids", pa.int32()),
    "start": ("starts", _TIME),
    "count": ("counts", pa.int64()),
    "total": ("totals", pa.int64()),
    "good": ("goods", pa.int64()),
    "min": ("minima", pa.float64()),
    "max": ("maxima", pa.float64()),
    "mean": ("means", pa.float64()),
    "m2": ("m2s", pa.float64()),
    "first": ("firsts", pa.float64()),
    "first_at": ("first_ats", _TIME),
    "last": ("lasts", pa.float64()),
    "last_at": ("last_ats", _TIME),
    "quality": ("qualities", pa.uint8()),
}
SCHEMA: Final = pa.schema([pa.field(name, type_, type_ == pa.float64()) for name, (_, type_) in _COLUMNS.items()])
_DELTA: Final = ("start", "count", "total", "good", "first_at", "last_at")


@dataclass(frozen=True, slots=True)
class TierSummary:
    """`min_time` and `max_time`: first and last start in µs UTC, both included; `tags` int32, ascending."""

    rows: int
    bytes: int
    min_time: int
    max_time: int
    tags: NDArray[np.int32]


def write_tier(path: Path, rows: TierRows, *, meta: Mapping[str, str]) -> TierSummary:
    """Write rows that are sorted by (tag, start) and unique. On the disk when it returns; OSError otherwise."""
    builder = TagIndexBuilder()
    builder.add(rows.tag_ids, rows.starts)
    index = builder.build()
    with whole(path) as file:
        with pq.ParquetWriter(
            file,
            SCHEMA,
            compression="zstd",
            compression_level=3,
            use_dictionary=["tag_id", "min", "max", "first", "last", "quality"],
            column_encoding={
                **dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
                "mean": "BYTE_STREAM_SPLIT",
                "m2": "BYTE_STREAM_SPLIT",
            },
            write_statistics=["tag_id", "start"],
            store_schema=False,
        ) as writer:
            writer.write_table(_table(rows), row_group_size=ROW_GROUP)
            writer.add_key_value_metadata({**meta, **index.metadata()})
        size = file.tell()
    return _summary(index, size)


def _summary(index: TagIndex, size: int) -> TierSummary:
    if not len(index):
        return TierSummary(0, size, 0, 0, index.tags)
    return TierSummary(index.rows, size, int(index.firsts.min()), int(index.lasts.max()), index.tags)


def _table(rows: TierRows) -> pa.Table:
    columns = []
    for name, type_ in _COLUMNS.values():
        column = getattr(rows, name)
        if type_ == pa.float64():
            columns.append(pa.array(column, mask=np.isnan(column)))
        else:
            columns.append(pa.array(column).view(type_))
    return pa.Table.from_arrays(columns, schema=SCHEMA)


class TierFile:
    """A file of a tier, open for reading by several threads. Make it with `open`."""

    def __init__(self, file: SortedFile) -> None:
        self._file = file
        self.meta = file.meta
        self.summary = _summary(file.index, file.size)

    @staticmethod
    def open(path_or_uri: Path | str, filesystem: Any = None) -> TierFile:
        """Open a file. OSError when it is not there, ValueError when it is not one of a tier."""
        return TierFile(SortedFile(path_or_uri, filesystem))

    def read(self, tag_ids: NDArray[np.int32] | None, start: int, end: int) -> TierRows:
        """The rows of some tags (None: of all) with start ≤ their start < end (µs), by tag, then start."""
        ranges = self._file.index.ranges(tag_ids, start, end)
        if not ranges:
            return TierRows.empty()
        table, wanted = self._file.rows(ranges, SCHEMA.names)
        found = _rows(table)
        within = (found.starts >= start) & (found.starts < end)
        return found.take(within if wanted is None else within & wanted)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _rows(table: pa.Table) -> TierRows:
    columns = {}
    for name, (attribute, type_) in _COLUMNS.items():
        column = table[name]
        columns[attribute] = (column.cast(pa.int64()) if type_ == _TIME else column).to_numpy()
    return TierRows(**columns)
