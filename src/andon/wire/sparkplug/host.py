"""The host's side of one edge node: what a message means, in which order, and when to ask for a rebirth.

A pure state machine: messages and the time go in, decisions come out. Nothing is sent and no clock is read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from andon.kit.clock import US_PER_S
from andon.wire.sparkplug.definitions import Definitions, MetricDefinition, Reading, Readings, Rejected, define, resolve
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.messages import BD_SEQ
from andon.wire.sparkplug.model import Payload
from andon.wire.sparkplug.numbers import read_numbers
from andon.wire.sparkplug.payload import OpenData, decode, open_data
from andon.wire.sparkplug.rebirth import RebirthDemand
from andon.wire.sparkplug.shapes import Shapes
from andon.wire.topics import SparkplugMessage

_SEQ = 256


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Bounds on what one edge node can make the host remember, and its patience (seconds)."""

    max_metrics: int = 10_000
    max_devices: int = 1_000
    max_held: int = 64
    reorder_timeout_s: float = 2.0
    rebirth_interval_s: float = 60.0
    rebirth_interval_max_s: float = 900.0
    birth_grace_s: float = 10.0


class Born(NamedTuple):
    """The edge node (`device_id` None) or a device is online; these are all its metrics with their first readings."""

    device_id: str | None
    definitions: list[MetricDefinition]
    readings: list[Reading]
    rejected: list[Rejected]


class Data(NamedTuple):
    """New readings, `Numbers` when they all are. Not `in_sync`: messages before it are missing, or it comes late."""

    device_id: str | None
    readings: Sequence[Reading]
    rejected: list[Rejected]
    in_sync: bool


class Died(NamedTuple):
    """These are offline, None being the edge node itself: all their values are stale from now on."""

    device_ids: list[str | None]


class RebirthWanted(NamedTuple):
    """Publish a rebirth command to the edge node."""

    reason: str


class Ignored(NamedTuple):
    """A message, or a part of it, that changed nothing."""

    reason: str
    detail: str


Event = Born | Data | Died | RebirthWanted | Ignored


class _Held(NamedTuple):
    message_type: SparkplugMessage
    device_id: str | None
    payload: bytes
    opened: OpenData


