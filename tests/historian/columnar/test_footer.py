"""Files of one row group each become one file that pyarrow takes for its own."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from andon.historian.stores.columnar.encodings import PLAIN, SPLIT, Encodings, encode
from andon.historian.stores.columnar.footer import MAGIC, JoinedFooter


def joined(tables: list[pa.Table], meta: dict[str, str]) -> bytes:
    """The tables as row groups of one file, with the encodings in turns."""
    footer, out = JoinedFooter(), bytearray(MAGIC)
    for number, table in enumerate(tables):
        encodings = (Encodings(("v", "t"), {}), Encodings(("t",), {"v": SPLIT}), Encodings((), {"v": PLAIN}))[
            number % 3
        ]
        whole = memoryview(encode(table, encodings, ["v"]).data)
        end = footer.add(whole, len(out))
        out += whole[len(MAGIC) : end]
    return bytes(out + footer.build(meta))


@pytest.mark.parametrize("count", [1, 2, 14, 15, 200])
def test_the_joined_file_is_a_parquet_file_with_all_rows(count: int) -> None:
    rng = np.random.default_rng(count)
    tables = []
    for size in rng.integers(1, 3_000, count).tolist():
        texts = pa.array([None if x < 0.5 else f"text {x}" for x in rng.random(size).tolist()])
        tables.append(pa.table({"v": rng.normal(size=size), "t": texts}))
    data = joined(tables, {"one": "é" * 200, "two": ""})
    metadata = pq.read_metadata(io.BytesIO(data))
    assert metadata.num_row_groups == count
    assert metadata.metadata == {b"one": ("é" * 200).encode(), b"two": b""}
    assert pq.read_table(io.BytesIO(data)).replace_schema_metadata(None) == pa.concat_tables(tables).combine_chunks()
    for number, table in enumerate(tables):
        assert metadata.row_group(number).num_rows == len(table)
        assert metadata.row_group(number).column(0).statistics.max == max(table["v"].to_pylist())


def test_a_file_of_no_row_group_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="needs a row group"):
        JoinedFooter().build({})
