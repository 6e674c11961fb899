"""How the columns of a row group are encoded: chosen by what was measured (docs/adr/0006-…), and by looking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

ZSTD: Final = "zstd"
SNAPPY: Final = "snappy"
"""A quarter more bytes than zstd, read in two thirds of the time: for what is read for a few rows at a time."""
LZ4: Final = "lz4"
"""A third more bytes than zstd, written and read in two thirds of the time: for what is merged soon."""
NONE: Final = "none"
_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class Encodings:
    """`dictionary`: columns of which each different value is kept once; `others`: column → Parquet encoding.

    `compression`: of all columns, one of those above.
    """

    dictionary: tuple[str, ...]
    others: Mapping[str, str]
    compression: str = ZSTD

    def changed(self, column: str, encoding: str) -> Encodings:
        """The same, but for one column."""
        rest = {name: other for name, other in self.others.items() if name != column}
        dictionary = tuple(name for name in self.dictionary if name != column)
        if encoding == DICTIONARY:
            return replace(self, dictionary=(*dictionary, column), others=rest)
        return replace(self, dictionary=dictionary, others={**rest, column: encoding})


DICTIONARY: Final = "DICTIONARY"
DELTA: Final = "DELTA_BINARY_PACKED"
SPLIT: Final = "BYTE_STREAM_SPLIT"
PLAIN: Final = "PLAIN"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A whole Parquet file of one row group: its bytes, and of each column what it takes of them and where it ends."""

    data: pa.Buffer
    sizes: Mapping[str, int]
    ends: Mapping[str, int]


def encode(table: pa.Table, encodings: Encodings, statistics: Sequence[str] = ()) -> Encoded:
    """The table as a Parquet file of one row group."""
    sink = pa.BufferOutputStream()
    options: dict[str, Any] = {"column_encoding": dict(encodings.others)} if encodings.others else {}
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression=encodings.compression,
        compression_level=_LEVEL if encodings.compression == ZSTD else None,
        use_dictionary=list(encodings.dictionary),
        write_statistics=list(statistics),
        store_schema=False,
        **options,
    ) as writer:
        writer.write_table(table, row_group_size=max(len(table), 1))
    group = writer.writer.metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    return Encoded(
        sink.getvalue(),
        {column.path_in_schema: column.total_compressed_size for column in columns},
        {column.path_in_schema: _begin(column) + column.total_compressed_size for column in columns},
    )


def _begin(column: pq.ColumnChunkMetaData) -> int:
    return int(column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset)
