"""From a topic to what handles its payload: worked out once per topic of a known device, then looked up."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Protocol

from andon.ingest.batch import BatchBuilder
from andon.ingest.decoders import factory_plus, kaldor
from andon.ingest.devices import DeviceWriter
from andon.ingest.discovery import Discovery
from andon.ingest.newcomers import NotKnownYetError
from andon.ingest.repeats import Decode, DeviceRoute
from andon.ingest.settings import IngestSettings
from andon.ingest.statuses import DeviceStatus, Statuses
from andon.ingest.timing import ClockWatch, TimePolicy
from andon.kit.ids import DEVICE_ID_PATTERN
from andon.registry.directory import DeviceInfo, Directory
from andon.wire.errors import WireError
from andon.wire.json_messages import StatusMessage, decode_device_status, decode_loom_status
from andon.wire.topics import DeviceTopic, LoomTopic, SparkplugTopic, StateTopic, parse_topic

Route = Callable[[bytes, int], WireError | None]
"""Handles a payload received at a time (µs UTC): raises what refuses all of it, returns what refuses a part."""

MAX_ROUTES = 200_000
_DEVICE_ID = re.compile(DEVICE_ID_PATTERN)
# Sparkplug topics are not kept as routes, since sessions come and go; their parts are worked out once all the same.
_parsed = lru_cache(maxsize=4_096)(parse_topic)


class SparkplugReceiver(Protocol):
    """What takes the messages of the Sparkplug namespace."""

    def route(self, topic: SparkplugTopic | StateTopic) -> Route:
        """What handles payloads on that topic."""
        ...

    def replay_route(self, topic: SparkplugTopic | StateTopic) -> Route:
        """What takes a payload again that was refused before."""
        ...


class Routes:
    """Looks topics up. Only topics of known devices are remembered, so that inventing topics costs no memory."""

    def __init__(
        self,
        directory: Directory,
        discovery: Discovery,
        statuses: Statuses,
        sparkplug: SparkplugReceiver,
        policy: TimePolicy,
        settings: IngestSettings,
        out: BatchBuilder,
    ) -> None:
        self._directory = directory
        self._discovery = discovery
        self._statuses = statuses
        self._sparkplug = sparkplug
        self._policy = policy
        self._settings = settings
        self._out = out
        self._version = -1
        self._routes: dict[str, Route] = {}
        self._watches: dict[str, ClockWatch] = {}

    def find(self, topic: str) -> Route:
        """What handles payloads on the topic. WireError when nothing does."""
        if self._directory.version != self._version:
            self._routes.clear()
            self._version = self._directory.version
        route = self._routes.get(topic)
        return route if route is not None else self._resolve(topic)

    def find_for_replay(self, topic: str) -> Route:
        """What takes a payload again that was refused before."""
        parsed = _parsed(topic)
        if isinstance(parsed, SparkplugTopic | StateTopic):
            return self._sparkplug.replay_route(parsed)
        return self.find(topic)

    def clock_offsets(self, organisation: str) -> dict[str, float]:
        """Device id → seconds that its clock is off (negative: behind), of those beyond the tolerance."""
        found: dict[str, float] = {}
        for uuid in list(self._watches):
            device = self._directory.by_uuid(uuid)
            if device is None:
                del self._watches[uuid]
            elif self._watches[uuid].offset_us and device.organisation_id == organisation:
                found[device.device_id] = self._watches[uuid].offset_us / 1e6
        return found

    def _resolve(self, topic: str) -> Route:
        match _parsed(topic):
            case DeviceTopic(device_id, "data"):
                return self._data(topic, "factory-plus", device_id, factory_plus.decode)
            case LoomTopic(loom_id, "bbw/raw"):
                return self._data(topic, "kaldor", loom_id, kaldor.decode)
            case DeviceTopic(device_id, "status"):
                return partial(self._status, device_id, decode_device_status)
            case LoomTopic(loom_id, "status"):
                return partial(self._status, loom_id, decode_loom_status)
            case SparkplugTopic() | StateTopic() as sparkplug:
                return self._sparkplug.route(sparkplug)
        raise WireError("unexpected_topic", f"topic {topic[:200]!r} carries nothing that is stored")

    def _data(self, topic: str, protocol: str, device_id: str, decode: Decode) -> Route:
        device = self._directory.device(self._directory.default_organisation, device_id)
        if device is None:
            return partial(self._unknown, topic, protocol, device_id, decode)
        route = self._writing(device, decode)
        if len(self._routes) < MAX_ROUTES:
            self._routes[topic] = route
        return route

    def _writing(self, device: DeviceInfo, decode: Decode) -> Route:
        return DeviceRoute(DeviceWriter(device, self._policy, self._watch(device)), decode, self._out)

    def _watch(self, device: DeviceInfo) -> ClockWatch:
        watch = self._watches.get(device.uuid)
        if watch is None:
            watch = self._watches[device.uuid] = ClockWatch(self._settings)
        return watch

    def _unknown(
        self, topic: str, protocol: str, device_id: str, decode: Decode, payload: bytes, received: int
    ) -> None:
        if not _DEVICE_ID.fullmatch(device_id):
            raise WireError("invalid_device_id", f"{device_id[:40]!r} cannot be a device id", "deviceId")
        if not self._directory.knows_all_of(received):
            raise NotKnownYetError
        reading = decode(payload, device_id)
        self._discovery.observe(self._directory.default_organisation, protocol, device_id, topic, reading, received)

    def _status(self, device_id: str, decode: Callable[[bytes], StatusMessage], payload: bytes, received: int) -> None:
        if not payload:
            return  # a retained status was taken back
        message = decode(payload)
        at = received if message.timestamp is None else message.timestamp
        status = DeviceStatus(message.status[:100], at, message.firmware, message.buffered)
        self._statuses.put(self._directory.default_organisation, device_id, status)
