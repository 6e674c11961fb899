"""A small plant for the alarm tests: devices in a directory, and samples of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from andon.kit.clock import US_PER_S
from andon.kit.limits import Limits
from andon.kit.quality import Quality
from andon.kit.samples import Row, SampleBatch
from andon.registry.directory import DeviceInfo, Directory, TagInfo

ORG = "org-1"
NOW = 1_760_000_000 * US_PER_S
LIMITS = Limits(20.0, 80.0, 15.0, 85.0)


def seconds(s: float) -> int:
    return int(s * US_PER_S)


def tag(tag_id: int, device: str = "press-1", name: str = "pressure", **changes: Any) -> TagInfo:
    plain = TagInfo(
        id=tag_id,
        organisation_id=ORG,
        device_uuid=f"uuid-{device}",
        device_id=device,
        name=name,
        unit="psi",
        kind="number",
        decimals=1,
        is_primary=True,
        limits=LIMITS,
        deadband=0.0,
        on_delay_s=0.0,
        off_delay_s=0.0,
        severity="high",
        expected_interval_s=1.0,
    )
    return replace(plain, **changes)


def device(*tags: TagInfo, **changes: Any) -> DeviceInfo:
    device_id = tags[0].device_id if tags else "press-1"
    plain = DeviceInfo(
        uuid=f"uuid-{device_id}",
        organisation_id=ORG,
        device_id=device_id,
        name=f"The {device_id}",
        type="pressure",
        location="line-1",
        protocol="mqtt",
        status="active",
        offline_after_s=30.0,
        equipment_id="line",
        equipment_path=("Plant", "Line 1"),
        timezone="UTC",
        tags=tags,
        created_at=0,
    )
    return replace(plain, **changes)


def directory(*devices: DeviceInfo) -> Directory:
    found = Directory()
    found.default_organisation = ORG
    found.replace(devices)
    return found


def row(tag_id: int, at: float, value: float | str, quality: int = Quality.GOOD, late: float = 0.0) -> Row:
    """A sample taken `at` seconds after NOW and received `late` seconds after that."""
    return (tag_id, NOW + seconds(at), value, quality, NOW + seconds(at + late))


def batch(*rows: Row) -> SampleBatch:
    return SampleBatch.from_rows(rows)
