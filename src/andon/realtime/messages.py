"""Bodies of what clients are told, as JSON bytes. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from andon.kit.clock import US_PER_MS, to_iso
from andon.kit.errors import AndonError
from andon.kit.limits import value_status
from andon.kit.quality import quality_name
from andon.realtime.frames import Reading
from andon.realtime.subscriptions import tag_topic
from andon.registry.directory import DeviceInfo, TagInfo

Stats = tuple[float | None, str | None]
"""Average and trend of the last hour; None where nothing is known."""

encode = msgspec.json.Encoder().encode


def value_of(tag: TagInfo, reading: Reading) -> float | bool | str | None:
    """The value as JSON shows it: null when there is none, never 0."""
    if reading.text is not None:
        return reading.text
    if not math.isfinite(reading.value):
        return None
    return bool(reading.value) if tag.kind == "boolean" else reading.value


def frame_row(prefix: bytes, tag: TagInfo, reading: Reading) -> bytes:
    """`[deviceId, tag, timestampMs, value, quality, status]`; `prefix` is what `row_prefix` gave for the tag."""
    status = value_status(reading.value, reading.quality, tag.limits)
    value = encode(value_of(tag, reading))
    tail = f',"{quality_name(reading.quality)}","{status}"]'
    return b"%b%d,%b%b" % (prefix, reading.at // US_PER_MS, value, tail.encode())


def row_prefix(tag: TagInfo) -> bytes:
    """The part of a tag's rows that is always the same."""
    return encode([tag.device_id, tag.name])[:-1] + b","


def frame(position: int, rows: Iterable[bytes]) -> bytes:
    """`{"position", "samples": [row …]}`: the log position up to which the samples go, and the rows."""
    return b'{"position":%d,"samples":[%b]}' % (position, b",".join(rows))


def sensor_data(device: DeviceInfo, readings: Mapping[str, Reading], stats: Stats) -> bytes:
    """S1's `sensor-data`; `data.values` by tag is added where a device has several tags."""
    tag = device.primary
    reading = readings.get(tag.name) if tag else None
    data: dict[str, Any] = {
        "value": value_of(tag, reading) if tag and reading else None,
        "unit": tag.unit if tag else None,
        "status": value_status(reading.value, reading.quality, tag.limits) if tag and reading else "unknown",
    }
    if len(device.tags) > 1:
        data["values"] = values_by_tag(device, readings)
    body = {
        "deviceId": device.device_id,
        "timestamp": to_iso(moment(reading, readings)),
        "data": data,
        "stats": {"avg": stats[0], "trend": stats[1]},
    }
    return encode(body)


def measurement(device: DeviceInfo, readings: Mapping[str, Reading]) -> bytes:
    """S2's `measurement:update`: a row of `bbw_measurements`, one field for each tag that has a value."""
    tag = device.primary
    at = moment(readings.get(tag.name) if tag else None, readings)
    return encode({"time": to_iso(at), "loom_id": device.device_id, **values_by_tag(device, readings)})


def values_by_tag(device: DeviceInfo, readings: Mapping[str, Reading]) -> dict[str, float | bool | str | None]:
    """The values of the tags that have one, by name, the primary one first."""
    return {tag.name: value_of(tag, readings[tag.name]) for tag in device.tags if tag.name in readings}


def moment(primary: Reading | None, readings: Mapping[str, Reading]) -> int:
    """When a device's values were taken: the primary tag's time, else the newest."""
    return primary.at if primary else max((each.at for each in readings.values()), default=0)


def topic_message(tag: TagInfo, reading: Reading) -> bytes:
    """What `/ws` says of one sample."""
    body = {
        "topic": tag_topic(tag),
        "deviceId": tag.device_id,
        "tag": tag.name,
        "timestamp": to_iso(reading.at),
        "value": value_of(tag, reading),
        "unit": tag.unit,
        "quality": quality_name(reading.quality),
    }
    return encode(body)


def device_status(device: DeviceInfo, status: str, at: int, last_seen: int | None) -> bytes:
    """S1's `device-status`: the words of `GET /devices`, and when the device was last heard."""
    body = {
        "deviceId": device.device_id,
        "status": status,
        "online": status == "active",
        "timestamp": to_iso(at),
        "lastSeen": None if last_seen is None else to_iso(last_seen),
    }
    return encode(body)


def status_change(device: DeviceInfo, status: str, at: int) -> bytes:
    """S2's `status:change`."""
    return encode({"time": to_iso(at), "loom_id": device.device_id, "status": status, "online": status == "active"})


def error_body(error: AndonError) -> dict[str, str | None]:
    """`error`: what is wrong, with which field, and what to do."""
    code = type(error).__name__.removesuffix("Error").lower()
    return notice(code, error.message, error.cure, error.field)


def notice(code: str, message: str, cure: str | None, field: str | None = None) -> dict[str, str | None]:
    """The body of `error`."""
    return {"code": code, "message": message, "field": field, "cure": cure}


_ALARM_FIELDS = ("deviceId", "type", "severity", "message", "value", "threshold")


def alarm_triggered(alert: Mapping[str, Any], at: int) -> bytes:
    """S1's `alert-triggered`, field by field; `alert` is what the REST API shows."""
    return encode(_alarm(alert, at))


def alarm_changed(alert: Mapping[str, Any], at: int) -> bytes:
    """`alert-resolved`, `alert-acknowledged`, `alert-escalated`: the same and where the alarm stands now."""
    more = {name: alert.get(name) for name in ("status", "state", "acknowledgedBy", "resolvedBy")}
    return encode({**_alarm(alert, at), **more})


def _alarm(alert: Mapping[str, Any], at: int) -> dict[str, Any]:
    return {"alertId": alert["id"], **{name: alert.get(name) for name in _ALARM_FIELDS}, "timestamp": to_iso(at)}
