"""The registry: devices and their tags, kept in the database and shown to everybody through the directory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from andon.engines.database import Database
from andon.identity import organisations
from andon.identity.audit import record
from andon.identity.model import Principal, system_principal
from andon.kit.clock import now_us
from andon.kit.errors import TooLargeError
from andon.registry import repository
from andon.registry.changing import (
    all_known,
    change_device,
    existing_device,
    info_of,
    organisation_of,
    place_device,
    tag_changes,
    with_primary,
    write_tags,
)
from andon.registry.demo import seed_demo
from andon.registry.directory import DeviceInfo, Directory, TagInfo
from andon.registry.loading import read_all, read_changed
from andon.registry.model import (
    DELETED,
    DeviceChanges,
    NewDevice,
    NewTag,
    changed_tag,
    check_device,
    check_tag,
)
from andon.registry.places import Tree
from andon.registry.rows import device_info, read_tag, tag_row, write_tag

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
        self._written = 0  # of the last change that was made here

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

    @property
    def newest_revision(self) -> int:
        """Number of the last change that is known here: read, or made."""
        return max(self._revision, self._written)

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
        device = replace(device, name=device.name or device.device_id, tags=with_primary(device.tags))
        check_device(device)
        self._check_tag_count(device.device_id, len(device.tags))
        with self._changing:
            with self._database.session() as session:
                tree = Tree(session, organisation_of(session, organisation_id))
                self._check_device_count(organisation_id)
                row = place_device(session, tree, organisation_id, device)
                row.revision = self._written = repository.next_revision(session)
                tags = write_tags(session, row, device.tags)
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
                row = existing_device(session, organisation_id, device_id)
                tags = repository.tags(session, organisation_id, row.id)
                change_device(row, changes.device)
                for tag, wanted, path in tag_changes(tags, changes):
                    write_tag(tag, changed_tag(read_tag(tag), wanted, path))
                row.updated_at = now_us()
                row.revision = self._written = repository.next_revision(session)
                record(session, actor, "device.update", device_id, changes.as_detail())
                session.flush()
                info = info_of(session, row, tags)
            self._directory.put(info)
        return info

    def delete_device(self, organisation_id: str, device_id: str, actor: Principal) -> None:
        """Take a device out of service for good; its samples and alarms stay. NotFoundError when there is none."""
        with self._changing:
            with self._database.session() as session:
                row = existing_device(session, organisation_id, device_id)
                row.status = DELETED
                row.updated_at = now_us()
                row.revision = self._written = repository.next_revision(session)
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
            if info is None or not all_known(info, tags):
                info = self._register_tags(organisation_id, device_id, tags)
                self._directory.put(info)
        by_name = {tag.name: tag for tag in info.tags}
        return [by_name[tag.name] for tag in tags]

    def seed_demo(self, looms: int) -> None:
        """Set up the demo plant; what is there already, or was deleted, stays as it is."""
        organisation_id = self.ensure_default_organisation()
        with self._changing:
            with self._database.session() as session:
                organisation = organisation_of(session, organisation_id)
                added = seed_demo(session, organisation, looms)
                if added:
                    self._written = repository.next_revision(session)
                    repository.stamp_new_devices(session, self._written)
                    actor = system_principal(organisation_id)
                    record(session, actor, "demo.seed", organisation.name, {"devices": added})
            if added:
                self.load()

    def _register_tags(self, organisation_id: str, device_id: str, tags: Sequence[NewTag]) -> DeviceInfo:
        with self._database.session() as session:
            row = existing_device(session, organisation_id, device_id)
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
            rows = [tag_row(tag, row) for tag in (wanted if known else with_primary(wanted))]
            session.add_all(rows)
            row.revision = self._written = repository.next_revision(session)
            session.flush()
            if fresh:
                actor = system_principal(organisation_id, "ingest")
                record(session, actor, "device.tags", device_id, {"count": len(fresh), "names": list(fresh)[:20]})
            return info_of(session, row, [*known, *rows])

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
