"""What the API's own endpoints answer about devices and health, and the body of every error."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from andon.kit.contract import Answer, QualityName, Trend, Value, example
from andon.registry.answers import LIMITS_EXAMPLE, SeverityName, SignalKind, SignalLimits

Level = Literal["normal", "info", "warning", "critical", "unknown"]
ValueStatus = Literal["normal", "warning", "critical", "unknown"]
DeviceStatus = Literal["active", "offline", "unknown", "disabled"]

NOW = "2025-01-11T10:00:00.000Z"
_READING = {"value": 75.2, "timestamp": NOW, "quality": "good"}
_STATS = {"avg": 73.5, "min": 70.1, "max": 77.9, "count": 1800, "trend": "stable"}
_DEVICE: dict[str, Any] = {
    "deviceId": "device-001",
    "id": "01942f3e-6d49-7420-8e20-c638892c7d34",
    "name": "Furnace temperature",
    "type": "temperature",
    "location": "assembly-line-1",
    "status": "active",
    "online": True,
    "unit": "celsius",
    "primaryTag": "temperature",
    "decimals": 1,
    "lastReading": _READING,
    "alertStatus": "normal",
    "activeAlerts": 0,
    "stats": {"avg24h": 73.5, "trend": "stable"},
    "limits": LIMITS_EXAMPLE,
    "staleAfterSeconds": 6,
    "expectedIntervalSeconds": 2,
    "area": "Demo plant / Assembly / Line 1",
    "createdAt": NOW,
}
_TAG: dict[str, Any] = {
    "id": 1,
    "name": "temperature",
    "unit": "celsius",
    "kind": "number",
    "decimals": 1,
    "isPrimary": True,
    "limits": LIMITS_EXAMPLE,
    "deadband": 0.5,
    "severity": "medium",
    "expectedIntervalSeconds": 2,
    "lastReading": _READING,
    "stats1h": _STATS,
    "stats24h": _STATS,
}


class ErrorDetail(Answer):
    """The input at fault, and what to do."""

    field: str | None
    message: str
    cure: str | None


class Error(Answer):
    """The body of every error. `requestId` finds it in the log."""

    success: Literal[False]
    error: str
    status: int
    timestamp: str
    path: str
    request_id: str = Field(alias="request_id")
    details: list[ErrorDetail] = Field([], description="Absent when there are none.")


class Reading(Answer):
    """The newest sample; `stale` when it is older than it should be."""

    value: Value
    timestamp: str
    quality: QualityName


class DayStats(Answer):
    """Average and trend of the last 24 hours."""

    avg24h: float | None
    trend: Trend | None


class Device(Answer):
    """A device and how it is now; value, unit and limits are its primary tag's."""

    device_id: str
    id: str
    name: str
    type: str
    location: str
    status: DeviceStatus
    online: bool
    unit: str | None
    primary_tag: str | None
    decimals: int | None
    last_reading: Reading | None
    alert_status: Level
    active_alerts: int
    stats: DayStats
    limits: SignalLimits
    stale_after_seconds: float
    expected_interval_seconds: float | None
    area: str
    created_at: str


class DeviceList(Answer):
    """Devices, worst first."""

    model_config = example({"devices": [_DEVICE]})

    devices: list[Device]


class DevicesMeta(Answer):
    """Counts of all that match, also beyond `limit`."""

    model_config = example({"totalDevices": 5, "activeDevices": 5, "timestamp": NOW})

    total_devices: int
    active_devices: int
    timestamp: str


class WindowStats(Answer):
    """A window of a signal."""

    avg: float
    min: float
    max: float
    count: int
    trend: Trend | None


class Tag(Answer):
    """A signal of a device; the windows are null while there is nothing in them."""

    id: int
    name: str
    unit: str
    kind: SignalKind
    decimals: int
    is_primary: bool
    limits: SignalLimits
    deadband: float
    severity: SeverityName
    expected_interval_seconds: float | None
    last_reading: Reading | None
    stats1h: WindowStats | None
    stats24h: WindowStats | None


class DeviceDetail(Device):
    """A device with its tags, windows and origin."""

    model_config = example(
        {
            **_DEVICE,
            "stats1h": _STATS,
            "stats24h": _STATS,
            "protocol": "mqtt",
            "timezone": "UTC",
            "offlineAfterSeconds": 30,
            "tags": [_TAG],
        }
    )

    stats1h: WindowStats | None
    stats24h: WindowStats | None
    protocol: str
    timezone: str
    offline_after_seconds: float
    tags: list[Tag]


class TagReading(Reading):
    """The present value of one tag."""

    tag: str
    unit: str
    status: ValueStatus


class CurrentValues(Answer):
    """All present values; the primary tag's at the top as well, null where it is unknown."""

    model_config = example(
        {
            "deviceId": "device-001",
            "unit": "celsius",
            **_READING,
            "status": "normal",
            "readings": [{"tag": "temperature", "unit": "celsius", **_READING, "status": "normal"}],
        }
    )

    device_id: str
    value: Value
    unit: str | None
    timestamp: str | None
    quality: QualityName | None
    status: ValueStatus
    readings: list[TagReading]


class BrokerTopics(Answer):
    """Where devices publish; names in braces are to be filled in."""

    data: str
    status: str
    loom: str
    sparkplug: str


class BrokerCredentials(Answer):
    """How a device connects to the MQTT broker."""

    model_config = example(
        {
            "host": "127.0.0.1",
            "port": 1883,
            "username": "device",
            "password": "generated-at-first-start",
            "topics": {
                "data": "factory-plus/devices/{deviceId}/data",
                "status": "factory-plus/devices/{deviceId}/status",
                "loom": "kaldor/loom/{loomId}/bbw/raw",
                "sparkplug": "spBv1.0/{group}/DDATA/{edgeNode}/{device}",
            },
        }
    )

    host: str
    port: int
    username: str
    password: str
    topics: BrokerTopics
