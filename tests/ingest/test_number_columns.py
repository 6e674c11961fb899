"""Columns of numbers become the samples that looking at each reading gives, whatever comes between them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.ingest.batch import BatchBuilder
from andon.ingest.settings import IngestSettings
from andon.ingest.sparkplug.bindings import Binding, write_readings, write_stale
from andon.ingest.sparkplug.columns import NumberColumns
from andon.ingest.timing import TimePolicy
from andon.kit.limits import Limits
from andon.registry.directory import TagInfo
from andon.wire.sparkplug import sparkplug_b_pb2 as pb
from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.definitions import Definitions, MetricDefinition, resolve
from andon.wire.sparkplug.model import Metric
from andon.wire.sparkplug.numbers import read_numbers
from andon.wire.sparkplug.payload import open_data
from andon.wire.sparkplug.shapes import Shapes

NOW_MS = 1_736_589_600_000
POLICY = TimePolicy(IngestSettings())
METRICS = (DataType.DOUBLE, DataType.INT32, DataType.BOOLEAN, DataType.STRING, DataType.DOUBLE)
FACTORS = (None, (1.8, 32.0), None, None, None)


class Device:
    """Its metrics with tags, but for the last; what was written of them."""

    def __init__(self) -> None:
        self.out = BatchBuilder(1_000_000, 1_000_000)
        self.definitions = [
            MetricDefinition(Metric(f"m{alias}", alias, datatype=kind)) for alias, kind in enumerate(METRICS)
        ]
        for number, definition in enumerate(self.definitions[:-1]):
            definition.binding = Binding(_tag(number, definition.kind), FACTORS[number], None)
        self.by_alias: Definitions = dict(enumerate(self.definitions))

    def samples(self) -> str:
        return repr([row for batch in self.out.take() for row in batch.rows()])


def _tag(number: int, kind: str) -> TagInfo:
    name, place = f"m{number}", ("organisation", "uuid", "press")
    return TagInfo(100 + number, *place, name, "", kind, 2, False, Limits(), 0, 0, 0, "high", None)


class Looked(Device):
    """Looks at each reading."""

    def take(self, payload: bytes) -> list[Any]:
        opened = open_data(payload)
        readings, rejected, _ = resolve(opened.rows(), opened.timestamp_ms, self.by_alias)
        return [*rejected, *write_readings(readings, NOW_MS * 1000, POLICY, self.out)]

    def die(self) -> None:
        write_stale(self.definitions, NOW_MS * 1000, self.out)


class InColumns(Device):
    """As the host does it."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes, self.columns, self.in_columns = Shapes(), NumberColumns(), 0

    def take(self, payload: bytes) -> list[Any]:
        opened = self.shapes.open(payload)
        if opened.repeated is not None:
            numbers = read_numbers(opened.repeated, opened.timestamp_ms, self.by_alias)
            if numbers is not None and self.columns.write(numbers, NOW_MS * 1000, POLICY, self.out):
                self.in_columns += 1
                return []
        readings, rejected, _ = resolve(opened.rows(), opened.timestamp_ms, self.by_alias)
        self.columns.settle()
        return [*rejected, *write_readings(readings, NOW_MS * 1000, POLICY, self.out)]

    def die(self) -> None:
        self.columns.settle()
        write_stale(self.definitions, NOW_MS * 1000, self.out)


VALUES: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.DOUBLE: st.one_of(st.floats(-9, 9), st.sampled_from([math.nan, math.inf])),
    DataType.INT32: st.one_of(st.integers(0, 120), st.just(2**32 - 1)),
    DataType.BOOLEAN: st.booleans(),
    DataType.STRING: st.text(max_size=2),
}
FIELD = {
    DataType.DOUBLE: "double_value",
    DataType.INT32: "int_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
}
AT = st.sampled_from([NOW_MS, NOW_MS, NOW_MS, NOW_MS + 3_600_000, NOW_MS - 10**11, 0])
ASPECTS = st.sampled_from([(0, 1), (0, 1, 2), (0, 4, 2), (1, 2, 3), (0, 1, 2)])


@st.composite
def messages(draw: st.DrawFn) -> bytes | None:
    """Of some of the metrics, now and then a null; or None, the death of the device."""
    if draw(st.integers(0, 12)) == 0:
        return None
    payload = pb.Payload(timestamp=draw(AT), seq=1)
    timed = draw(st.booleans())
    for alias in draw(ASPECTS):
        metric = payload.metrics.add(alias=alias)
        if draw(st.integers(0, 12)) == 0:
            metric.is_null = True
        else:
            setattr(metric, FIELD[METRICS[alias]], draw(VALUES[METRICS[alias]]))
        if timed:
            metric.timestamp = draw(AT)
    return payload.SerializeToString()


@given(st.lists(messages(), min_size=4, max_size=30))
@settings(max_examples=200)
def test_both_ways_write_the_same(told: list[bytes | None]) -> None:
    looked, in_columns = Looked(), InColumns()
    for message in told:
        if message is None:
            looked.die()
            in_columns.die()
        else:
            assert in_columns.take(message) == looked.take(message)
    assert in_columns.samples() == looked.samples()


@pytest.mark.parametrize("timed", [False, True])
def test_numbers_that_repeat_are_not_looked_at(timed: bool) -> None:
    device = InColumns()
    for turn in range(5):
        payload = pb.Payload(timestamp=NOW_MS, seq=1)
        for alias in (0, 1, 4):
            metric = payload.metrics.add(alias=alias, timestamp=NOW_MS - alias if timed else None)
            setattr(metric, FIELD[METRICS[alias]], turn)
        assert device.take(payload.SerializeToString()) == []
    assert device.in_columns == 4
    first, *_ = device.out.take()
    assert first.tag_ids.tolist() == [100, 101] * 5
    assert first.values.tolist() == [each for turn in range(5) for each in (turn, 1.8 * turn + 32)]
