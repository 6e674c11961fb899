"""How a device looks from outside: the registry's record, the live value and the open alarms in one body."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from andon.alarms.records import LEVELS as LEVEL_OF_SEVERITY
from andon.kit.clock import US_PER_S, now_us, to_iso
from andon.kit.limits import Limits, value_status
from andon.kit.quality import Quality, quality_name

if TYPE_CHECKING:
    from andon.engines.livestate.port import Current, LiveState, WindowStats
    from andon.registry.directory import DeviceInfo, TagInfo

LEVELS = ("normal", "info", "warning", "critical")
NO_TAG = 0  # tag ids start at 1
MAX_FIXED = 100_000
"""Devices whose fixed part is kept ready at most."""

Levels = Mapping[str, tuple[str, int]]
"""By device id: the worst level among its open alarms, and how many are open."""

STALE_INTERVALS = 3
"""A value is stale when this many of its expected intervals have passed without a new one."""


def stale_after_s(device: DeviceInfo, tag: TagInfo | None) -> float:
    """Seconds after which a value is shown as stale: three expected intervals, or the device's offline limit."""
    if tag is None or tag.expected_interval_s is None:
        return device.offline_after_s
    return max(STALE_INTERVALS * tag.expected_interval_s, 2.0)


def limits_body(limits: Limits) -> dict[str, float | None]:
    """Limits with the seeds' names."""
    return {
        "normalMin": limits.normal_min,
        "normalMax": limits.normal_max,
        "alertMin": limits.alert_min,
        "alertMax": limits.alert_max,
    }


def stats_body(stats: WindowStats | None) -> dict[str, Any] | None:
    """S1's statistics of a window; null when there is nothing in it, never 0."""
    if stats is None:
        return None
    return {"avg": stats.avg, "min": stats.min, "max": stats.max, "count": stats.count, "trend": stats.trend}


def registered_body(device: DeviceInfo) -> dict[str, Any]:
    """What the registry says of a device, as the list shows it."""
    tag = device.primary
    return {
        "deviceId": device.device_id,
        "id": device.uuid,
        "name": device.name,
        "type": device.type,
        "location": device.location,
        "unit": tag.unit if tag else None,
        "primaryTag": tag.name if tag else None,
        "decimals": tag.decimals if tag else None,
        "limits": limits_body(tag.limits if tag else Limits()),
        "staleAfterSeconds": stale_after_s(device, tag),
        "expectedIntervalSeconds": tag.expected_interval_s if tag else None,
        "area": " / ".join(device.equipment_path),
        "createdAt": to_iso(device.created_at),
    }


