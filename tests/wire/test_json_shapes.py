"""JSON messages that differ in time and value alone are read from the bytes around these, and mean the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.wire.errors import WireError
from andon.wire.json_messages import decode_device_data
from andon.wire.json_shapes import JsonShape

FIRST = {
    "deviceId": "press-1",
    "timestamp": "2026-03-01T10:00:00.000Z",
    "sensorType": "force",
    "value": 12.5,
    "unit": "kN",
}


def learned(payload: bytes) -> JsonShape | None:
    message = decode_device_data(payload)
    return JsonShape.learn(payload, message.timestamp, message.value)


@st.composite
def texts(draw: st.DrawFn) -> bytes:
    """A message of that device, or one that is a little or altogether different."""
    message: dict[str, Any] = dict(FIRST)
    message["timestamp"] = draw(
        st.one_of(
            st.datetimes().map(lambda at: at.isoformat(timespec="milliseconds") + "Z"),
            st.sampled_from(["2026-02-30T10:00:00.000Z", "2026-03-01T10:00:00Z", "2026-03-01 10:00:00.000Z", 1, ""]),
        )
    )
    message["value"] = draw(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.sampled_from([True, None, "1"]))
    )
    if draw(st.integers(0, 3)) == 0:
        message[draw(st.sampled_from(["unit", "quality", "historical", "value ", "note"]))] = draw(
            st.sampled_from(["kN", '"value":1', "good", True, 3, 'a"}'])
        )
    separators = draw(st.sampled_from([(",", ":"), (",", ":"), (", ", ": ")]))
    return json.dumps(message, separators=separators).encode()


@given(texts(), st.data())
@settings(max_examples=500)
def test_what_a_shape_reads_is_what_the_whole_message_says(payload: bytes, data: st.DataObject) -> None:
    shape = learned(json.dumps(FIRST, separators=(",", ":")).encode())
    assert shape is not None
    damaged = bytearray(payload)
    for at in data.draw(st.lists(st.integers(0, len(payload) - 1), max_size=2)):
        damaged[at] = data.draw(st.one_of(st.sampled_from(b'0123456789"\\,:{}.-+eE _'), st.integers(0, 255)))
    found = shape.read(bytes(damaged))
    if found is not None:
        message = decode_device_data(bytes(damaged))
        assert found == (message.timestamp, message.value)
        assert (message.device_id, message.sensor_type, message.unit) == ("press-1", "force", "kN")


@given(texts())
def test_what_is_learned_of_any_message_holds_for_it(payload: bytes) -> None:
    try:
        shape = learned(payload)
    except WireError:
        return
    if shape is not None:
        message = decode_device_data(payload)
        assert shape.read(payload) == (message.timestamp, message.value)


@pytest.mark.parametrize("value", ["0", "-0.5", "21.25", "1e3", "2.5E-7", "123456789012345"])
def test_the_next_message_of_a_device_is_read(value: str) -> None:
    shape = learned(json.dumps(FIRST).encode())
    assert shape is not None
    text = json.dumps(FIRST).replace("12.5", value).replace("10:00:00.000", "23:59:59.999")
    message = decode_device_data(text.encode())
    assert shape.read(text.encode()) == (message.timestamp, message.value)


@pytest.mark.parametrize(
    "value", ["01", "1.", ".5", "+1", "1_0", "NaN", "1e400", "12345678901234567890", "", "-", "1 2"]
)
def test_what_is_no_plain_number_is_left_to_who_reads_it_all(value: str) -> None:
    shape = learned(json.dumps(FIRST).encode())
    assert shape is not None
    assert shape.read(json.dumps(FIRST).replace("12.5", value).encode()) is None


@pytest.mark.parametrize(
    "payload",
    [
        b'{"value": 3}',
        b'{"timestamp": 1767225600, "value": 3}',
        b'{"value": 3, "timestamp": "2026-03-01T10:00:00.000Z"}',
        b'{"timestamp": "2026-03-01T10:00:00.000Z", "value": 3, "value": 4}',
        b'{"timestamp": "2026-03-01T10:00:00.000Z", "note": "\\"", "value": 3}',
        b'{"note": {"timestamp": "2026-03-01T10:00:00.000Z"}, "value": 3}',
        b'{"timestamp": "2026-03-01T10:00:00.000Z", "values": {"value": 3}}',
    ],
)
def test_of_what_is_not_certain_nothing_is_learned(payload: bytes) -> None:
    assert learned(payload) is None
