"""The Sparkplug host application: sessions of all edge nodes, and what their events mean for tags and screens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from andon.ingest.batch import BatchBuilder
from andon.ingest.devices import TagsMissingError, merged
from andon.ingest.discovery import Discovered, Discovery
from andon.ingest.registration import TagRegistrar
from andon.ingest.routes import Route
from andon.ingest.settings import IngestSettings
from andon.ingest.sparkplug.bindings import (
    announced_limits,
    bind,
    is_signal,
    missing_tags,
    write_readings,
    write_stale,
)
from andon.ingest.sparkplug.names import PROTOCOL, EdgeName, NameBook
from andon.ingest.sparkplug.nodes import EdgeDevice, EdgeNode, NodeTable
from andon.ingest.timing import TimePolicy
from andon.kit.clock import US_PER_MS, US_PER_S, now_us
from andon.kit.quality import Quality
from andon.registry.directory import Directory
from andon.wire.errors import WireError
from andon.wire.sparkplug.definitions import Reading, Rejected, resolve
from andon.wire.sparkplug.host import Born, Data, Died, Event, Ignored, RebirthWanted
from andon.wire.sparkplug.messages import Outgoing, decode_state, host_birth, host_will, rebirth_command
from andon.wire.sparkplug.numbers import Numbers
from andon.wire.sparkplug.payload import open_data, read_rows
from andon.wire.topics import SparkplugMessage, SparkplugTopic, StateTopic

logger = logging.getLogger(__name__)

Publish = Callable[[Outgoing], None]
Refused = Callable[[str, bytes, WireError], None]
"""(topic, payload, reason): what could not be taken after its message was handled already."""

_HARMLESS = ("already_dead", "stale_death")
_MAX_REBIRTHS_PER_S = 20


class SparkplugHost:
    """Keeps one session per edge node, `max_edge_nodes` at most, and asks for births when it needs them."""

    def __init__(
        self,
        directory: Directory,
        discovery: Discovery,
        registrar: TagRegistrar,
        policy: TimePolicy,
        settings: IngestSettings,
        out: BatchBuilder,
        refused: Refused,
        publish: Publish,
    ) -> None:
        self._directory = directory
        self._discovery = discovery
        self._registrar = registrar
        self._policy = policy
        self._settings = settings
        self._out = out
        self._refused = refused
        self._publish = publish
        self._names = NameBook(directory)
        self._nodes = NodeTable(settings.max_edge_nodes, settings.max_edge_metrics)
        self._version = directory.version
        self._connected_ms = now_us() // US_PER_MS
        self._rebirths = (0, 0)

    @property
    def will(self) -> Outgoing:
        """What the broker publishes when the host vanishes, and the host itself when it leaves."""
        return host_will(self._settings.sparkplug_host_id, self._connected_ms)

    @property
    def birth(self) -> Outgoing:
        """What the host publishes once it has subscribed."""
        return host_birth(self._settings.sparkplug_host_id, self._connected_ms)

    def route(self, topic: SparkplugTopic | StateTopic) -> Route:
        """What handles payloads on that topic."""
        if isinstance(topic, StateTopic):
            return lambda payload, _received: self._state(topic.host_id, payload)
        group, kind, node, device = topic.group_id, topic.message_type, topic.edge_node_id, topic.device_id
        return lambda payload, received: self._receive(group, kind, node, device, payload, received)

    def replay_route(self, topic: SparkplugTopic | StateTopic) -> Route:
        """What takes a data message again, by the births of now and outside of the sequence.

        WireError when the message is no data message, or its sender is not online.
        """
        if isinstance(topic, StateTopic) or topic.message_type not in ("NDATA", "DDATA"):
            raise WireError("not_replayable", "only data can be replayed; births and deaths are of their moment")
        node = self._nodes.get(topic.group_id, topic.edge_node_id)
        device = node.devices.get(topic.device_id) if node is not None else None
        if device is None:
            raise WireError("not_born", "its sender is not online: replay it after the next birth")
        return lambda payload, received: self._replay(device, payload, received)

    def tick(self, now: int) -> None:
        """To be called about once a second: gaps that were not filled, devices that did not come back."""
        self._follow_directory(now)
        for node in self._nodes.all():
            self._handle(node, node.session.due(now), now)

    def _receive(
        self, group: str, kind: SparkplugMessage, node_id: str, device_id: str | None, payload: bytes, received: int
    ) -> WireError | None:
        if kind in ("NCMD", "DCMD"):
            return None  # our own, or those of another host
        if self._directory.version != self._version:
            self._follow_directory(received)
        node = self._nodes.get(group, node_id) or self._nodes.admit(group, node_id)
        node.seen = received
        return self._handle(node, node.session.receive(kind, device_id, payload, received), received)

    def _handle(self, node: EdgeNode, events: Iterable[Event], received: int) -> WireError | None:
        wrong: list[WireError] = []
        for event in events:
            if type(event) is Data:
                device = node.devices.get(event.device_id)
                if device is not None and not self._take_numbers(device, event.readings, received):
                    wrong += _errors(event.rejected)
                    wrong += _errors(self._take(device, event.readings, received))
            else:
                wrong += self._handle_rare(node, event, received)
        return merged(wrong, len(wrong)) if wrong else None

    def _handle_rare(self, node: EdgeNode, event: Event, received: int) -> list[WireError]:
        if isinstance(event, Born):
            return [*_errors(event.rejected), *self._born(node, event, received)]
        if isinstance(event, Died):
            self._died(node, event, received)
        elif isinstance(event, RebirthWanted):
            self._ask_rebirth(node, event.reason, received)
        elif isinstance(event, Ignored) and event.reason not in _HARMLESS:
            return [WireError(event.reason, event.detail)]
        return []

    def _born(self, node: EdgeNode, event: Born, received: int) -> list[WireError]:
        name = EdgeName(node.group, node.node, event.device_id)
        before = node.devices.get(event.device_id)
        device = node.devices[event.device_id] = EdgeDevice(name, event.definitions)
        if before is not None:
            device.carry_over(before)
        too_many = self._nodes.check_metrics(node)
        if too_many is not None:
            return [too_many]
        return self._connect(device, event.readings, received)

    def _connect(self, device: EdgeDevice, readings: Sequence[Reading], received: int) -> list[WireError]:
        """Give a born device its tags, registering those that are new, and take its readings."""
        device.info = info = self._names.find(device.name)
        if info is None:
            self._announce(device, received)
            return _errors(self._take(device, readings, received))
        tags, rejected = missing_tags(info, device.definitions)
        if tags:
            device.waiting = [(readings, received)]
            missing = TagsMissingError(info, tags)
            try:
                self._registrar.when_registered(missing, lambda refused: self._registered(device, refused))
            except WireError as error:
                device.waiting = None
                rejected.append(Rejected("", error.reason, str(error)))
        device.columns.forget()
        rejected += bind(info, device.definitions)
        if device.waiting is None:
            rejected += self._take(device, readings, received)
        return _errors(rejected)

    def _registered(self, device: EdgeDevice, refused: WireError | None) -> None:
        waiting, device.waiting = device.waiting or [], None
        device.info = info = self._names.find(device.name)
        problems = [] if refused is None else [refused]
        if info is not None:
            device.columns.forget()
            problems += _errors(bind(info, device.definitions))
        for readings, received in waiting:
            problems += _errors(self._take(device, readings, received))
        if problems:
            self._refused(device.name.topic, b"", merged(problems, len(problems)))

    def _take_numbers(self, device: EdgeDevice, readings: Sequence[Reading], received: int) -> bool:
        """Whether they could be taken as columns."""
        if type(readings) is not Numbers or device.waiting is not None:
            return False
        if device.info is None or device.info.status == "disabled":
            return False
        return device.columns.write(readings, received, self._policy, self._out)

    def _take(self, device: EdgeDevice, readings: Sequence[Reading], received: int) -> list[Rejected]:
        if device.waiting is not None:
            if len(device.waiting) >= self._settings.max_deferred:
                return [Rejected("", "too_many_new_signals", "too many messages wait for new tags")]
            device.waiting.append((readings, received))
            return []
        if device.info is None:
            return self._remember(device, readings, received)
        if device.info.status == "disabled":
            return [Rejected("", "device_disabled", f"{device.info.device_id} is disabled")]
        device.columns.settle()
        return write_readings(readings, received, self._policy, self._out)

    def _announce(self, device: EdgeDevice, received: int) -> None:
        signals = [definition for definition in device.definitions if is_signal(definition)]
        if not signals:
            return  # an edge node that only carries devices is nothing to adopt
        entry = self._entry(device, received)
        self._discovery.announce(entry, [(s.name, s.eng_unit or "", s.kind, announced_limits(s)) for s in signals])

    def _remember(self, device: EdgeDevice, readings: Sequence[Reading], received: int) -> list[Rejected]:
        entry: Discovered | None = None
        for definition, at, value, quality, historical in readings:
            if value is None or not is_signal(definition) or (isinstance(value, float) and value - value != 0):
                continue
            entry = entry or self._entry(device, received)
            try:
                timestamp, best = self._policy.check(at, received, Quality.GOOD, historical=historical)
            except WireError as error:
                return [Rejected(definition.name, error.reason, str(error))]
            self._discovery.remember(entry, definition.name, (timestamp, value, min(quality, best), received))
        return []

    def _entry(self, device: EdgeDevice, received: int) -> Discovered:
        organisation = self._directory.default_organisation
        adopt_as = self._names.id_to_adopt(device.name)
        return self._discovery.seen(organisation, PROTOCOL, adopt_as, device.name.topic, received)

    def _died(self, node: EdgeNode, event: Died, received: int) -> None:
        for device_id in event.device_ids:
            device = node.devices.pop(device_id, None)
            if device is not None:
                device.columns.settle()
                write_stale(device.definitions, received, self._out)
        if None in event.device_ids:
            logger.info("edge node is offline", extra={"group": node.group, "node": node.node})

    def _ask_rebirth(self, node: EdgeNode, reason: str, now: int) -> None:
        second, asked = self._rebirths
        asked = 0 if now // US_PER_S != second else asked
        if asked < _MAX_REBIRTHS_PER_S:
            self._rebirths = (now // US_PER_S, asked + 1)
            logger.info("asking for a rebirth", extra={"group": node.group, "node": node.node, "reason": reason})
            self._publish(rebirth_command(node.group, node.node, now // US_PER_MS))

    def _follow_directory(self, now: int) -> None:
        """Devices were adopted, changed or deleted: find everybody's tags anew."""
        if self._directory.version == self._version:
            return
        self._version = self._directory.version
        for node in self._nodes.all():
            for device in node.devices.values():
                if device.waiting is None and self._names.find(device.name) is not device.info:
                    self._reconnect(node, device, now)

    def _reconnect(self, node: EdgeNode, device: EdgeDevice, now: int) -> None:
        was_unknown = device.info is None
        try:
            problems = self._connect(device, (), now)
        except WireError as error:
            problems = [error]
        if problems:
            self._refused(device.name.topic, b"", merged(problems, len(problems)))
        if was_unknown and device.info is not None:
            self._ask_rebirth(node, "adopted", now)  # what did not change lately is reported by births alone

    def _replay(self, device: EdgeDevice, payload: bytes, received: int) -> WireError | None:
        if device.info is None:
            raise WireError("unknown_device", f"{device.name.short} is not registered: adopt it first")
        opened = open_data(payload)
        readings, rejected, unknown = resolve(
            read_rows(opened.metrics), opened.timestamp_ms, device.definitions_by_key()
        )
        wrong = _errors([*rejected, *self._take(device, readings, received)])
        if unknown:
            wrong.append(WireError("unknown_metric", f"no birth named {unknown[:5]!r:.200}"))
        return merged(wrong, len(wrong)) if wrong else None

    def _state(self, host_id: str, payload: bytes) -> None:
        """Our own STATE comes back to us: when it says offline, an old connection's will has overwritten it."""
        if host_id == self._settings.sparkplug_host_id and payload and not decode_state(payload).online:
            self._publish(self.birth)


def _errors(rejected: Iterable[Rejected]) -> list[WireError]:
    return [WireError(each.reason, each.detail, each.metric or None) for each in rejected]
