"""The payload codec: all data types both ways, and broken input refused with one kind of error."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from andon.kit.quality import Quality
from andon.wire.sparkplug import sparkplug_b_pb2 as pb
from andon.wire.sparkplug.datatypes import DataType, read_value, write_value
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.model import DataSet, Metric, Payload, Property, Template
from andon.wire.sparkplug.payload import decode, decode_data, encode, quality_of
from wire.sparkplug.strategies import PAYLOADS, VALUES, typed


def one(metric: Metric) -> Metric:
    """The metric after a journey."""
    return decode(encode(Payload(metrics=[metric]))).metrics[0]


@given(PAYLOADS)
def test_a_payload_comes_back_as_it_was_sent(payload: Payload) -> None:
    assert decode(encode(payload)) == payload


@given(typed(VALUES))
def test_payloads_metric_datatype_value_type(pair: tuple[DataType, Any]) -> None:
    datatype, value = pair
    found = one(Metric("m", datatype=datatype, value=value))
    assert (found.value, found.is_null, found.problem) == (value, value is None, None)


@pytest.mark.parametrize("datatype", [DataType.FLOAT, DataType.DOUBLE])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_floats_that_are_no_numbers_travel_too(datatype: DataType, value: float) -> None:
    found = one(Metric("m", datatype=datatype, value=value)).value
    assert found == value or (math.isnan(found) and math.isnan(value))


@pytest.mark.parametrize(
    ("datatype", "field", "raw", "value"),
    [
        (DataType.INT8, "int_value", 0xFF, -1),
        (DataType.INT8, "int_value", 0xFFFF_FFFF, -1),
        (DataType.INT8, "int_value", 0x80, -128),
        (DataType.INT16, "int_value", 0x8000, -32768),
        (DataType.INT16, "int_value", 0xFFFF_8000, -32768),
        (DataType.INT32, "int_value", 0xFFFF_FFFE, -2),
        (DataType.INT32, "long_value", 0xFFFF_FFFF_FFFF_FFFE, -2),
        (DataType.INT64, "long_value", 2**64 - 5, -5),
        (DataType.INT64, "int_value", 7, 7),
        (DataType.UINT32, "int_value", 2**32 - 1, 2**32 - 1),
        (DataType.UINT32, "long_value", 2**32 - 1, 2**32 - 1),
        (DataType.UINT64, "long_value", 2**64 - 1, 2**64 - 1),
        (DataType.DATETIME, "long_value", 1_736_589_600_000, 1_736_589_600_000),
        (DataType.BOOLEAN, "int_value", 1, True),
        (DataType.DOUBLE, "float_value", 1.5, 1.5),
        (DataType.FLOAT, "int_value", 3, 3.0),
    ],
)
def test_what_other_senders_write_is_read(datatype: DataType, field: str, raw: Any, value: Any) -> None:
    assert read_value(datatype, field, raw) == value
    assert type(read_value(datatype, field, raw)) is type(value)


@pytest.mark.parametrize(
    ("datatype", "field", "raw"),
    [
        (DataType.INT8, "int_value", 300),
        (DataType.INT16, "int_value", 0x1_0000),
        (DataType.INT32, "long_value", 2**40),
        (DataType.UINT8, "int_value", 256),
        (DataType.UINT16, "int_value", 0xFFFF_FFFF),
        (DataType.UINT32, "long_value", 2**32),
        (DataType.BOOLEAN, "int_value", 2),
        (DataType.DOUBLE, "string_value", "1.5"),
        (DataType.STRING, "int_value", 1),
        (DataType.INT32_ARRAY, "bytes_value", b"\0\0\0"),
        (DataType.BOOLEAN_ARRAY, "bytes_value", b""),
        (DataType.BOOLEAN_ARRAY, "bytes_value", b"\xff\xff\xff\xff\0"),
        (DataType.STRING_ARRAY, "bytes_value", b"no end"),
        (DataType.STRING_ARRAY, "bytes_value", b"\xff\0"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused_not_cut(datatype: DataType, field: str, raw: Any) -> None:
    with pytest.raises(PayloadError):
        read_value(datatype, field, raw)


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (DataType.INT8, 128),
        (DataType.UINT8, -1),
        (DataType.INT32, 1.5),
        (DataType.INT32, True),
        (DataType.BOOLEAN, 1),
        (DataType.FLOAT, 1e300),
        (DataType.DOUBLE, "1.5"),
        (DataType.STRING, b"x"),
        (DataType.BYTES, "x"),
        (DataType.INT8_ARRAY, [1, 999]),
        (DataType.STRING_ARRAY, ["a\0b"]),
        (DataType.STRING_ARRAY, [1]),
        (DataType.UNKNOWN, 1),
    ],
)
def test_payloads_metric_datatype_value(datatype: DataType, value: Any) -> None:
    with pytest.raises(PayloadError):
        write_value(datatype, value)


def test_arrays_are_packed_as_the_standard_shows() -> None:
    assert write_value(DataType.INT8_ARRAY, [-23, 123]) == ("bytes_value", bytes([0xE9, 0x7B]))
    assert write_value(DataType.INT16_ARRAY, [-30000, 30000]) == ("bytes_value", bytes([0xD0, 0x8A, 0x30, 0x75]))
    booleans = [False, False, True, True, False, True, False, False, True, True, False, True]
    assert write_value(DataType.BOOLEAN_ARRAY, booleans) == ("bytes_value", bytes([0x0C, 0, 0, 0, 0x34, 0xD0]))
    assert write_value(DataType.STRING_ARRAY, ["ABC", "hello"]) == ("bytes_value", b"ABC\0hello\0")
    assert write_value(DataType.DOUBLE_ARRAY, [12.354213]) == ("bytes_value", struct.pack("<d", 12.354213))


def test_the_fields_have_the_numbers_of_the_standard() -> None:
    """Bytes written by hand: timestamp 1, metrics 2, seq 3; name 1, alias 2, datatype 4, int_value 10."""
    metric = b"\x0a\x01m" + b"\x10\x07" + b"\x20\x03" + b"\x50\x2a"
    payload = decode(b"\x08\xe8\x07" + b"\x12" + bytes([len(metric)]) + metric + b"\x18\x05")
    assert payload == Payload(1000, [Metric("m", 7, datatype=DataType.INT32, value=42)], 5)


def test_a_metric_carries_its_engineering_unit_and_range() -> None:
    properties = {
        "engUnit": Property(DataType.STRING, "kN"),
        "engLow": Property(DataType.DOUBLE, 0.0),
        "engHigh": Property(DataType.DOUBLE, 800.0),
        "Quality": Property(DataType.INT32, 192),
    }
    assert one(Metric("force", datatype=DataType.DOUBLE, value=5.0, properties=properties)).properties == properties


@pytest.mark.parametrize(
    ("code", "quality"),
    [(0, Quality.BAD), (192, Quality.GOOD), (500, Quality.STALE), (64, Quality.UNCERTAIN), (9999, Quality.UNCERTAIN)],
)
def test_payloads_propertyset_quality_value_value(code: int, quality: Quality) -> None:
    assert quality_of(code) is quality


def test_payloads_propertyset_keys_array_size() -> None:
    source = pb.Payload()
    metric = source.metrics.add(name="m", datatype=10, double_value=1.0)
    metric.properties.keys.append("engUnit")
    found = decode(source.SerializeToString()).metrics[0]
    assert found.problem is not None
    assert "1 keys and 0 values" in found.problem


def test_payloads_dataset_column_num_headers() -> None:
    source = pb.Payload()
    table = source.metrics.add(name="m", datatype=16).dataset_value
    table.num_of_columns = 2
    table.columns.append("a")
    table.types.append(3)
    found = decode(source.SerializeToString()).metrics[0]
    assert found.is_null
    assert "2 columns, 1 names" in (found.problem or "")


def test_payloads_dataset_column_size() -> None:
    with pytest.raises(PayloadError, match="row has 1 of 2"):
        one(Metric("m", datatype=DataType.DATASET, value=DataSet(["a", "b"], [3, 3], [[1]])))


def test_payloads_dataset_types_num() -> None:
    with pytest.raises(PayloadError, match="2 columns and 1 types"):
        one(Metric("m", datatype=DataType.DATASET, value=DataSet(["a", "b"], [3], [])))


def test_payloads_template_ref_definition() -> None:
    with pytest.raises(PayloadError, match="a definition names none"):
        one(Metric("m", datatype=DataType.TEMPLATE, value=Template([], reference="motor", is_definition=True)))


def test_payloads_template_ref_instance() -> None:
    with pytest.raises(PayloadError, match="names its definition"):
        one(Metric("m", datatype=DataType.TEMPLATE, value=Template([])))


def test_one_unreadable_metric_does_not_take_the_others_with_it() -> None:
    source = pb.Payload()
    source.metrics.add(name="bad", datatype=DataType.INT8, int_value=300)
    source.metrics.add(name="good", datatype=DataType.INT8, int_value=30)
    bad, good = decode(source.SerializeToString()).metrics
    assert (bad.value, good.value, good.problem) == (None, 30, None)
    assert bad.problem == "bad: 300 does not fit INT8"


def test_data_types_of_a_later_standard_are_taken_as_they_come() -> None:
    source = pb.Payload()
    source.metrics.add(name="m", datatype=99, string_value="new")
    assert decode(source.SerializeToString()).metrics[0].value == "new"


def test_fields_of_a_later_standard_are_passed_over() -> None:
    assert decode(encode(Payload(1, seq=2)) + b"\xc2\x3e\x02hi") == Payload(1, seq=2)


@given(st.binary(max_size=60))
@example(b"\xff")
@example(b"\x12\xff")
@example(b"\x12\x03\x0a\x01\xff")
def test_any_bytes_are_a_payload_or_a_payload_error(data: bytes) -> None:
    for read in (decode, decode_data):
        try:
            read(data)
        except PayloadError as error:
            assert isinstance(error, ValueError)


@given(PAYLOADS, st.data())
def test_a_damaged_payload_is_read_or_refused(payload: Payload, data: st.DataObject) -> None:
    broken = bytearray(encode(payload))
    if broken:
        place = data.draw(st.integers(0, len(broken) - 1))
        broken[place] = data.draw(st.integers(0, 255))
    for read in (decode, decode_data):
        try:
            read(bytes(broken))
        except PayloadError as error:
            assert error.reason


def test_nesting_without_end_is_refused() -> None:
    inner = b""
    for _ in range(500):
        member = b"\x92\x01" + _varint(len(inner)) + inner  # template_value
        inner = b"\x12" + _varint(len(member)) + member
    with pytest.raises(PayloadError):
        decode(inner)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


@given(PAYLOADS)
def test_the_fast_path_sees_what_the_whole_decoder_sees(payload: Payload) -> None:
    data = encode(payload)
    timestamp, seq, rows = decode_data(data)
    whole = decode(data)
    assert (timestamp, seq) == (whole.timestamp_ms or 0, whole.seq or 0)
    for row, metric in zip(rows, whole.metrics, strict=True):
        key, at, field, raw, _, historical = row
        assert key == (metric.name or ("" if metric.alias is None else metric.alias))
        assert (at, historical) == (metric.timestamp_ms or 0, metric.is_historical)
        assert (field is None) == metric.is_null
        if field is not None and metric.datatype not in (DataType.DATASET, DataType.TEMPLATE):
            assert read_value(metric.datatype, field, raw) == metric.value


def test_the_fast_path_reads_the_quality_property() -> None:
    for code, quality in ((0, Quality.BAD), (192, Quality.GOOD), (500, Quality.STALE)):
        properties = {"engUnit": Property(DataType.STRING, "mm"), "Quality": Property(DataType.INT32, code)}
        data = encode(Payload(metrics=[Metric(alias=1, datatype=DataType.DOUBLE, value=1.0, properties=properties)]))
        assert decode_data(data)[2][0][4] == quality


def test_a_metric_without_name_and_alias_is_not_taken_for_alias_0() -> None:
    data = encode(Payload(metrics=[Metric(datatype=DataType.DOUBLE, value=1.0), Metric(alias=0, value=None)]))
    assert [row[0] for row in decode_data(data)[2]] == ["", 0]
