"""Which devices are there: compares all devices with live state at once and tells what changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate.port import LiveState
from andon.kit.clock import US_PER_S
from andon.kit.quality import Quality
from andon.registry.directory import DeviceInfo, Directory

STATUSES = ("unknown", "active", "offline", "disabled")
_UNKNOWN, _ACTIVE, _OFFLINE, _DISABLED = range(4)


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """A device has another status since `at`; `last_seen` µs UTC by the server's clock, None when never."""

    device: DeviceInfo
    status: str
    at: int
    last_seen: int | None


class Presence:
    """Status of every device, as `GET /devices` tells it: `active`, `offline`, `unknown` (never seen), `disabled`."""

    def __init__(self, directory: Directory, livestate: LiveState) -> None:
        self._directory = directory
        self._livestate = livestate
        self._version = -1
        self._devices: list[DeviceInfo] = []
        self._known: dict[str, int] = {}
        self._statuses = np.zeros(0, np.int64)

    def changes(self, now: int) -> list[PresenceChange]:
        """What changed since the last call; devices that are met for the first time are only noted."""
        if self._version != self._directory.version:
            self._take_devices()
        if not self._devices:
            return []
        seen, statuses = self._look(now)
        found = []
        for index in np.flatnonzero(statuses != self._statuses).tolist():
            device, status = self._devices[index], int(statuses[index])
            if device.uuid in self._known:
                last = int(seen[index]) or None
                found.append(PresenceChange(device, STATUSES[status], now, last))
            self._known[device.uuid] = status
        self._statuses = statuses
        return found

    def _take_devices(self) -> None:
        self._version = self._directory.version
        organisations = self._directory.organisations()
        self._devices = [device for each in organisations for device in self._directory.devices(each)]
        tagged = [(row, tag.id) for row, device in enumerate(self._devices) for tag in device.tags]
        self._rows = np.array([row for row, _ in tagged], np.int64)
        self._tags = np.array([tag for _, tag in tagged], np.int32)
        self._primary = np.array([device.primary.id if device.primary else -1 for device in self._devices], np.int32)
        self._limits = np.array([round(device.offline_after_s * US_PER_S) for device in self._devices], np.int64)
        self._disabled = np.array([device.status == "disabled" for device in self._devices], np.bool_)
        known = {device.uuid: self._known[device.uuid] for device in self._devices if device.uuid in self._known}
        self._known = known
        self._statuses = np.array([known.get(each.uuid, -1) for each in self._devices], np.int64)

    def _look(self, now: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        seen = np.zeros(len(self._devices), np.int64)
        np.maximum.at(seen, self._rows, self._livestate.columns(self._tags).received)
        primary = self._livestate.columns(self._primary)
        # Only a sample that came says that its source is away; without one, quality means nothing.
        gone = (primary.quality == Quality.STALE) & (primary.received > 0)
        statuses = np.where((now - seen > self._limits) | gone, _OFFLINE, _ACTIVE)
        statuses = np.where(seen == 0, _UNKNOWN, statuses)
        return seen, np.where(self._disabled, _DISABLED, statuses)
