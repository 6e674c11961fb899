"""The JSON messages of devices and looms, both ways.

`decode_*` raise `WireError` that names the field; `encode_*` write what a device would. Times are µs UTC on our side
and ISO 8601 on the wire (epoch numbers are read too). JSON has neither NaN nor infinity: a payload with one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import msgspec

from andon.kit.clock import to_iso
from andon.kit.quality import Quality, quality_name
from andon.wire.errors import WireError
from andon.wire.json_checks import (
    DEFAULT_LIMITS,
    MessageLimits,
    bare_word,
    check_text,
    decoded,
    several,
    wire_quality,
    wire_time,
)
from andon.wire.values import Value, as_number

_Time = int | float | str | None


class LoomQuality(IntEnum):
    """`quality_flag` of a loom's measurement."""

    BAD = 0
    UNCERTAIN = 1
    GOOD = 2


_LOOM_QUALITIES: dict[int, Quality] = {0: Quality.BAD, 1: Quality.UNCERTAIN, 2: Quality.GOOD}


class DeviceData(msgspec.Struct):
    """What a device measured: one reading in `value`, or several in `values`; the other one is None.

    `timestamp` µs UTC, None when the device sent none. `unit` belongs to `value`, `units` to `values`.
    """

    device_id: str | None
    timestamp: int | None
    value: Value | None
    values: dict[str, Value] | None
    quality: Quality
    historical: bool
    sensor_type: str | None
    unit: str | None
    units: dict[str, str]
    location: str | None
    status: str | None


class LoomRaw(msgspec.Struct):
    """A loom's measurement: back beam width in mm, temperature in °C, vibration in mm/s; `time` µs UTC."""

    loom_id: str
    time: int | None
    sensor_id: str | None
    bbw_value: float
    temperature: float | None
    vibration: float | None
    quality_flag: int | None
    quality: Quality
    historical: bool
    metadata: dict[str, Any]


class StatusMessage(msgspec.Struct):
    """What a device or a loom says about itself; `timestamp` µs UTC, `buffered` samples not yet sent."""

    device_id: str | None
    timestamp: int | None
    status: str
    firmware: str | None = None
    buffered: int | None = None


class _DeviceDataIn(msgspec.Struct, rename="camel"):
    device_id: str | None = None
    timestamp: _Time = None
    value: Value | None = None
    values: dict[str, Value | None] | None = None
    quality: int | str | None = None
    historical: bool = False
    sensor_type: str | None = None
    unit: str | None = None
    units: dict[str, str] | None = None
    location: str | None = None
    status: str | None = None


class _LoomRawIn(msgspec.Struct):
    loom_id: str
    bbw_value: float
    time: _Time = None
    sensor_id: str | None = None
    temperature: float | None = None
    vibration: float | None = None
    quality_flag: int | None = None
    historical: bool = False
    metadata: dict[str, Any] | None = None


class _DeviceStatusIn(msgspec.Struct, rename="camel"):
    status: str
    device_id: str | None = None
    timestamp: _Time = None
    firmware: str | None = None
    buffered: int | None = None


class _LoomStatusIn(msgspec.Struct):
    status: str
    loom_id: str | None = None
    time: _Time = None
    firmware: str | None = None
    buffered: int | None = None


_device_data = msgspec.json.Decoder(_DeviceDataIn)
_loom_raw = msgspec.json.Decoder(_LoomRawIn)
_device_status = msgspec.json.Decoder(_DeviceStatusIn)
_loom_status = msgspec.json.Decoder(_LoomStatusIn)
_encode = msgspec.json.Encoder().encode


def decode_device_data(payload: bytes, limits: MessageLimits = DEFAULT_LIMITS) -> DeviceData:
    """The message of `factory-plus/devices/{id}/data`: one `value`, or Andon's `values` for several signals.

    A null inside `values` means that there is no reading of that signal, and is left out.
    """
    raw = decoded(_device_data, payload)
    values: dict[str, Value] | None = None
    if raw.values is not None:
        if raw.value is not None:
            raise WireError("invalid_message", "send value or values, not both", "values")
        values = several(raw.values, limits)
    elif raw.value is None:
        raise WireError("missing_field", "value is missing", "value")
    elif isinstance(raw.value, str):
        check_text(raw.value, "value", limits)
    return DeviceData(
        raw.device_id,
        None if raw.timestamp is None else wire_time(raw.timestamp, "timestamp"),
        raw.value,
        values,
        Quality.GOOD if raw.quality is None else wire_quality(raw.quality),
        raw.historical,
        raw.sensor_type,
        raw.unit,
        raw.units or {},
        raw.location,
        raw.status,
    )