class DeviceViews:
    """Builds the bodies of one organisation's devices from what is in memory: no look-up in a database."""

    def __init__(self, livestate: LiveState) -> None:
        self._live = livestate
        self._fixed: dict[str, tuple[DeviceInfo, dict[str, Any]]] = {}

    def items(self, devices: Sequence[DeviceInfo], now: int, levels: Levels) -> list[dict[str, Any]]:
        """The devices as `GET /devices` lists them; their statistics are computed in one go."""
        primaries = [device.primary for device in devices]
        ids = np.array([tag.id if tag else NO_TAG for tag in primaries], np.int32)
        rows = zip(devices, self._live.current_many(ids), self._live.stats_many(ids, "24h", now), strict=True)
        return [self._item(device, current, day, now, levels) for device, current, day in rows]

    def _item(
        self, device: DeviceInfo, current: Current | None, day: WindowStats | None, now: int, levels: Levels
    ) -> dict[str, Any]:
        status = self._status(device, current, now)
        level, open_alarms = levels.get(device.device_id) or (_limit_level(device.primary, current), 0)
        return {
            **self._registered(device),
            "status": status,
            "online": status == "active",
            "lastReading": self.reading(device, device.primary, current, now),
            "alertStatus": level,
            "activeAlerts": open_alarms,
            "stats": {"avg24h": day.avg if day else None, "trend": day.trend if day else None},
        }

    def _registered(self, device: DeviceInfo) -> dict[str, Any]:
        """The part of an item that changes with the registry alone: made once for each state of a device."""
        known = self._fixed.get(device.uuid)
        if known is None or known[0] is not device:
            if len(self._fixed) >= MAX_FIXED:
                self._fixed.clear()
            known = self._fixed[device.uuid] = (device, registered_body(device))
        return known[1]

    def detail(self, device: DeviceInfo, now: int, levels: Levels) -> dict[str, Any]:
        """One device with its tags, for its own page."""
        tag = device.primary
        day = self._live.stats(tag.id, "24h", now) if tag else None
        current = self._live.current(tag.id) if tag else None
        body = self._item(device, current, day, now, levels)
        body["stats1h"] = stats_body(self._live.stats(tag.id, "1h", now)) if tag else None
        body["stats24h"] = stats_body(day)
        body["protocol"] = device.protocol
        body["timezone"] = device.timezone
        body["offlineAfterSeconds"] = device.offline_after_s
        body["tags"] = [self._tag(device, each, now) for each in device.tags]
        return body

    def _tag(self, device: DeviceInfo, tag: TagInfo, now: int) -> dict[str, Any]:
        return {
            "id": tag.id,
            "name": tag.name,
            "unit": tag.unit,
            "kind": tag.kind,
            "decimals": tag.decimals,
            "isPrimary": tag.is_primary,
            "limits": limits_body(tag.limits),
            "deadband": tag.deadband,
            "severity": tag.severity,
            "expectedIntervalSeconds": tag.expected_interval_s,
            "lastReading": self.reading(device, tag, self._live.current(tag.id), now),
            "stats1h": stats_body(self._live.stats(tag.id, "1h", now)),
            "stats24h": stats_body(self._live.stats(tag.id, "24h", now)),
        }

    def current(self, device: DeviceInfo, now: int) -> dict[str, Any]:
        """All present values of a device; the primary tag's also at the top, as S1 has it."""
        readings = []
        for tag in device.tags:
            reading = self.reading(device, tag, self._live.current(tag.id), now)
            if reading is not None:
                status = value_status(_number(reading["value"]), _code(reading["quality"]), tag.limits)
                readings.append({"tag": tag.name, "unit": tag.unit, **reading, "status": status})
        primary = device.primary
        first = next((each for each in readings if primary and each["tag"] == primary.name), None)
        blank = {"value": None, "unit": primary.unit if primary else None, "timestamp": None, "quality": None}
        top = first or {**blank, "status": "unknown"}
        names = ("value", "unit", "timestamp", "quality", "status")
        return {"deviceId": device.device_id, **{name: top[name] for name in names}, "readings": readings}

    def reading(
        self, device: DeviceInfo, tag: TagInfo | None, current: Current | None, now: int
    ) -> dict[str, Any] | None:
        """The last value with its quality as it is now: an old good value is `stale`. None when never seen."""
        if tag is None or current is None:
            return None
        value: float | str | bool | None = current.text if current.text is not None else current.value
        if isinstance(value, float):
            value = None if math.isnan(value) else bool(value) if tag.kind == "boolean" else value
        quality = quality_name(current.quality)
        if quality in ("good", "uncertain") and now - current.received > stale_after_s(device, tag) * US_PER_S:
            quality = "stale"
        return {"value": value, "timestamp": to_iso(current.timestamp), "quality": quality}

    def last_seen(self, device: DeviceInfo) -> int | None:
        """When anything last came from the device, µs UTC by the server's clock."""
        seen = [found.received for tag in device.tags if (found := self._live.current(tag.id)) is not None]
        return max(seen, default=None)

    def status(self, device: DeviceInfo, now: int) -> str:
        """`active`, `offline` (silent for too long, or its source said so), `unknown` (never seen), `disabled`."""
        tag = device.primary
        return self._status(device, self._live.current(tag.id) if tag else None, now)

    def statuses(self, devices: Sequence[DeviceInfo], now: int) -> list[str]:
        """`status` of many devices in one go, in their order."""
        ids = np.array([device.primary.id if device.primary else NO_TAG for device in devices], np.int32)
        rows = zip(devices, self._live.current_many(ids), strict=True)
        return [self._status(device, current, now) for device, current in rows]

    def _status(self, device: DeviceInfo, current: Current | None, now: int) -> str:
        if device.status == "disabled":
            return "disabled"
        seen = current.received if current else self.last_seen(device)
        if seen is None:
            return "unknown"
        if now - seen > device.offline_after_s * US_PER_S and (current is None or self._silent(device, now)):
            return "offline"
        return "offline" if current and current.quality == Quality.STALE else "active"

    def _silent(self, device: DeviceInfo, now: int) -> bool:
        seen = self.last_seen(device)
        return seen is None or now - seen > device.offline_after_s * US_PER_S


def _limit_level(tag: TagInfo | None, current: Current | None) -> str:
    """Without an open alarm: a value beyond its alarm limit is still not normal (its alarm may have been resolved)."""
    if tag is None or current is None:
        return "unknown"
    beyond = current.text is None and value_status(current.value, current.quality, tag.limits) == "critical"
    return LEVEL_OF_SEVERITY.get(tag.severity, "warning") if beyond else "normal"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _code(name: str) -> int:
    return {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "stale": Quality.STALE}.get(name, Quality.BAD)


def listing_meta(items: list[dict[str, Any]], total: int) -> dict[str, Any]:
    """`meta` of the device list, as S1 has it."""
    return {
        "totalDevices": total,
        "activeDevices": sum(item["online"] for item in items),
        "timestamp": to_iso(now_us()),
    }