class HostSession:
    """One edge node as the host sees it. All times are µs UTC; `due` wants to be called about once a second."""

    def __init__(self, limits: SessionLimits | None = None) -> None:
        self._limits = limits or SessionLimits()
        self._rebirth = RebirthDemand(self._limits.rebirth_interval_s, self._limits.rebirth_interval_max_s)
        self._definitions: dict[str | None, Definitions] = {}
        self._metrics: dict[str | None, int] = {}
        self._shapes: dict[str | None, Shapes] = {}
        self._online = False
        self._in_sync = False
        self._bd_seq: int | None = None
        self._expected = 0
        self._held: dict[int, _Held] = {}
        self._held_until = 0
        self._unborn: set[str] = set()
        self._unborn_until = 0

    @property
    def online(self) -> bool:
        """Whether the node is born and has not died."""
        return self._online

    @property
    def in_sync(self) -> bool:
        """Whether nothing is missing since the last birth of the node."""
        return self._in_sync and not self._held

    @property
    def devices(self) -> list[str]:
        """The devices that are online."""
        return [device for device in self._definitions if device is not None]

    def receive(self, message_type: SparkplugMessage, device_id: str | None, payload: bytes, now: int) -> list[Event]:
        """What a message of this edge node means. PayloadError when the bytes are no Sparkplug B payload."""
        if message_type == "NBIRTH":
            return self._node_birth(decode(payload), now)
        if message_type == "NDEATH":
            return self._node_death(decode(payload), now)
        if message_type in ("NCMD", "DCMD"):
            return []
        shapes = self._shapes.get(device_id) if message_type in ("NDATA", "DDATA") else None
        opened = open_data(payload) if shapes is None else shapes.open(payload)
        if not self._online:
            return [Ignored("not_born", f"{message_type} before NBIRTH"), *self._ask("not_born", now)]
        return self._sequenced(_Held(message_type, device_id, payload, opened), now)

    def due(self, now: int) -> list[Event]:
        """What time alone brings: a gap that was not filled, devices that did not come back, a rebirth to repeat."""
        events: list[Event] = []
        if self._held and now >= self._held_until:
            events += self._give_up("sequence_gap", now)
        if self._unborn and now >= self._unborn_until:
            events.append(Died([*sorted(self._unborn)]))
            self._unborn.clear()
        return events + self._reminder(now)

    def _sequenced(self, message: _Held, now: int) -> list[Event]:
        if not message.opened.has_seq:
            return [*self._apply(message, False, now), *self._ask("missing_seq", now)]
        ahead = (message.opened.seq - self._expected) % _SEQ
        if ahead == 0:
            self._expected = (self._expected + 1) % _SEQ
            events = self._apply(message, self._in_sync, now)
            return events + self._continue(now) if self._held else events
        if ahead < _SEQ // 2:
            return self._hold(message, now)
        return self._late(message, now)

    def _late(self, message: _Held, now: int) -> list[Event]:
        self._in_sync = False
        asked = self._ask("sequence_behind", now)
        if message.message_type in ("NDATA", "DDATA"):
            return [*self._apply(message, False, now), *asked]
        return [Ignored("late", f"{message.message_type} with seq {message.opened.seq} after newer ones"), *asked]

    def _hold(self, message: _Held, now: int) -> list[Event]:
        if not self._held:
            self._held_until = now + round(self._limits.reorder_timeout_s * US_PER_S)
        self._held.setdefault(message.opened.seq, message)
        if len(self._held) > self._limits.max_held or now >= self._held_until:
            return self._give_up("sequence_gap", now)
        return []

    def _continue(self, now: int) -> list[Event]:
        """Messages that were waiting for the one that has just come; a further gap gets its own time."""
        events: list[Event] = []
        while (message := self._held.pop(self._expected, None)) is not None:
            self._expected = (self._expected + 1) % _SEQ
            events += self._apply(message, self._in_sync, now)
            self._held_until = now + round(self._limits.reorder_timeout_s * US_PER_S)
        return events

    def _give_up(self, reason: str, now: int) -> list[Event]:
        return [*self._release(now), *self._ask(reason, now)]

    def _release(self, now: int) -> list[Event]:
        """Take the held messages in their order, gap or not: their readings are good, only others are missing."""
        events: list[Event] = []
        if self._held:
            self._in_sync = False
        for seq in sorted(self._held, key=lambda seq: (seq - self._expected) % _SEQ):
            events += self._apply(self._held[seq], False, now)
            self._expected = (seq + 1) % _SEQ
        self._held.clear()
        return events

    def _apply(self, message: _Held, in_sync: bool, now: int) -> list[Event]:
        if message.message_type == "DBIRTH":
            return self._device_birth(message, now)
        if message.message_type == "DDEATH":
            return self._device_death(message.device_id)
        return self._data(message, in_sync, now)

    def _data(self, message: _Held, in_sync: bool, now: int) -> list[Event]:
        definitions = self._definitions.get(message.device_id)
        if definitions is None:
            detail = f"data of {message.device_id} before its DBIRTH"
            return [Ignored("unknown_device", detail), *self._ask("unknown_device", now)]
        opened = message.opened
        numbers = None if opened.repeated is None else read_numbers(opened.repeated, opened.timestamp_ms, definitions)
        if numbers is not None:
            return [Data(message.device_id, numbers, [], in_sync)]
        taken, rejected, unknown = resolve(opened.rows(), opened.timestamp_ms, definitions)
        events: list[Event] = [Data(message.device_id, taken, rejected, in_sync)]
        if unknown:
            events.append(Ignored("unknown_metric", f"no birth named {unknown[:5]!r:.200} of {len(unknown)}"))
            events += self._ask("unknown_metric", now)
        return events

    def _node_birth(self, payload: Payload, now: int) -> list[Event]:
        events = self._release(now)
        self._unborn |= {device for device in self._definitions if device is not None}
        self._unborn_until = now + round(self._limits.birth_grace_s * US_PER_S)
        self._forget()
        self._online = self._in_sync = True
        self._bd_seq = _bd_seq(payload)
        self._expected = ((payload.seq or 0) + 1) % _SEQ
        self._rebirth.satisfied()
        return events + self._born(None, payload)

    def _device_birth(self, message: _Held, now: int) -> list[Event]:
        device_id = message.device_id
        if device_id is None or (
            device_id not in self._definitions and len(self._definitions) > self._limits.max_devices
        ):
            detail = f"{device_id}: a node may have {self._limits.max_devices} devices (max_devices)"
            return [Ignored("too_many_devices", detail)]
        try:
            payload = decode(message.payload)
        except PayloadError as error:
            return [Ignored(error.reason, str(error)), *self._ask("unreadable_birth", now)]
        self._unborn.discard(device_id)
        return self._born(device_id, payload)

    def _born(self, device_id: str | None, payload: Payload) -> list[Event]:
        self._metrics.pop(device_id, None)
        room = max(self._limits.max_metrics - sum(self._metrics.values()), 0)
        definitions, readings = define(payload.metrics[:room], payload.timestamp_ms or 0)
        self._definitions[device_id] = definitions
        self._shapes[device_id] = Shapes()
        self._metrics[device_id] = min(len(payload.metrics), room)
        events: list[Event] = [_born_event(device_id, definitions, readings)]
        if len(payload.metrics) > room:
            detail = f"{len(payload.metrics) - room} metrics over the limit of a node (max_metrics)"
            events.append(Ignored("too_many_metrics", detail))
        return events

    def _device_death(self, device_id: str | None) -> list[Event]:
        if device_id is None or self._definitions.pop(device_id, None) is None:
            return [Ignored("already_dead", f"DDEATH of {device_id}, which was not online")]
        self._metrics.pop(device_id, None)
        self._shapes.pop(device_id, None)
        return [Died([device_id])]

    def _node_death(self, payload: Payload, now: int) -> list[Event]:
        bd_seq = _bd_seq(payload)
        if not self._online:
            return [Ignored("already_dead", "NDEATH of a node that was not online")]
        if self._bd_seq is not None and bd_seq is not None and bd_seq != self._bd_seq:
            return [Ignored("stale_death", f"NDEATH of bdSeq {bd_seq}, the node was born with {self._bd_seq}")]
        events = self._release(now)
        gone: list[str | None] = [None, *sorted({*self.devices, *self._unborn})]
        self._online = self._in_sync = False
        self._forget()
        self._unborn.clear()
        self._rebirth.satisfied()
        return [*events, Died(gone)]

    def _forget(self) -> None:
        self._definitions.clear()
        self._shapes.clear()
        self._metrics.clear()

    def _ask(self, reason: str, now: int) -> list[Event]:
        return [RebirthWanted(reason)] if self._rebirth.ask(reason, now) else []

    def _reminder(self, now: int) -> list[Event]:
        reason = self._rebirth.due(now)
        return [] if reason is None else [RebirthWanted(reason)]


def _born_event(device_id: str | None, definitions: Definitions, readings: Readings) -> Born:
    unique = [definition for key, definition in definitions.items() if key == definition.name]
    return Born(device_id, unique, readings.taken, readings.rejected)


def _bd_seq(payload: Payload) -> int | None:
    for metric in payload.metrics:
        if metric.name == BD_SEQ and isinstance(metric.value, int):
            return metric.value
    return None
