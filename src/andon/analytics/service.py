"""Puts the analyses' inputs together from history and live state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from andon.analytics.model import TrendAnalysis, analyse
from andon.engines.livestate.port import LiveState, WindowStats
from andon.historian.service import Historian
from andon.kit.errors import NotFoundError
from andon.registry.directory import DeviceInfo, Directory, TagInfo

TREND_BUCKETS = 120


@dataclass(frozen=True, slots=True)
class DeviceSummary:
    """A device's primary signal over the last hour and day; None where it has no good sample."""

    device: DeviceInfo
    tag: TagInfo | None
    hour: WindowStats | None
    day: WindowStats | None


async def device_trend(
    historian: Historian, organisation_id: str, device_id: str, tag_name: str | None, start: int, end: int
) -> tuple[TagInfo, TrendAnalysis]:
    """The trend of a tag, by default the primary one. NotFoundError names the device or the tag that is missing."""
    device = historian.device(organisation_id, device_id)
    tags = historian.tags(device, tag_name)
    if not tags:
        raise NotFoundError(
            f"device {device_id!r} has no tags yet", field="deviceId", cure="wait until it has sent its first sample"
        )
    return tags[0], analyse(await historian.buckets(tags[0].id, start, end, TREND_BUCKETS))


def summarise(directory: Directory, livestate: LiveState, organisation_id: str, now: int) -> list[DeviceSummary]:
    """Every device of an organisation, by device id."""
    devices = directory.devices(organisation_id)
    tag_ids = np.array([device.primary.id if device.primary else -1 for device in devices], np.int64)
    hours = livestate.stats_many(tag_ids, "1h", now)
    days = livestate.stats_many(tag_ids, "24h", now)
    return [
        DeviceSummary(device, device.primary, hour, day) for device, hour, day in zip(devices, hours, days, strict=True)
    ]
