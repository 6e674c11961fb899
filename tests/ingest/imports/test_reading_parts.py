"""Arrow parts: what they may hold, and that nothing from outside breaks the reader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.ingest.imports.arrow import read_table
from andon.ingest.imports.model import PartError, as_ranges
from andon.ingest.imports.parts import read_arrow
from andon.ingest.imports.samples import slices
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch, concatenate

from .conftest import T0, arrow, wide

TIMES = [T0, T0 + 1, T0 + 2]


def read(body: bytes, most: int = 10_000) -> dict[str, Any]:
    """Rows of (timestamp - T0, value or text, quality) by signal."""
    found = {}
    for each in read_arrow(body, "press-1", most):
        values = [each.texts.get(row, value) for row, value in enumerate(each.values.tolist())]
        found[each.name] = list(zip((each.timestamps - T0).tolist(), values, each.qualities.tolist(), strict=True))
    return found


def test_a_null_and_a_nan_are_no_samples() -> None:
    body = arrow({"timestamp": TIMES, "a": [1.0, None, float("nan")], "b": [None, 2, 3], "c": [None, None, None]})
    assert read(body) == {"a": [(0, 1.0, 192)], "b": [(1, 2.0, 192), (2, 3.0, 192)]}


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("us"), pa.timestamp("ns")])
def test_timestamps_of_any_unit(kind: pa.DataType) -> None:
    times = pa.array([1_386_018_900_000_000], pa.timestamp("us")).cast(pa.timestamp(kind.unit)).cast(kind)
    assert read(arrow({"timestamp": times, "a": [1.0]})) == {"a": [(0, 1.0, 192)]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, 2, 3], pa.int8()), 1.0),
        (pa.array([1, 2, 3], pa.uint64()), 1.0),
        (pa.array([1.5, 2, 3], pa.float32()), 1.5),
        (pa.array([True, False, None]), 1.0),
        (pa.array(["x", None, "y"]), "x"),
        (pa.array(["x", None, "y"], pa.large_string()), "x"),
        (pa.array(["x", None, "y"]).dictionary_encode(), "x"),
    ],
)
def test_columns_of_many_types(values: pa.Array, expected: float | str) -> None:
    assert read(arrow({"timestamp": TIMES, "a": values}))["a"][0][1] == expected


def test_a_quality_by_name_holds_for_all_signals_of_a_row_and_a_number_is_a_signal() -> None:
    body = arrow({"timestamp": TIMES, "a": [1.0, 2.0, 3.0], "quality": ["good", "bad", None]})
    assert [quality for _, _, quality in read(body)["a"]] == [Quality.GOOD, Quality.BAD, Quality.GOOD]
    body = arrow({"timestamp": TIMES, "a": [1.0, 2.0, 3.0], "quality": [98.5, 97.0, 96.0]})
    assert [value for _, value, _ in read(body)["quality"]] == [98.5, 97.0, 96.0]


@pytest.mark.parametrize(
    ("columns", "place", "field"),
    [
        ({"a": [1.0]}, "no column timestamp", "timestamp"),
        ({"timestamp": [None, T0], "a": [1.0, 2.0]}, "row 1, column 'timestamp'", "timestamp"),
        ({"timestamp": ["2014-01-01"], "a": [1.0]}, "of type string", "timestamp"),
        ({"timestamp": [1.5], "a": [1.0]}, "of type double", "timestamp"),
        ({"timestamp": pa.array([2**62], pa.timestamp("s")), "a": [1.0]}, "row 1", "timestamp"),
        ({"timestamp": TIMES, "a": [1.0, float("inf"), 2.0]}, "row 2, column 'a'", "a"),
        ({"timestamp": TIMES, "a": [b"x", b"y", b"z"]}, "of type binary", "a"),
        ({"timestamp": TIMES, "a": [[1], [2], [3]]}, "of type list", "a"),
        ({"timestamp": TIMES, "tag": ["a", "", "b"], "value": [1.0, 2.0, 3.0]}, "row 2, column 'tag'", "tag"),
        ({"timestamp": TIMES, "tag": ["a"] * 3, "value": [1.0] * 3, "x": [1] * 3}, "column 'x'", "x"),
        (
            {"timestamp": TIMES, "tag": ["a"] * 3, "value": [1.0] * 3, "quality": ["good", "so-so", "bad"]},
            "row 2, column 'quality'",
            "quality",
        ),
        (
            {"timestamp": TIMES, "tag": ["a"] * 3, "value": [1.0] * 3, "device": ["press-1", "press-2", "press-1"]},
            "row 2, column 'device'",
            "device",
        ),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(columns: Any, place: str, field: str) -> None:
    with pytest.raises(PartError) as caught:
        read(arrow(columns))
    assert place in caught.value.message
    assert caught.value.field == field


def test_two_columns_of_one_name_are_refused() -> None:
    table = pa.table([pa.array(TIMES), pa.array([1.0] * 3), pa.array([2.0] * 3)], ["timestamp", "a", "a"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(PartError, match="same name"):
        read(sink.getvalue().to_pybytes())


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
@pytest.mark.parametrize("encoded", [True, False])
def test_compressed_streams_are_refused_before_they_are_opened(compression: str, encoded: bool) -> None:
    texts = pa.array(["x" * 1000] * 10)
    body = arrow(
        {"timestamp": [T0] * 10, "a": texts.dictionary_encode() if encoded else texts}, compression=compression
    )
    with pytest.raises(PartError, match="compressed"):
        read(body)


def test_a_dictionary_that_repeats_a_long_text_takes_no_room() -> None:
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 5000, pa.int32()), pa.array(["x" * 100_000]))
    with pytest.raises(PartError, match="characters of text"):
        read(arrow({"timestamp": [T0] * 5000, "a": long}))


def test_columns_without_bytes_cannot_claim_many_rows() -> None:
    with pytest.raises(PartError, match="more than 10000 rows"):
        read(arrow({"timestamp": pa.nulls(10**6, pa.int64()), "a": pa.nulls(10**6)}))


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_stream_is_refused_or_read_but_never_breaks(data: st.DataObject) -> None:
    body = bytearray(
        arrow(
            {
                "timestamp": pa.array(TIMES, pa.timestamp("us", "UTC")),
                "tag": pa.array(["a", "b", "a"]).dictionary_encode(),
                "value": [1.0, 2.0, None],
                "text": [None, None, "x"],
            }
        )
    )
    for _ in range(data.draw(st.integers(1, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    for damaged in (bytes(body), bytes(body[:cut])):
        try:
            read_arrow(damaged, "press-1", 10_000)
        except PartError as error:
            assert error.message


@pytest.mark.parametrize("junk", [b"", b"x", b"\0" * 64, b"\xff" * 64, b"PAR1", b"timestamp,value\n1,2\n"])
def test_bytes_of_something_else_are_refused_with_the_cure(junk: bytes) -> None:
    with pytest.raises(PartError) as caught:
        read_table(junk, 10)
    assert "Arrow IPC stream" in str(caught.value.cure)


def test_records_are_bounded_by_samples_and_text() -> None:
    count = 2500
    texts = dict.fromkeys(range(1000), "x" * 100)
    batch = SampleBatch(
        np.arange(count, dtype=np.int32),
        np.arange(count),
        np.zeros(count),
        np.zeros(count, np.uint8),
        np.arange(count),
        texts,
    )
    parts = list(slices(batch, 1000, 20_000))
    assert all(len(part) <= 1000 and sum(map(len, part.texts.values())) <= 5_000 for part in parts)
    whole = concatenate(parts)
    assert whole.tag_ids.tolist() == list(range(count))
    assert dict(whole.texts) == texts


def test_ranges_of_part_numbers() -> None:
    assert as_ranges([]) == []
    assert as_ranges([0, 1, 2, 5, 7, 8]) == [(0, 2), (5, 5), (7, 8)]


def test_an_empty_part_is_a_part() -> None:
    assert read(wide(0)) == {}