def decode_loom_raw(payload: bytes) -> LoomRaw:
    """The message of `kaldor/loom/{id}/bbw/raw`. Quality is that of `quality_flag`, good when there is none."""
    raw = decoded(_loom_raw, payload)
    return LoomRaw(
        raw.loom_id,
        None if raw.time is None else wire_time(raw.time, "time"),
        raw.sensor_id,
        raw.bbw_value,
        raw.temperature,
        raw.vibration,
        raw.quality_flag,
        Quality.GOOD if raw.quality_flag is None else _flag_quality(raw.quality_flag),
        raw.historical,
        raw.metadata or {},
    )


def decode_device_status(payload: bytes) -> StatusMessage:
    """The message of `factory-plus/devices/{id}/status`: an object with `status`, or the bare word (`online`)."""
    if not payload.lstrip().startswith(b"{"):
        return StatusMessage(None, None, bare_word(payload))
    raw = decoded(_device_status, payload)
    at = None if raw.timestamp is None else wire_time(raw.timestamp, "timestamp")
    return StatusMessage(raw.device_id, at, raw.status, raw.firmware, raw.buffered)


def decode_loom_status(payload: bytes) -> StatusMessage:
    """The message of `kaldor/loom/{id}/status`: an object with `status`, or the bare word (`offline`)."""
    if not payload.lstrip().startswith(b"{"):
        return StatusMessage(None, None, bare_word(payload))
    raw = decoded(_loom_status, payload)
    at = None if raw.time is None else wire_time(raw.time, "time")
    return StatusMessage(raw.loom_id, at, raw.status, raw.firmware, raw.buffered)


def encode_device_data(
    device_id: str, timestamp: int, value: Value, *, sensor_type: str, unit: str, location: str, status: str = "active"
) -> bytes:
    """One reading of a device with one signal; `timestamp` µs UTC."""
    return _encode(
        {
            "deviceId": device_id,
            "timestamp": to_iso(timestamp),
            "sensorType": sensor_type,
            "value": _finite(value, "value"),
            "unit": unit,
            "location": location,
            "status": status,
        }
    )


def encode_device_values(
    device_id: str,
    timestamp: int,
    values: Mapping[str, Value],
    *,
    units: Mapping[str, str] | None = None,
    quality: Quality | None = None,
    historical: bool = False,
) -> bytes:
    """Several signals of one device at one moment; `historical` marks data of the past that must not raise alarms."""
    message: dict[str, Any] = {
        "deviceId": device_id,
        "timestamp": to_iso(timestamp),
        "values": {name: _finite(value, name) for name, value in values.items()},
    }
    if units:
        message["units"] = dict(units)
    if quality is not None:
        message["quality"] = quality_name(quality)
    if historical:
        message["historical"] = True
    return _encode(message)


def encode_loom_raw(
    loom_id: str,
    time: int,
    bbw_value: float,
    *,
    sensor_id: str,
    temperature: float | None = None,
    vibration: float | None = None,
    quality_flag: LoomQuality = LoomQuality.GOOD,
    historical: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> bytes:
    """A loom's measurement; `time` µs UTC."""
    message: dict[str, Any] = {
        "time": to_iso(time),
        "loom_id": loom_id,
        "sensor_id": sensor_id,
        "bbw_value": as_number(bbw_value, "bbw_value"),
        "temperature": temperature,
        "vibration": vibration,
        "quality_flag": int(quality_flag),
        "metadata": dict(metadata or {}),
    }
    if historical:
        message["historical"] = True
    return _encode(message)


def encode_device_status(device_id: str, timestamp: int, status: str, *, firmware: str | None = None) -> bytes:
    """A device's status; retained by its sender, and its will with `offline`."""
    message = {"deviceId": device_id, "timestamp": to_iso(timestamp), "status": status}
    return _encode(message if firmware is None else message | {"firmware": firmware})


def encode_loom_status(
    loom_id: str, time: int, status: str, *, firmware: str | None = None, buffered: int | None = None
) -> bytes:
    """A loom's status; retained by its sender, and its will with `offline`."""
    message: dict[str, Any] = {"time": to_iso(time), "loom_id": loom_id, "status": status}
    if firmware is not None:
        message["firmware"] = firmware
    if buffered is not None:
        message["buffered"] = buffered
    return _encode(message)


def _flag_quality(flag: int) -> Quality:
    known = _LOOM_QUALITIES.get(flag)
    if known is None:
        raise WireError(
            "invalid_quality", f"quality_flag {flag} is not 0 (bad), 1 (uncertain) or 2 (good)", "quality_flag"
        )
    return known


def _finite(value: Value, field: str) -> Value:
    return as_number(value, field) if isinstance(value, float) else value
