"""What the endpoints that change devices answer."""

from __future__ import annotations

from typing import Any, Literal

from andon.kit.contract import Answer, example

DeviceSetting = Literal["active", "disabled"]
SignalKind = Literal["number", "boolean", "text"]
SeverityName = Literal["critical", "high", "medium", "low"]

LIMITS_EXAMPLE = {"normalMin": 20, "normalMax": 80, "alertMin": 15, "alertMax": 85}
_TAG: dict[str, Any] = {
    "id": 17,
    "name": "temperature",
    "unit": "celsius",
    "kind": "number",
    "decimals": 1,
    "isPrimary": True,
    "limits": LIMITS_EXAMPLE,
    "deadband": 0.5,
    "onDelaySeconds": 0,
    "offDelaySeconds": 0,
    "severity": "medium",
    "expectedIntervalSeconds": 2,
}


class SignalLimits(Answer):
    """The normal band and the alert limits, in the signal's unit; null is no limit."""

    normal_min: float | None
    normal_max: float | None
    alert_min: float | None
    alert_max: float | None


class ConfiguredTag(Answer):
    """A signal as it is configured."""

    id: int
    name: str
    unit: str
    kind: SignalKind
    decimals: int
    is_primary: bool
    limits: SignalLimits
    deadband: float
    on_delay_seconds: float
    off_delay_seconds: float
    severity: SeverityName
    expected_interval_seconds: float | None


class ConfiguredDevice(Answer):
    """A device as it is configured, without live values. Unit, decimals and limits are the primary tag's."""

    model_config = example(
        {
            "id": "01942f3e-6d49-7420-8e20-c638892c7d34",
            "deviceId": "device-006",
            "name": "Oven 2",
            "type": "temperature",
            "location": "assembly-line-2",
            "protocol": "mqtt",
            "status": "active",
            "unit": "celsius",
            "primaryTag": "temperature",
            "decimals": 1,
            "limits": LIMITS_EXAMPLE,
            "offlineAfterSeconds": 30,
            "equipmentId": "01942f3e-6d4c-76ef-8ade-9d704c57b737",
            "area": "Default site / Area 1",
            "timezone": "UTC",
            "createdAt": "2025-01-11T10:00:00.000Z",
            "tags": [_TAG],
        }
    )

    id: str
    device_id: str
    name: str
    type: str
    location: str
    protocol: str
    status: DeviceSetting
    unit: str
    primary_tag: str | None
    decimals: int | None
    limits: SignalLimits
    offline_after_seconds: float
    equipment_id: str
    area: str
    timezone: str
    created_at: str
    tags: list[ConfiguredTag]


class DeletedDevice(Answer):
    """The device is gone from the plant."""

    model_config = example({"deviceId": "device-006", "deleted": True})

    device_id: str
    deleted: Literal[True]
