"""The registry: devices and their tags, kept in the database and shown to everybody through the directory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from andon.engines.database import Database
from andon.identity import organisations
from andon.identity.audit import record
from andon.identity.model import Principal, system_principal
from andon.identity.tables import OrganisationRow
from andon.kit.clock import now_us
from andon.kit.errors import ConflictError, InvalidError, NotFoundError, TooLargeError
from andon.registry import repository
from andon.registry.demo import seed_demo
from andon.registry.directory import DeviceInfo, Directory, TagInfo
from andon.registry.loading import read_all, read_changed
from andon.registry.model import (
    DELETED,
    STATUSES,
    DeviceChanges,
    NewDevice,
    NewTag,
    changed_tag,
    check_device,
    check_tag,
    is_device_id,
)
from andon.registry.places import Tree
from andon.registry.rows import device_info, device_row, read_tag, tag_row, write_tag
from andon.registry.tables import DeviceRow, TagRow

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegistryLimits:
    """What bounds the registry, and with it every array that is indexed by tag id."""

    max_devices: int = 200_000  # of an organisation
    max_tags_per_device: int = 2_000


class Registry:
    """Changes devices and tags. Thread-safe; every call blocks on the database, so keep it off the loop.

    A change is in the directory when the call returns, and not before the database has it. What other processes
    change in the same database comes with `refresh`.
    """

    def __init__(self, database: Database, directory: Directory, limits: RegistryLimits | None = None) -> None:
        self._database = database
        self._directory = directory
        self._limits = limits or RegistryLimits()
        self._changing = threading.RLock()  # so that the directory sees changes in the database's order
        self._revision = 0  # up to which the directory holds what the database has

    def load(self) -> None:
        """Fill the directory from the database."""
        with self._changing:
            with self._database.reading() as session:
                self._revision = repository.revision(session)
                devices = read_all(session)
                highest = repository.highest_tag_id(session)
                default = organisations.first(session)
            if default is not None:
                self._directory.default_organisation = default.id
            self._directory.replace(devices, highest)

    @property
    def revision(self) -> int:
        """Number of the registry's last change that was read from the database."""
        return self._revision

    def refresh(self) -> None:
        """Take over what other processes changed since the last look."""
        with self._changing:
            began = now_us()
            with self._database.reading() as session:
                newest = repository.revision(session)
                if newest == self._revision:
                    self._directory.looked_at = began
                    return
                changed, gone = read_changed(session, self._revision)
            known = self._directory
            fresh = [device for device in changed if device != known.by_uuid(device.uuid)]
            if fresh:
                known.put(*fresh)
            for uuid in gone:
                if known.by_uuid(uuid) is not None:
                    known.remove(uuid)
            self._revision, known.looked_at = newest, began

    def changed_since(self, revision: int) -> list[DeviceInfo]:
        """The devices that changed after a revision, as they are now."""
        with self._database.reading() as session:
            return read_changed(session, revision)[0]

    def ensure_default_organisation(self, timezone: str = "UTC") -> str:
        """Id of the default organisation, made at the first start. StartError when there is no such time zone."""
        with self._changing, self._database.session() as session:
            organisation = organisations.ensure_default(session, timezone)
            Tree(session, organisation).root()
        self._directory.default_organisation = organisation.id
        return organisation.id

    def create_device(self, organisation_id: str, device: NewDevice, actor: Principal) -> DeviceInfo:
        """Register a device. InvalidError names the field at fault; ConflictError when the id is taken.

        A device that was deleted comes back under its id: with its history, and with tags of the same name.
        """
        device = replace(device, name=device.name or device.device_id, tags=_with_primary(device.tags))
        check_device(device)
        self._check_tag_count(device.device_id, len(device.tags))
        with self._changing:
            with self._database.session() as session:
                tree = Tree(session, _organisation(session, organisation_id))
                self._check_device_count(organisation_id)
                row = _place_device(session, tree, organisation_id, device)
                row.revision = repository.next_revision(session)
                tags = _write_tags(session, row, device.tags)
                self._check_tag_count(device.device_id, len(tags))
                record(session, actor, "device.create", device.device_id, {"name": device.name, "type": device.type})
                info = device_info(row, tags, tree.places().place(row.equipment_id))
            self._directory.put(info)
        return info

    def update_device(
        self, organisation_id: str, device_id: str, changes: DeviceChanges, actor: Principal
    ) -> DeviceInfo:
        """Change a device and its tags, all or nothing. NotFoundError, or InvalidError that names the field."""
        with self._changing:
            with self._database.session() as session:
                row = _existing(session, organisation_id, device_id)
                tags = repository.tags(session, organisation_id, row.id)
                _change_device(row, changes.device)
                for tag, wanted, path in _tag_changes(tags, changes):
                    write_tag(tag, changed_tag(read_tag(tag), wanted, path))
                row.updated_at = now_us()
                row.revision = repository.next_revision(session)
                record(session, actor, "device.update", device_id, changes.as_detail())
                session.flush()
                info = _info(session, row, tags)
            self._directory.put(info)
        return info

    def delete_device(self, organisation_id: str, device_id: str, actor: Principal) -> None:
        """Take a device out of service for good; its samples and alarms stay. NotFoundError when there is none."""
        with self._changing:
            with self._database.session() as session:
                row = _existing(session, organisation_id, device_id)
                row.status = DELETED
                row.updated_at = now_us()
                row.revision = repository.next_revision(session)
                record(session, actor, "device.delete", device_id, {"name": row.name})
            self._directory.remove(row.id)

    def ensure_tags(self, organisation_id: str, device_id: str, tags: Sequence[NewTag]) -> list[TagInfo]:
        """The tags of those names, in the order asked for; the ones that a known device shows anew are registered.

        A tag that is there already stays as people have set it; only a unit that was unknown is filled in.
        Raises NotFoundError without such a device, InvalidError for a bad tag (then none is registered), and
        TooLargeError when the device would have too many.
        """
        for tag in tags:
            check_tag(tag, f"tags.{tag.name}.")
        with self._changing:
            info = self._directory.device(organisation_id, device_id)
            if info is None or not _all_known(info, tags):
                info = self._register_tags(organisation_id, device_id, tags)
                self._directory.put(info)
        by_name = {tag.name: tag for tag in info.tags}
        return [by_name[tag.name] for tag in tags]

    def seed_demo(self, looms: int) -> None:
        """Set up the demo plant; what is there already, or was deleted, stays as it is."""
        organisation_id = self.ensure_default_organisation()
        with self._changing:
            with self._database.session() as session:
                organisation = _organisation(session, organisation_id)
                added = seed_demo(session, organisation, looms)
                if added:
                    repository.stamp_new_devices(session, repository.next_revision(session))
                    actor = system_principal(organisation_id)
                    record(session, actor, "demo.seed", organisation.name, {"devices": added})
            if added:
                self.load()

    def _register_tags(self, organisation_id: str, device_id: str, tags: Sequence[NewTag]) -> DeviceInfo:
        with self._database.session() as session:
            row = _existing(session, organisation_id, device_id)
            known = repository.tags(session, organisation_id, row.id)
            by_name = {tag.name: tag for tag in known}
            fresh: dict[str, NewTag] = {}
            for tag in tags:
                if tag.name in by_name:
                    by_name[tag.name].unit = by_name[tag.name].unit or tag.unit
                else:
                    fresh.setdefault(tag.name, tag)
            self._check_tag_count(device_id, len(known) + len(fresh))
            wanted = tuple(replace(tag, is_primary=False) for tag in fresh.values())
            rows = [tag_row(tag, row) for tag in (wanted if known else _with_primary(wanted))]
            session.add_all(rows)
            row.revision = repository.next_revision(session)
            session.flush()
            if fresh:
                actor = system_principal(organisation_id, "ingest")
                record(session, actor, "device.tags", device_id, {"count": len(fresh), "names": list(fresh)[:20]})
            return _info(session, row, [*known, *rows])

    def _check_device_count(self, organisation_id: str) -> None:
        if len(self._directory.devices(organisation_id)) >= self._limits.max_devices:
            raise TooLargeError(
                f"there are {self._limits.max_devices} devices already",
                field="deviceId",
                cure="delete devices that are gone, or raise max_devices",
            )

    def _check_tag_count(self, device_id: str, count: int) -> None:
        if count > self._limits.max_tags_per_device:
            raise TooLargeError(
                f"{device_id} would have {count} tags; at most {self._limits.max_tags_per_device} are allowed",
                field="tags",
                cure="split the device, or raise max_tags_per_device",
            )


