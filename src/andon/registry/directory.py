"""The registry in memory, for the hot path: no sample ever waits for the database."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from andon.kit.limits import Limits


@dataclass(frozen=True, slots=True)
class TagInfo:
    """One signal; `id` is what samples carry. Delays and intervals are in seconds, `deadband` in the tag's unit."""

    id: int
    organisation_id: str
    device_uuid: str
    device_id: str
    name: str
    unit: str
    kind: str  # number, boolean or text
    decimals: int
    is_primary: bool
    limits: Limits
    deadband: float
    on_delay_s: float
    off_delay_s: float
    severity: str  # critical, high, medium or low
    expected_interval_s: float | None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device with its tags (the primary one first, then by name) and its place, from the site downwards."""

    uuid: str
    organisation_id: str
    device_id: str
    name: str
    type: str
    location: str
    protocol: str
    status: str  # active or disabled
    offline_after_s: float
    equipment_id: str
    equipment_path: tuple[str, ...]
    timezone: str
    tags: tuple[TagInfo, ...]
    created_at: int

    @property
    def primary(self) -> TagInfo | None:
        """The tag that stands for the device on a card; None when it has no tags yet."""
        return self.tags[0] if self.tags else None

    def tag(self, name: str) -> TagInfo | None:
        """The tag of that name."""
        return next((tag for tag in self.tags if tag.name == name), None)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """One consistent state. Readers take the whole of it, so a change never shows half."""

    version: int = 0
    devices: Mapping[str, Mapping[str, DeviceInfo]] = field(default_factory=dict)  # organisation → device id
    by_uuid: Mapping[str, DeviceInfo] = field(default_factory=dict)
    tags: Mapping[int, TagInfo] = field(default_factory=dict)
    by_name: Mapping[tuple[str, str, str], TagInfo] = field(default_factory=dict)  # organisation, device id, name
    max_tag_id: int = 0


class Directory:
    """All devices and tags of all organisations. Reading takes no lock and is safe from any thread.

    Only `Registry` changes it, after the database has committed. Where other processes change the database too, it
    follows them a moment later: who must not miss such a change asks for `catch_up`.
    """

    def __init__(self) -> None:
        self.default_organisation = ""
        self._state = _Snapshot()
        self._listeners: list[Callable[[], None]] = []
        self._changing = threading.Lock()
        self._catch_up: Callable[[], Awaitable[bool]] | None = None
        self.looked_at = 0  # when the database was last read, µs UTC

    @property
    def version(self) -> int:
        """Grows with every change: what is derived from the directory is stale when it differs."""
        return self._state.version

    @property
    def max_tag_id(self) -> int:
        """Largest tag id that was ever here, for arrays indexed by tag id."""
        return self._state.max_tag_id

    def device(self, organisation_id: str, device_id: str) -> DeviceInfo | None:
        """The device that is called `device_id` in that organisation."""
        devices = self._state.devices.get(organisation_id)
        return devices.get(device_id) if devices else None

    def by_uuid(self, uuid: str) -> DeviceInfo | None:
        """The device of that UUID, in any organisation."""
        return self._state.by_uuid.get(uuid)

    def tag(self, tag_id: int) -> TagInfo | None:
        """The tag of that id, in any organisation."""
        return self._state.tags.get(tag_id)

    def tag_of(self, organisation_id: str, device_id: str, name: str) -> TagInfo | None:
        """The tag `name` of a device."""
        return self._state.by_name.get((organisation_id, device_id, name))

    def devices(self, organisation_id: str) -> Sequence[DeviceInfo]:
        """All devices of an organisation, by device id."""
        return tuple(self._state.devices.get(organisation_id, {}).values())

    def tags(self, organisation_id: str) -> Sequence[TagInfo]:
        """All tags of an organisation, device by device."""
        return tuple(tag for device in self.devices(organisation_id) for tag in device.tags)

    def organisations(self) -> Sequence[str]:
        """Ids of the organisations that have devices."""
        return tuple(self._state.devices)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each change, on the thread that made it; returns what ends that.

        It must be quick and must not change the registry: set a flag, or hand over to the loop.
        """
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    @property
    def follows(self) -> bool:
        """Whether there may be devices and tags that are not here yet."""
        return self._catch_up is not None

    def knows_all_of(self, moment: int) -> bool:
        """Whether everything is here that was in the database at a time (µs UTC, by this process's clock)."""
        return self._catch_up is None or moment <= self.looked_at

    def follow(self, catch_up: Callable[[], Awaitable[bool]] | None) -> None:
        """Others change the registry too: `catch_up` takes over what they have done. None: no longer."""
        self._catch_up = catch_up

    async def catch_up(self) -> bool:
        """Until everything is here that was in the database before the call. False when the database is away."""
        return await self._catch_up() if self._catch_up is not None else True

    def replace(self, devices: Iterable[DeviceInfo], highest_tag_id: int = 0) -> None:
        """Hold exactly these devices; tag ids up to `highest_tag_id` are in use, also by devices that are gone."""
        with self._changing:
            highest = max(self._state.max_tag_id, highest_tag_id)
            empty = _Snapshot(version=self._state.version, max_tag_id=highest)
            self._state = _Draft(empty).put(devices).done()
        self._tell()

    def put(self, *devices: DeviceInfo) -> None:
        """Add these devices, or replace those with the same UUID."""
        with self._changing:
            self._state = _Draft(self._state).put(devices).done()
        self._tell()

    def remove(self, uuid: str) -> None:
        """Forget a device; its tag ids are never given to another."""
        with self._changing:
            self._state = _Draft(self._state).drop(uuid).done()
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


class _Draft:
    """The next snapshot: copies of the maps of the last one (quick, even with 100,000 tags), then the changes."""

    def __init__(self, before: _Snapshot) -> None:
        self._before = before
        self._devices = {organisation: dict(devices) for organisation, devices in before.devices.items()}
        self._by_uuid = dict(before.by_uuid)
        self._tags = dict(before.tags)
        self._by_name = dict(before.by_name)

    def put(self, devices: Iterable[DeviceInfo]) -> _Draft:
        for device in devices:
            self.drop(device.uuid)
            organisation = device.organisation_id
            self._devices.setdefault(organisation, {})[device.device_id] = device
            self._by_uuid[device.uuid] = device
            for tag in device.tags:
                self._tags[tag.id] = tag
                self._by_name[organisation, device.device_id, tag.name] = tag
        return self

    def drop(self, uuid: str) -> _Draft:
        device = self._by_uuid.pop(uuid, None)
        if device is not None:
            del self._devices[device.organisation_id][device.device_id]
            for tag in device.tags:
                del self._tags[tag.id]
                del self._by_name[device.organisation_id, device.device_id, tag.name]
        return self

    def done(self) -> _Snapshot:
        ordered = {key: dict(sorted(devices.items())) for key, devices in self._devices.items()}
        highest = max(self._before.max_tag_id, max(self._tags, default=0))
        return _Snapshot(self._before.version + 1, ordered, self._by_uuid, self._tags, self._by_name, highest)
