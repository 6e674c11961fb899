"""A small plant and samples for the historian's tests."""

from __future__ import annotations

from collections.abc import Sequence

from andon.kit.limits import Limits
from andon.kit.samples import Row, SampleBatch
from andon.registry.directory import DeviceInfo, Directory, TagInfo

ORGANISATION = "org-1"
T0 = 1_736_589_600_000_000  # 2025-01-11T10:00:00Z
S = 1_000_000


def tag(id_: int, device_id: str, name: str, *, unit: str = "celsius", kind: str = "number") -> TagInfo:
    """A tag without limits."""
    return TagInfo(
        id=id_,
        organisation_id=ORGANISATION,
        device_uuid=f"uuid-{device_id}",
        device_id=device_id,
        name=name,
        unit=unit,
        kind=kind,
        decimals=2,
        is_primary=True,
        limits=Limits(),
        deadband=0,
        on_delay_s=0,
        off_delay_s=0,
        severity="medium",
        expected_interval_s=None,
    )


def device(device_id: str, tags: Sequence[TagInfo], organisation_id: str = ORGANISATION) -> DeviceInfo:
    """A device with these tags."""
    return DeviceInfo(
        uuid=f"uuid-{organisation_id}-{device_id}",
        organisation_id=organisation_id,
        device_id=device_id,
        name=device_id,
        type="temperature",
        location="line-1",
        protocol="json",
        status="active",
        offline_after_s=30,
        equipment_id="",
        equipment_path=("Plant",),
        timezone="UTC",
        tags=tuple(tags),
        created_at=T0,
    )


def directory(*devices: DeviceInfo) -> Directory:
    """A directory that holds exactly these devices."""
    found = Directory()
    found.default_organisation = ORGANISATION
    found.replace(devices)
    return found


def batch(*rows: tuple[int, int, float | str] | tuple[int, int, float | str, int]) -> SampleBatch:
    """Samples from (tag, timestamp, value) with good quality, or (tag, timestamp, value, quality)."""
    full: list[Row] = [(row[0], row[1], row[2], row[3] if len(row) > 3 else 192, row[1] + 5) for row in rows]
    return SampleBatch.from_rows(full)
