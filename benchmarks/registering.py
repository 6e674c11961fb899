"""Devices in numbers: written into an empty data folder at once, as the demo's are, before Andon starts on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from andon.engines.database import Database
from andon.kit.limits import Limits
from andon.registry import repository
from andon.registry.changing import organisation_of
from andon.registry.directory import Directory
from andon.registry.model import NewDevice, NewTag
from andon.registry.places import Tree
from andon.registry.rows import device_row, tag_row
from andon.registry.service import Registry
from benchmarks.mqtt_load import device_names

_LIMITS = Limits(10, 90, 0, 95)


def thermometers(count: int) -> list[NewDevice]:
    """Temperature devices with limits that the load never passes."""
    tag = NewTag("temperature", "celsius", is_primary=True, limits=_LIMITS)
    return [NewDevice(name, "temperature", "bench", protocol="mqtt", tags=(tag,)) for name in device_names(count)]


def register(data_dir: Path, devices: Sequence[NewDevice]) -> list[str]:
    """Register devices; their ids. Tag ids go from 1 upwards, in the order of devices and tags."""
    data_dir.mkdir(parents=True, exist_ok=True)
    database = Database.open(None, data_dir)
    database.migrate()
    registry = Registry(database, Directory())
    organisation_id = registry.ensure_default_organisation()
    with database.session() as session:
        area = Tree(session, organisation_of(session, organisation_id)).default_area()
        rows = [device_row(device, organisation_id, area.id) for device in devices]
        session.add_all(rows)
        session.flush()
        session.add_all([tag_row(tag, row) for device, row in zip(devices, rows, strict=True) for tag in device.tags])
        repository.stamp_new_devices(session, repository.next_revision(session))
    database.close()
    return [device.device_id for device in devices]
