"""What clients ask for, checked: every refusal names the field and the cure. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from andon.kit.clock import parse_timestamp
from andon.kit.errors import InvalidError

EVERYTHING = "*"
_DEVICES_CURE = 'send "device-001", {"deviceId": "device-001"}, {"deviceIds": ["device-001", …]}, or "*" for all'


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """Of `subscribe-device`: which devices, since when missed samples are wanted (µs UTC), and frames or not."""

    everything: bool
    device_ids: tuple[str, ...]
    since: int | None = None
    frames: bool = False


def device_request(payload: object, max_devices: int) -> DeviceRequest:
    """The request in a payload of `subscribe-device` or `unsubscribe-device`. InvalidError when it is none."""
    if not isinstance(payload, dict):
        return _named(payload, max_devices, "deviceId")
    one, many = payload.get("deviceId"), payload.get("deviceIds")
    if (one is None) == (many is None):
        raise InvalidError("send deviceId or deviceIds", field="deviceIds", cure=_DEVICES_CURE)
    named = _named(one, max_devices, "deviceId") if many is None else _named(many, max_devices, "deviceIds")
    return replace(named, since=_since(payload.get("since")), frames=payload.get("frames") is True)


def _named(value: object, max_devices: int, field: str) -> DeviceRequest:
    ids = [value] if isinstance(value, str) else value
    if not isinstance(ids, list) or not ids or not all(isinstance(each, str) and each for each in ids):
        raise InvalidError(f"{field} must name devices", field=field, cure=_DEVICES_CURE)
    if len(ids) > max_devices:
        raise InvalidError(
            f"{len(ids)} devices are more than the {max_devices} that one connection may watch",
            field=field,
            cure='watch fewer, or all with "*"',
        )
    named = tuple(dict.fromkeys(each for each in ids if each != EVERYTHING))
    return DeviceRequest(EVERYTHING in ids, named)


def _since(value: object) -> int | None:
    if value is None:
        return None
    try:
        return parse_timestamp(value)
    except ValueError as error:
        cure = "send the timestamp of the last sample that you have, such as 2025-01-11T10:00:00.000Z"
        raise InvalidError(str(error), field="since", cure=cure) from error


def resume_position(payload: object) -> int:
    """The log position in a payload of `resume`. InvalidError when there is none."""
    position = payload.get("position") if isinstance(payload, dict) else payload
    if isinstance(position, bool) or not isinstance(position, int) or position < 0:
        cure = "send {position} of the last sensor-frame, or of connection-status"
        raise InvalidError("position must be a whole number from 0 on", field="position", cure=cure)
    return position


def token_in(payload: Any) -> str | None:
    """The access token in `{"token": …}`, with or without a leading `Bearer`; None when there is none."""
    token = payload.get("token") if isinstance(payload, dict) else None
    if not isinstance(token, str):
        return None
    return token.strip().removeprefix("Bearer ").strip() or None
