"""Queries on equipment, devices and tags."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from andon.registry.model import DELETED
from andon.registry.tables import DeviceRow, EquipmentRow, TagRow


# every organisation: the directory holds all of them, and scopes each look-up itself
def all_devices(session: Session) -> Sequence[DeviceRow]:
    """Devices of all organisations that have not been deleted."""
    return session.scalars(select(DeviceRow).where(DeviceRow.status != DELETED)).all()


# every organisation: as for the devices
def all_tags(session: Session) -> Sequence[TagRow]:
    """Tags of the devices of all organisations that have not been deleted, in the order they were made."""
    query = select(TagRow).join(DeviceRow, DeviceRow.id == TagRow.device_id).where(DeviceRow.status != DELETED)
    return session.scalars(query.order_by(TagRow.id)).all()


# every organisation: a tag id is unique across all of them
def highest_tag_id(session: Session) -> int:
    """The largest tag id in use, also by deleted devices; 0 when there is none."""
    return session.scalar(select(func.max(TagRow.id))) or 0


# every organisation: as for the devices
def all_equipment(session: Session) -> Sequence[EquipmentRow]:
    """Places of all organisations."""
    return session.scalars(select(EquipmentRow)).all()


def equipment(session: Session, organisation_id: str) -> Sequence[EquipmentRow]:
    """All places of an organisation, in the order they were made."""
    query = select(EquipmentRow).where(EquipmentRow.organization_id == organisation_id).order_by(EquipmentRow.id)
    return session.scalars(query).all()


def device(session: Session, organisation_id: str, device_id: str) -> DeviceRow | None:
    """The device of that id, also when it has been deleted."""
    query = select(DeviceRow).where(DeviceRow.organization_id == organisation_id, DeviceRow.device_id == device_id)
    return session.scalar(query)


def device_ids(session: Session, organisation_id: str) -> set[str]:
    """Ids of all devices that there ever were in an organisation."""
    return set(session.scalars(select(DeviceRow.device_id).where(DeviceRow.organization_id == organisation_id)))


def tags(session: Session, organisation_id: str, device_uuid: str) -> Sequence[TagRow]:
    """Tags of a device, in the order they were made."""
    query = select(TagRow).where(TagRow.organization_id == organisation_id, TagRow.device_id == device_uuid)
    return session.scalars(query.order_by(TagRow.id)).all()
