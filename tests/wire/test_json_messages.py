"""JSON messages: the seeds' shapes are read and written, and what is wrong is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.kit.clock import to_iso
from andon.kit.quality import Quality
from andon.wire import json_messages as messages
from andon.wire.errors import WireError
from andon.wire.json_checks import MessageLimits

TEN = 1_736_589_600_000_000  # 2025-01-11T10:00:00Z
TIMES = st.integers(min_value=0, max_value=253_402_300_799_000_000)
NAMES = st.text(min_size=1, max_size=30)
VALUES = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=50)
)
SENSOR = {
    "deviceId": "device-001",
    "timestamp": "2025-01-11T10:00:00.000Z",
    "sensorType": "temperature",
    "value": 75.2,
    "unit": "celsius",
    "location": "assembly-line-1",
    "status": "active",
}
LOOM = {
    "time": "2025-01-11T10:00:00.000Z",
    "loom_id": "loom-001",
    "sensor_id": "bbw-1",
    "bbw_value": 1600.25,
    "temperature": 24.5,
    "vibration": 1.2,
    "quality_flag": 2,
    "metadata": {"firmware": "1.4.0"},
}


def refused(decode: object, message: object) -> WireError:
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    with pytest.raises(WireError) as caught:
        decode(payload)  # type: ignore[operator]
    return caught.value


def test_a_device_sends_one_reading() -> None:
    data = messages.decode_device_data(json.dumps(SENSOR).encode())
    assert (data.device_id, data.timestamp, data.value, data.values) == ("device-001", TEN, 75.2, None)
    assert (data.sensor_type, data.unit, data.location, data.status) == (
        "temperature",
        "celsius",
        "assembly-line-1",
        "active",
    )
    assert (data.quality, data.historical) == (Quality.GOOD, False)


def test_the_simulator_writes_the_same_message() -> None:
    written = messages.encode_device_data(
        "device-001", TEN, 75.2, sensor_type="temperature", unit="celsius", location="assembly-line-1"
    )
    assert json.loads(written) == SENSOR
    assert list(json.loads(written)) == list(SENSOR)


def test_a_device_sends_several_signals_in_one_message() -> None:
    payload = messages.encode_device_values(
        "press-2",
        TEN,
        {"speed": 12.5, "running": True, "recipe": "A-17", "count": 4},
        units={"speed": "rpm"},
        quality=Quality.UNCERTAIN,
        historical=True,
    )
    data = messages.decode_device_data(payload)
    assert data.values == {"speed": 12.5, "running": True, "recipe": "A-17", "count": 4}
    assert data.units == {"speed": "rpm"}
    assert (data.value, data.quality, data.historical) == (None, Quality.UNCERTAIN, True)


def test_a_null_among_several_signals_is_no_reading() -> None:
    assert messages.decode_device_data(b'{"values": {"a": 1, "b": null}}').values == {"a": 1}


def test_a_message_may_leave_out_all_but_its_value() -> None:
    data = messages.decode_device_data(b'{"value": 3}')
    assert (data.timestamp, data.device_id, data.unit, data.units) == (None, None, None, {})


def test_fields_that_nobody_knows_are_no_reason_to_refuse() -> None:
    assert messages.decode_device_data(b'{"value": 3, "shoeSize": 44}').value == 3


@pytest.mark.parametrize(
    ("message", "reason", "field"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        (b"75.2", "wrong_type", None),
        (b'{"value": NaN}', "not_a_number", "value"),
        (b'{"value": -Infinity}', "not_a_number", "value"),
        (b'{"values": {"speed": NaN}}', "not_a_number", "speed"),
        (b'{"value": 1e999}', "not_a_number", "value"),
        ({"value": [1]}, "wrong_type", "value"),
        ({"value": {"a": 1}}, "wrong_type", "value"),
        ({"value": None}, "missing_field", "value"),
        ({"deviceId": "device-001"}, "missing_field", "value"),
        ({"values": {}}, "missing_field", "values"),
        ({"values": {"": 1}}, "invalid_name", "values"),
        ({"values": {"n" * 201: 1}}, "invalid_name", "values"),
        ({"value": 1, "values": {"a": 1}}, "invalid_message", "values"),
        ({"value": 1, "timestamp": "noon"}, "invalid_timestamp", "timestamp"),
        ({"value": 1, "timestamp": -5}, "invalid_timestamp", "timestamp"),
        ({"value": 1, "timestamp": {}}, "wrong_type", "timestamp"),
        ({"value": 1, "quality": "splendid"}, "invalid_quality", "quality"),
        ({"value": 1, "deviceId": 7}, "wrong_type", "deviceId"),
        ({"value": "x" * 4097}, "text_too_long", "value"),
        ({"values": {"note": "x" * 4097}}, "text_too_long", "values.note"),
        (b"[" * 100_000, "wrong_type", None),
        (b'{"x":' * 100_000, "invalid_json", None),
    ],
)
def test_what_is_wrong_with_a_device_message_is_named(message: object, reason: str, field: str | None) -> None:
    error = refused(messages.decode_device_data, message)
    assert (error.reason, error.field) == (reason, field)
    if field is not None:
        assert field in str(error)


def test_a_message_may_carry_only_so_many_values() -> None:
    payload = messages.encode_device_values("d", TEN, {f"s{i}": i for i in range(11)})
    assert len(messages.decode_device_data(payload, MessageLimits(max_values=11)).values or {}) == 11
    with pytest.raises(WireError, match="max_values"):
        messages.decode_device_data(payload, MessageLimits(max_values=10))


def test_a_loom_sends_its_measurement() -> None:
    raw = messages.decode_loom_raw(json.dumps(LOOM).encode())
    assert (raw.loom_id, raw.time, raw.sensor_id) == ("loom-001", TEN, "bbw-1")
    assert (raw.bbw_value, raw.temperature, raw.vibration) == (1600.25, 24.5, 1.2)
    assert (raw.quality_flag, raw.quality, raw.metadata) == (2, Quality.GOOD, {"firmware": "1.4.0"})


def test_the_simulated_loom_writes_the_same_message() -> None:
    written = messages.encode_loom_raw(
        "loom-001",
        TEN,
        1600.25,
        sensor_id="bbw-1",
        temperature=24.5,
        vibration=1.2,
        metadata={"firmware": "1.4.0"},
    )
    assert json.loads(written) == LOOM


@pytest.mark.parametrize(
    ("flag", "quality"),
    [(0, Quality.BAD), (1, Quality.UNCERTAIN), (2, Quality.GOOD), (None, Quality.GOOD)],
)
def test_the_quality_flag_of_a_loom_is_a_quality(flag: int | None, quality: Quality) -> None:
    raw = messages.decode_loom_raw(json.dumps(LOOM | {"quality_flag": flag}).encode())
    assert raw.quality is quality


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"bbw_value": "wide"}, "not_a_number", "bbw_value"),
        ({"bbw_value": None}, "not_a_number", "bbw_value"),
        ({"bbw_value": True}, "not_a_number", "bbw_value"),
        ({"temperature": "warm"}, "not_a_number", "temperature"),
        ({"quality_flag": 3}, "invalid_quality", "quality_flag"),
        ({"quality_flag": 1.5}, "wrong_type", "quality_flag"),
        ({"time": "noon"}, "invalid_timestamp", "time"),
        ({"loom_id": None}, "wrong_type", "loom_id"),
        ({"metadata": []}, "wrong_type", "metadata"),
    ],
)
def test_what_is_wrong_with_a_loom_message_is_named(change: dict[str, object], reason: str, field: str) -> None:
    error = refused(messages.decode_loom_raw, LOOM | change)
    assert (error.reason, error.field) == (reason, field)


def test_a_loom_message_without_its_width_is_refused() -> None:
    error = refused(messages.decode_loom_raw, {"loom_id": "loom-001"})
    assert (error.reason, error.field) == ("missing_field", "bbw_value")


def test_a_status_is_an_object_or_a_word() -> None:
    loom = messages.encode_loom_status("loom-001", TEN, "online", firmware="1.4.0", buffered=12)
    assert json.loads(loom)["time"] == "2025-01-11T10:00:00.000Z"
    assert messages.decode_loom_status(loom) == messages.StatusMessage("loom-001", TEN, "online", "1.4.0", 12)
    device = messages.encode_device_status("device-001", TEN, "offline", firmware="2")
    assert messages.decode_device_status(device) == messages.StatusMessage("device-001", TEN, "offline", "2")
    assert messages.decode_loom_status(b"offline") == messages.StatusMessage(None, None, "offline")
    assert messages.decode_device_status(b' "online"\n') == messages.StatusMessage(None, None, "online")


@pytest.mark.parametrize("payload", [b"", b"  ", b"\xff", b"x" * 41, b"two\nlines", b'{"time": 1}', b'{"status": 1}'])
def test_what_is_no_status_is_refused(payload: bytes) -> None:
    assert refused(messages.decode_device_status, payload).field == "status"
    assert refused(messages.decode_loom_status, payload).field == "status"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_json_cannot_hold_is_not_sent(value: float) -> None:
    with pytest.raises(WireError, match="finite"):
        messages.encode_device_values("d", TEN, {"speed": value})
    with pytest.raises(WireError, match="finite"):
        messages.encode_loom_raw("loom-001", TEN, value, sensor_id="bbw-1")


@given(NAMES, TIMES, st.dictionaries(NAMES, VALUES, min_size=1, max_size=8), st.booleans())
def test_several_values_come_back_as_they_were_sent(
    device: str, at: int, values: dict[str, bool | int | float | str], historical: bool
) -> None:
    payload = messages.encode_device_values(device, at, values, historical=historical)
    data = messages.decode_device_data(payload)
    assert (data.device_id, data.timestamp, data.values, data.historical) == (device, at, values, historical)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(payload: bytes) -> None:
    for decode in (
        messages.decode_device_data,
        messages.decode_loom_raw,
        messages.decode_device_status,
        messages.decode_loom_status,
    ):
        try:
            decode(payload)
        except WireError as error:
            assert error.reason


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@given(st.sampled_from(sorted({*SENSOR, "values", "units", "quality", "historical"})), JSON)
def test_a_device_message_with_anything_in_one_field_is_read_or_refused(field: str, content: object) -> None:
    try:
        data = messages.decode_device_data(json.dumps(SENSOR | {field: content}).encode())
    except WireError as error:
        assert error.reason
    else:
        assert data.timestamp is None or to_iso(data.timestamp)


@given(st.sampled_from(sorted({*LOOM, "historical"})), JSON)
def test_a_loom_message_with_anything_in_one_field_is_read_or_refused(field: str, content: object) -> None:
    try:
        messages.decode_loom_raw(json.dumps(LOOM | {field: content}).encode())
    except WireError as error:
        assert error.reason
