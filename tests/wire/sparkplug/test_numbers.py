"""Numbers read as columns are the readings that come from looking at each metric."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from andon.kit.clock import US_PER_MS
from andon.wire.sparkplug import sparkplug_b_pb2 as pb
from andon.wire.sparkplug.datatypes import DataType, plain_up_to
from andon.wire.sparkplug.definitions import Definitions, MetricDefinition, Readings, resolve
from andon.wire.sparkplug.model import Metric
from andon.wire.sparkplug.numbers import Numbers, read_numbers
from andon.wire.sparkplug.payload import open_data
from andon.wire.sparkplug.shapes import Shapes

NOW_MS = 1_736_589_600_000
FIELDS = ("int_value", "long_value", "float_value", "double_value", "boolean_value")
TYPES = (*range(12), 13, 99)
EDGES = sorted({(1 << bits) + more for bits in (0, 7, 8, 15, 16, 31, 32, 53, 63, 64) for more in (-2, -1, 0, 1)})
TIMES = st.one_of(st.just(0), st.integers(NOW_MS, NOW_MS + 9), st.integers(0, 2**64 - 1))
QUALITIES = st.sampled_from([192, 192, 192, 0, 64])


def _value(draw: st.DrawFn, field: str) -> Any:
    if field == "boolean_value":
        return draw(st.booleans())
    if field in ("float_value", "double_value"):
        return draw(st.floats(width=32))
    most = 2**32 if field == "int_value" else 2**64
    return draw(st.one_of(st.integers(0, 127), st.sampled_from([edge for edge in EDGES if 0 <= edge < most])))


@st.composite
def births_and_data(draw: st.DrawFn) -> tuple[Definitions, list[bytes]]:
    """Definitions by alias, and messages of the same metrics."""
    metrics = draw(st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from(FIELDS), QUALITIES), min_size=2))
    definitions: Definitions = {
        alias: MetricDefinition(Metric(f"m{alias}", alias, datatype=datatype))
        for alias, (datatype, _, _) in enumerate(metrics)
        if draw(st.integers(0, 30))
    }
    timed = draw(st.booleans())
    return definitions, [_message(draw, metrics, timed) for _ in range(draw(st.integers(2, 4)))]


def _message(draw: st.DrawFn, metrics: list[tuple[int, str, int]], timed: bool) -> bytes:
    payload = pb.Payload(timestamp=draw(TIMES), seq=1)
    for alias, (_, field, quality) in enumerate(metrics):
        metric = payload.metrics.add(alias=alias, **{field: _value(draw, field)})
        if timed:
            metric.timestamp = draw(TIMES)
        if quality != 192:
            metric.properties.keys.append("Quality")
            metric.properties.values.add(type=3, int_value=quality)
    return payload.SerializeToString()


def columns(numbers: Numbers) -> list[tuple[MetricDefinition, int, float, int, bool]]:
    count = len(numbers)
    times = [numbers.times] * count if isinstance(numbers.times, int) else numbers.times.tolist()
    qualities = numbers.source.qualities.tolist()
    return list(
        zip(numbers.source.definitions, times, numbers.values.tolist(), qualities, [False] * count, strict=True)
    )


@given(births_and_data())
@settings(max_examples=300)
def test_columns_say_what_each_metric_says(told: tuple[Definitions, list[bytes]]) -> None:
    definitions, messages = told
    shapes = Shapes()
    for message in messages:
        opened = shapes.open(message)
        if opened.repeated is None:
            continue
        numbers = read_numbers(opened.repeated, opened.timestamp_ms, definitions)
        if numbers is not None:
            plain = open_data(message)
            expected = resolve(plain.rows(), plain.timestamp_ms, definitions)
            assert repr(Readings(list(numbers), [], [])) == repr(expected)
            as_numbers = [(*reading[:2], float(reading[2]), *reading[3:]) for reading in expected.taken]
            assert repr(columns(numbers)) == repr(as_numbers)


def test_a_machine_that_repeats_itself_is_read_in_columns() -> None:
    definitions: Definitions = {
        alias: MetricDefinition(Metric(f"m{alias}", alias, datatype=DataType.DOUBLE)) for alias in range(60)
    }
    shapes = Shapes()
    for turn in range(3):
        payload = pb.Payload(timestamp=NOW_MS, seq=turn)
        for alias in range(60):
            payload.metrics.add(alias=alias, double_value=turn / 7 + alias)
        opened = shapes.open(payload.SerializeToString())
        if turn:
            assert opened.repeated is not None
            numbers = read_numbers(opened.repeated, opened.timestamp_ms, definitions)
            assert numbers is not None and numbers.times == NOW_MS * US_PER_MS
            assert numbers.values[1] == turn / 7 + 1


def test_what_is_the_value_itself_depends_on_type_and_field() -> None:
    assert plain_up_to(DataType.INT8, "int_value") == 127
    assert plain_up_to(DataType.UINT16, "long_value") == 65_535
    assert plain_up_to(DataType.BOOLEAN, "int_value") == 1
    assert plain_up_to(DataType.DOUBLE, "float_value") == 2**64 - 1
    assert plain_up_to(DataType.STRING, "string_value") is None
    assert plain_up_to(DataType.INT32, "boolean_value") is None
