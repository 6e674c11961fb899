"""Data messages that look like an earlier one are read without protobuf, and mean the same."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.wire.sparkplug import shapes as shapes_module
from andon.wire.sparkplug import sparkplug_b_pb2 as pb
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.payload import OpenData, open_data
from andon.wire.sparkplug.shapes import Shapes

TIMES = st.one_of(st.integers(1_600_000_000_000, 1_900_000_000_000), st.integers(0, 2**64 - 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int_value": st.one_of(st.integers(0, 100), st.integers(0, 2**32 - 1)),
    "long_value": st.one_of(st.integers(0, 100), st.integers(0, 2**64 - 1)),
    "float_value": st.floats(width=32),
    "double_value": st.floats(),
    "boolean_value": st.booleans(),
    "string_value": st.text(max_size=3),
}
FIELDS = st.lists(
    st.tuples(st.sampled_from(sorted(VALUES)), st.booleans(), st.booleans(), st.sampled_from([False, False, True])),
    max_size=8,
)
"""Of each metric: the field of its value; whether it has a name and no alias, a time, is null."""


@st.composite
def messages(draw: st.DrawFn) -> list[pb.Payload]:
    """Some with the same metrics; times, values and now and then more differ."""
    fields = draw(FIELDS)
    return [_message(draw, fields, seq) for seq in draw(st.lists(st.integers(0, 255), min_size=2, max_size=6))]


def _message(draw: st.DrawFn, fields: list[tuple[str, bool, bool, bool]], seq: int) -> pb.Payload:
    payload = pb.Payload(timestamp=draw(TIMES), seq=seq)
    for number, (field, named, timed, null) in enumerate(fields):
        metric = payload.metrics.add()
        if named:
            metric.name = f"m{number}"
        else:
            metric.alias = number * 50
        if timed:
            metric.timestamp = draw(TIMES)
        if null:
            metric.is_null = True
        else:
            setattr(metric, field, draw(VALUES[field]))
        if draw(st.integers(0, 40)) == 0:
            metric.is_historical = True
    return payload


def same(one: OpenData, other: OpenData) -> bool:
    """NaN is NaN here; True is not 1."""
    return repr((*one[:3], one.rows())) == repr((*other[:3], other.rows()))


@given(messages())
@settings(max_examples=300)
def test_every_message_means_what_protobuf_reads(payloads: list[pb.Payload]) -> None:
    shapes = Shapes()
    for payload in payloads:
        data = payload.SerializeToString()
        assert same(shapes.open(data), open_data(data))


def presses(turn: int) -> bytes:
    payload = pb.Payload(timestamp=1_700_000_000_000 + turn, seq=turn % 256)
    for alias in range(30):
        metric = payload.metrics.add(alias=alias, timestamp=1_700_000_000_000 + turn)
        match alias % 4:
            case 0:
                metric.double_value = turn / 7 + alias
            case 1:
                metric.float_value = turn / 3
            case 2:
                metric.boolean_value = turn % 2 == 0
            case _:
                metric.int_value = 2_000 + turn
    return payload.SerializeToString()


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_message_means_what_protobuf_reads_or_is_refused(data: st.DataObject) -> None:
    shapes = Shapes()
    shapes.open(presses(1))
    damaged = bytearray(presses(2))
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=3)):
        damaged[at] = data.draw(st.integers(0, 255))
    message = bytes(damaged[: data.draw(st.sampled_from([len(damaged), len(damaged), len(damaged) - 1, 3, 0]))])
    try:
        expected = open_data(message)
    except PayloadError:
        with pytest.raises(PayloadError):
            shapes.open(message)
    else:
        assert same(shapes.open(message), expected)


def test_what_repeats_itself_is_read_without_protobuf(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = Shapes()
    shapes.open(presses(1))
    monkeypatch.setattr(shapes_module, "open_data", None)
    for turn in range(2, 300):
        opened = shapes.open(presses(turn))
        assert same(opened, open_data(presses(turn))), "with sequence numbers of one byte and of two"
        assert len(opened.rows()) == 30


def test_a_source_that_never_repeats_itself_is_looked_at_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def learn(block: bytes, _rows: object) -> None:
        looked.append(len(block))

    monkeypatch.setattr(shapes_module.Shape, "learn", staticmethod(learn))
    shapes = Shapes()
    for number in range(1, 1_000):
        payload = pb.Payload(seq=number % 256)
        for alias in range(2 + number):
            payload.metrics.add(alias=alias, double_value=number)
        shapes.open(payload.SerializeToString())
    assert len(looked) == 10


def test_numbers_that_are_none_keep_their_bits() -> None:
    quiet = struct.unpack("<d", bytes.fromhex("0100000000f8ff7f"))[0]
    shapes = Shapes()
    opened = [
        shapes.open(
            pb.Payload(seq=1, metrics=[{"alias": n, "double_value": value} for n in (1, 2)]).SerializeToString()
        )
        for value in (1.0, quiet, math.inf)
    ]
    assert [math.isnan(each.rows()[0][3]) for each in opened] == [False, True, False]
