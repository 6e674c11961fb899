"""Queries on equipment, devices and tags."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from andon.registry.model import DELETED
from andon.registry.tables import DeviceRow, EquipmentRow, RegistryRevisionRow, TagRow

_THE_ROW = 1


# every organisation: the directory holds all of them, and scopes each look-up itself
def all_devices(session: Session) -> Sequence[DeviceRow]:
    """Devices of all organisations that have not been deleted."""
    return session.scalars(select(DeviceRow).where(DeviceRow.status != DELETED)).all()


# every organisation: as for the devices
def all_tags(session: Session) -> Sequence[TagRow]:
    """Tags of the devices of all organisations that have not been deleted, in the order they were made."""
    query = select(TagRow).join(DeviceRow, DeviceRow.id == TagRow.device_id).where(DeviceRow.status != DELETED)
    return session.scalars(query.order_by(TagRow.id)).all()


# every organisation: changes of the registry are counted together
def revision(session: Session) -> int:
    """How many changes of the registry there have been."""
    return session.scalar(select(RegistryRevisionRow.value)) or 0


# every organisation: changes of the registry are counted together
def next_revision(session: Session) -> int:
    """Count a change; its number. Units of work take turns, so what has a smaller number is committed."""
    session.execute(update(RegistryRevisionRow).values(value=RegistryRevisionRow.value + 1))
    return revision(session)


# every organisation: as for all devices
def changed_devices(session: Session, after: int) -> Sequence[DeviceRow]:
    """Devices that changed after a revision, deleted ones among them."""
    return session.scalars(select(DeviceRow).where(DeviceRow.revision > after)).all()


# every organisation: as for all devices
def changed_tags(session: Session, after: int) -> Sequence[TagRow]:
    """Tags of the devices that changed after a revision, in the order they were made."""
    query = select(TagRow).join(DeviceRow, DeviceRow.id == TagRow.device_id).where(DeviceRow.revision > after)
    return session.scalars(query.order_by(TagRow.id)).all()


# every organisation: as for all devices
def stamp_new_devices(session: Session, at: int) -> None:
    """Give the devices that bear no revision yet this one."""
    session.execute(update(DeviceRow).where(DeviceRow.revision == 0).values(revision=at))


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
