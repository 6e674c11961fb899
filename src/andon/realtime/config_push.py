"""Tells a device its configuration when somebody changes it: a retained message on its config topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from andon.realtime.messages import encode
from andon.realtime.mqtt_out import LOOM, Publish
from andon.registry.directory import DeviceInfo, Directory, TagInfo
from andon.wire.topics import device_topic, loom_topic

NAMES = {"normal_min": "normalMin", "normal_max": "normalMax", "alert_min": "alertMin", "alert_max": "alertMax"}
SPARKPLUG = "sparkplug"


def config_body(device: DeviceInfo) -> dict[str, Any]:
    """What a device is told: its name, place, and the unit, limits and delays of each signal."""
    return {
        "deviceId": device.device_id,
        "name": device.name,
        "location": device.location,
        "tags": {tag.name: _tag(tag) for tag in device.tags},
    }


def _tag(tag: TagInfo) -> dict[str, Any]:
    limits = {NAMES[name]: value for name, value in asdict(tag.limits).items()}
    return {"unit": tag.unit, **limits, "deadband": tag.deadband, "expectedIntervalSeconds": tag.expected_interval_s}


class ConfigPush:
    """Publishes the configuration of devices that changed since the last look. Sparkplug devices are not told: their
    standard has commands instead."""

    def __init__(self, directory: Directory, publish: Publish) -> None:
        self._directory = directory
        self._publish = publish
        self._known: Mapping[str, DeviceInfo] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """What devices have now counts as told: the broker retains it."""
        loop = asyncio.get_running_loop()
        self._known = self._devices()
        self._unsubscribe = self._directory.subscribe(lambda: _soon(loop, self._changed))

    def stop(self) -> None:
        """Watch no more."""
        self._unsubscribe()

    def _devices(self) -> dict[str, DeviceInfo]:
        organisations = self._directory.organisations()
        devices = (device for each in organisations for device in self._directory.devices(each))
        return {device.uuid: device for device in devices if device.protocol != SPARKPLUG}

    def _changed(self) -> None:
        before, self._known = self._known, self._devices()
        for uuid, device in self._known.items():
            # The directory keeps the object of a device that did not change.
            known = before.get(uuid)
            if device is not known and (known is None or config_body(device) != config_body(known)):
                self.tell(device)

    def tell(self, device: DeviceInfo) -> None:
        """Tell a device its configuration, whatever it was told before; Sparkplug devices are left out."""
        if device.protocol == SPARKPLUG:
            return
        is_loom = device.type == LOOM
        topic = loom_topic(device.device_id, "config") if is_loom else device_topic(device.device_id, "config")
        self._publish(topic, encode(config_body(device)), 1, True)


def _soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    """The directory calls from the thread that changed it; publishing belongs on the loop."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(work)
