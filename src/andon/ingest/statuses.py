"""What devices say about themselves: online, offline, or any other word they use."""

from __future__ import annotations

from dataclasses import dataclass

from andon.registry.directory import Directory


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """The last status a device reported; `at` µs UTC, its own time when it gave one."""

    status: str
    at: int
    firmware: str | None = None
    buffered: int | None = None


class Statuses:
    """The newest status of each known device; bounded by the registry, since others are not kept."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._statuses: dict[str, DeviceStatus] = {}

    def put(self, organisation: str, device_id: str, status: DeviceStatus) -> None:
        """Keep a status; that of an unknown device is dropped."""
        device = self._directory.device(organisation, device_id)
        if device is not None:
            self._statuses[device.uuid] = status

    def of(self, organisation: str) -> dict[str, DeviceStatus]:
        """Device id → status, of an organisation's devices."""
        found: dict[str, DeviceStatus] = {}
        for uuid in list(self._statuses):
            device = self._directory.by_uuid(uuid)
            if device is None:
                del self._statuses[uuid]
            elif device.organisation_id == organisation:
                found[device.device_id] = self._statuses[uuid]
        return found
