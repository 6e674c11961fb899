"""Reads the registry as the directory holds it: all of it, or what changed."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy.orm import Session

from andon.identity import organisations
from andon.registry import repository
from andon.registry.directory import DeviceInfo
from andon.registry.model import DELETED
from andon.registry.places import Places
from andon.registry.rows import device_info
from andon.registry.tables import TagRow


# every organisation: the directory holds all of them
def read_all(session: Session) -> list[DeviceInfo]:
    """All devices with their tags and places."""
    timezones = {row.id: row.timezone for row in organisations.every(session)}
    places = Places(repository.all_equipment(session), timezones)
    tags: defaultdict[str, list[TagRow]] = defaultdict(list)
    for tag in repository.all_tags(session):
        tags[tag.device_id].append(tag)
    return [device_info(row, tags[row.id], places.place(row.equipment_id)) for row in repository.all_devices(session)]


# every organisation: as for all devices
def read_changed(session: Session, after: int) -> tuple[list[DeviceInfo], list[str]]:
    """What devices that changed after a revision are now, and the UUIDs of those that are gone."""
    rows = repository.changed_devices(session, after)
    tags: defaultdict[str, list[TagRow]] = defaultdict(list)
    for tag in repository.changed_tags(session, after):
        tags[tag.device_id].append(tag)
    timezones = {row.id: row.timezone for row in organisations.every(session)}
    places = Places(repository.all_equipment(session), timezones)
    there = [row for row in rows if row.status != DELETED]
    infos = [device_info(row, tags[row.id], places.place(row.equipment_id)) for row in there]
    return infos, [row.id for row in rows if row.status == DELETED]