def _organisation(session: Session, organisation_id: str) -> OrganisationRow:
    row = organisations.get(session, organisation_id)
    if row is None:
        raise NotFoundError("there is no such organisation", field="organisation")
    return row


def _existing(session: Session, organisation_id: str, device_id: str) -> DeviceRow:
    row = repository.device(session, organisation_id, device_id) if is_device_id(device_id) else None
    if row is None or row.status == DELETED:
        raise NotFoundError(
            f"there is no device {device_id[:100]!r}", field="deviceId", cure="GET /api/v1/devices lists them"
        )
    return row


def _info(session: Session, row: DeviceRow, tags: Iterable[TagRow]) -> DeviceInfo:
    tree = Tree(session, _organisation(session, row.organization_id))
    return device_info(row, tags, tree.places().place(row.equipment_id))


def _with_primary(tags: tuple[NewTag, ...]) -> tuple[NewTag, ...]:
    """The first tag stands for the device when none was chosen."""
    if not tags or any(tag.is_primary for tag in tags):
        return tags
    return (replace(tags[0], is_primary=True), *tags[1:])


def _place_device(session: Session, tree: Tree, organisation_id: str, device: NewDevice) -> DeviceRow:
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


def _write_tags(session: Session, device: DeviceRow, tags: Sequence[NewTag]) -> list[TagRow]:
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


def _change_device(row: DeviceRow, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    if row.status not in STATUSES:
        raise InvalidError(f"there is no status {row.status!r}", field="status", cure=f"use {' or '.join(STATUSES)}")
    check_device(NewDevice(row.device_id, row.type, row.location, row.name, row.protocol, (), row.offline_after_s))


def _tag_changes(tags: Sequence[TagRow], changes: DeviceChanges) -> list[tuple[TagRow, Mapping[str, Any], str]]:
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


def _all_known(info: DeviceInfo, tags: Sequence[NewTag]) -> bool:
    by_name = {tag.name: tag for tag in info.tags}
    return all(tag.name in by_name and (by_name[tag.name].unit or not tag.unit) for tag in tags)
