"""Rows of devices and tags as a change wants them: checked, in one unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from andon.identity import organisations
from andon.identity.tables import OrganisationRow
from andon.kit.errors import ConflictError, InvalidError, NotFoundError
from andon.registry import repository
from andon.registry.directory import DeviceInfo
from andon.registry.model import DELETED, STATUSES, DeviceChanges, NewDevice, NewTag, check_device, is_device_id
from andon.registry.places import Tree
from andon.registry.rows import device_info, device_row, tag_row, write_tag
from andon.registry.tables import DeviceRow, TagRow


def organisation_of(session: Session, organisation_id: str) -> OrganisationRow:
    """The organisation. NotFoundError when there is none."""
    row = organisations.get(session, organisation_id)
    if row is None:
        raise NotFoundError("there is no such organisation", field="organisation")
    return row


def existing_device(session: Session, organisation_id: str, device_id: str) -> DeviceRow:
    """The device that is not deleted. NotFoundError when there is none."""
    row = repository.device(session, organisation_id, device_id) if is_device_id(device_id) else None
    if row is None or row.status == DELETED:
        raise NotFoundError(
            f"there is no device {device_id[:100]!r}", field="deviceId", cure="GET /api/v1/devices lists them"
        )
    return row


def info_of(session: Session, row: DeviceRow, tags: Iterable[TagRow]) -> DeviceInfo:
    """The device as the directory holds it."""
    tree = Tree(session, organisation_of(session, row.organization_id))
    return device_info(row, tags, tree.places().place(row.equipment_id))


def with_primary(tags: tuple[NewTag, ...]) -> tuple[NewTag, ...]:
    """The first tag stands for the device when none was chosen."""
    if not tags or any(tag.is_primary for tag in tags):
        return tags
    return (replace(tags[0], is_primary=True), *tags[1:])


def place_device(session: Session, tree: Tree, organisation_id: str, device: NewDevice) -> DeviceRow:
    """The row of a new device, or of one that was deleted and comes back. ConflictError when there is one."""
    place = tree.find(device.equipment_id) if device.equipment_id else tree.default_area()
    if place is None:
        raise InvalidError("there is no such place", field="equipmentId", cure="leave it out for the default area")
    fresh = device_row(device, organisation_id, place.id)
    row = repository.device(session, organisation_id, device.device_id)
    if row is None:
        session.add(fresh)
        session.flush()
        return fresh
    if row.status != DELETED:
        raise ConflictError(
            f"there is a device {device.device_id} already", field="deviceId", cure="choose another id, or change it"
        )
    for name in ("name", "type", "location", "protocol", "connection_config", "status", "offline_after_s"):
        setattr(row, name, getattr(fresh, name))
    row.equipment_id, row.updated_at = place.id, fresh.updated_at
    return row


def write_tags(session: Session, device: DeviceRow, tags: Sequence[NewTag]) -> list[TagRow]:
    """Give a device these tags; those that it had under the same name keep their ids."""
    rows = {row.name: row for row in repository.tags(session, device.organization_id, device.id)}
    if tags:
        for row in rows.values():
            row.is_primary = False
    for tag in tags:
        if tag.name in rows:
            write_tag(rows[tag.name], tag)
        else:
            rows[tag.name] = tag_row(tag, device)
    session.add_all(rows.values())
    session.flush()
    return list(rows.values())


def change_device(row: DeviceRow, changes: Mapping[str, Any]) -> None:
    """Change a device's own fields. InvalidError for values that cannot be."""
    for name, value in changes.items():
        setattr(row, name, value)
    if row.status not in STATUSES:
        raise InvalidError(f"there is no status {row.status!r}", field="status", cure=f"use {' or '.join(STATUSES)}")
    check_device(NewDevice(row.device_id, row.type, row.location, row.name, row.protocol, (), row.offline_after_s))


def tag_changes(tags: Sequence[TagRow], changes: DeviceChanges) -> list[tuple[TagRow, Mapping[str, Any], str]]:
    """(row, changes, path of the field) for each tag that is to change."""
    found: list[tuple[TagRow, Mapping[str, Any], str]] = []
    if changes.primary:
        primary = next((tag for tag in tags if tag.is_primary), None)
        if primary is None:
            raise ConflictError(
                "the device has no signal yet", field=next(iter(changes.primary)), cure="wait for its first sample"
            )
        found.append((primary, changes.primary, ""))
    by_name = {tag.name: tag for tag in tags}
    for name, wanted in changes.tags.items():
        if name not in by_name:
            raise InvalidError(f"the device has no tag {name[:100]!r}", field=f"tags.{name[:100]}", cure="correct it")
        found.append((by_name[name], wanted, f"tags.{name}."))
    return found


def all_known(info: DeviceInfo, tags: Sequence[NewTag]) -> bool:
    """Whether a device has these tags, with units where they bring some."""
    by_name = {tag.name: tag for tag in info.tags}
    return all(tag.name in by_name and (by_name[tag.name].unit or not tag.unit) for tag in tags)
