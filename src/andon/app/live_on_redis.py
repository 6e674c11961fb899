"""Live state for others: fills S1's keys in Redis from this plant, and feeds Andon's other processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from andon.alarms.views import alert_body
from andon.api.device_views import stale_after_s
from andon.app.probes import plant_status
from andon.engines.livestate.redis_documents import RedisDocuments
from andon.engines.livestate.redis_keys import ALERTS, METRICS, PublishedDevice, key_prefix
from andon.engines.livestate.redis_publisher import RedisPublisher
from andon.kit.clock import US_PER_S
from andon.registry.directory import Directory

if TYPE_CHECKING:
    from andon.app.plant import Plant

_ALERT = ("id", "deviceId", "type", "value", "threshold", "severity")
_METRICS = ("totalDevices", "activeDevices", "activeAlertsCount", "dataPointsLastHour", "systemHealth")


@asynccontextmanager
async def publishing(plant: Plant) -> AsyncIterator[None]:
    """Have others follow this plant's live state while the block runs, if it is one that they can follow."""
    publisher, directory = plant.livestate, plant.directory
    if not isinstance(publisher, RedisPublisher):
        yield
        return
    documents = RedisDocuments(
        publisher.link,
        {ALERTS: lambda each: active_alerts(plant, each), METRICS: lambda each: metrics(plant, each)},
        lambda: [(each, key_prefix(each, directory.default_organisation)) for each in organisations(directory)],
        when=lambda: publisher.leading,
    )
    await publisher.start(lambda: (directory.version, published_devices(directory)))
    await documents.start()
    try:
        yield
    finally:
        await documents.stop()
        await publisher.stop()


def organisations(directory: Directory) -> list[str]:
    """Those that have devices, and the default one."""
    return sorted({*directory.organisations(), directory.default_organisation} - {""})


def published_devices(directory: Directory) -> list[PublishedDevice]:
    """All devices that have a value to show: those with a primary tag, unless they are disabled."""
    found = []
    for organisation_id in directory.organisations():
        prefix = key_prefix(organisation_id, directory.default_organisation)
        for device in directory.devices(organisation_id):
            tag = device.primary
            if tag is not None and device.status != "disabled":
                stale = round(stale_after_s(device, tag) * US_PER_S)
                found.append(PublishedDevice(prefix, device.device_id, tag.id, tag.kind, tag.limits, stale))
    return found


async def active_alerts(plant: Plant, organisation_id: str) -> list[dict[str, Any]]:
    """S1's `alerts:active`: what `GET /alerts` lists, in S1's fields."""
    bodies = map(alert_body, plant.alarm_reader.open_alarms(organisation_id))
    return [{**{name: body[name] for name in _ALERT}, "timestamp": body["triggeredAt"]} for body in bodies]


async def metrics(plant: Plant, organisation_id: str) -> dict[str, Any]:
    """S1's `system:metrics`: what `GET /metrics/dashboard` says, in S1's fields."""
    status = await plant_status(plant.context, organisation_id)
    return {name: status[name] for name in _METRICS}
