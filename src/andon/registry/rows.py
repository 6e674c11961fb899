"""Between rows of the database and what the rest of Andon sees."""

from __future__ import annotations

from collections.abc import Iterable

from andon.kit.clock import now_us
from andon.kit.ids import new_id
from andon.kit.limits import Limits
from andon.registry.directory import DeviceInfo, TagInfo
from andon.registry.model import ACTIVE, NewDevice, NewTag
from andon.registry.places import Place
from andon.registry.tables import DeviceRow, TagRow


def device_row(device: NewDevice, organisation_id: str, equipment_id: str) -> DeviceRow:
    """A new row for a device."""
    now = now_us()
    return DeviceRow(
        id=new_id(),
        organization_id=organisation_id,
        equipment_id=equipment_id,
        device_id=device.device_id,
        name=device.name,
        type=device.type,
        location=device.location,
        schema_id=None,
        protocol=device.protocol,
        connection_config=dict(device.connection_config),
        status=ACTIVE,
        offline_after_s=device.offline_after_s,
        created_at=now,
        updated_at=now,
    )


def tag_row(tag: NewTag, device: DeviceRow) -> TagRow:
    """A new row for a tag of a device; the database gives it its id."""
    row = TagRow(organization_id=device.organization_id, device_id=device.id, name=tag.name)
    write_tag(row, tag)
    return row


def write_tag(row: TagRow, tag: NewTag) -> None:
    """Bring everything but the name of a tag into its row."""
    row.unit = tag.unit
    row.kind = tag.kind
    row.decimals = tag.decimals
    row.is_primary = tag.is_primary
    row.normal_min = tag.limits.normal_min
    row.normal_max = tag.limits.normal_max
    row.alert_min = tag.limits.alert_min
    row.alert_max = tag.limits.alert_max
    row.deadband = tag.deadband
    row.on_delay_s = tag.on_delay_s
    row.off_delay_s = tag.off_delay_s
    row.severity = tag.severity
    row.expected_interval_s = tag.expected_interval_s


def read_tag(row: TagRow) -> NewTag:
    """What a row says about its tag."""
    return NewTag(
        row.name,
        row.unit,
        row.kind,
        row.decimals,
        row.is_primary,
        _limits(row),
        row.deadband,
        row.on_delay_s,
        row.off_delay_s,
        row.severity,
        row.expected_interval_s,
    )


def device_info(row: DeviceRow, tags: Iterable[TagRow], place: Place) -> DeviceInfo:
    """The device as the directory holds it."""
    ordered = sorted(tags, key=lambda tag: (not tag.is_primary, tag.name))
    return DeviceInfo(
        row.id,
        row.organization_id,
        row.device_id,
        row.name,
        row.type,
        row.location,
        row.protocol,
        row.status,
        row.offline_after_s,
        row.equipment_id,
        place.path,
        place.timezone,
        tuple(_tag_info(tag, row) for tag in ordered),
        row.created_at,
    )


def _tag_info(row: TagRow, device: DeviceRow) -> TagInfo:
    return TagInfo(
        row.id,
        row.organization_id,
        device.id,
        device.device_id,
        row.name,
        row.unit,
        row.kind,
        row.decimals,
        row.is_primary,
        _limits(row),
        row.deadband,
        row.on_delay_s,
        row.off_delay_s,
        row.severity,
        row.expected_interval_s,
    )


def _limits(row: TagRow) -> Limits:
    return Limits(row.normal_min, row.normal_max, row.alert_min, row.alert_max)
