"""The edge node's side of Sparkplug B: births, data, deaths, the will, and what commands ask for.

A pure state machine: it makes the messages, the caller sends them. The order for one connection is `connect` (gives the
will), MQTT CONNECT, subscriptions, `birth`, then `data`; after a loss of the connection it starts over with `connect`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from andon.wire.sparkplug.datatypes import DataType, write_value
from andon.wire.sparkplug.errors import PayloadError, SequenceError
from andon.wire.sparkplug.messages import BD_SEQ, REBIRTH, Outgoing, State
from andon.wire.sparkplug.model import DataSet, Metric, Payload, Template
from andon.wire.sparkplug.payload import decode, encode
from andon.wire.topics import DeviceMessage, NodeMessage, edge_device_topic, node_topic

_SEQ = 256


class Commands(NamedTuple):
    """What an NCMD or DCMD asks for: a rebirth, and values to write by metric name."""

    rebirth: bool
    writes: dict[str, Any]


@dataclass(slots=True)
class _Owner:
    """The node or one of its devices: its metrics with their present values, by name and by alias."""

    metrics: dict[str, Metric]
    names: dict[int, str] = field(default_factory=dict)


class EdgeSession:
    """One edge node and its devices.

    `metrics` are the node's own; name, data type, first value and properties are the caller's, aliases are given here.
    `bd_seq` is that of the first connection: keep `session.bd_seq` over restarts and pass the next one (modulo 256).
    """

    def __init__(
        self,
        group_id: str,
        edge_node_id: str,
        metrics: Iterable[Metric] = (),
        *,
        bd_seq: int = 0,
        host_id: str | None = None,
    ) -> None:
        self.group_id = group_id
        self.edge_node_id = edge_node_id
        self.host_id = host_id
        self._next_bd_seq = bd_seq % _SEQ
        self._bd_seq: int | None = None
        self._seq = 0
        self._next_alias = 0
        self._born = False
        self._host: State | None = None
        rebirth = Metric(REBIRTH, datatype=DataType.BOOLEAN, value=False)
        self._node = self._owner([rebirth, *metrics], without_alias={REBIRTH})
        self._devices: dict[str, _Owner] = {}

    @property
    def bd_seq(self) -> int | None:
        """The number of the present connection, None before the first `connect`."""
        return self._bd_seq

    @property
    def born(self) -> bool:
        """Whether data may be published."""
        return self._born

    @property
    def may_be_born(self) -> bool:
        """Whether `birth` may be published: at once, or when the primary host (`host_id`) is online."""
        return self.host_id is None or (self._host is not None and self._host.online)

    def connect(self, now_ms: int) -> Outgoing:
        """Begin a connection; the answer is the will to connect with."""
        self._bd_seq, self._next_bd_seq = self._next_bd_seq, (self._next_bd_seq + 1) % _SEQ
        self._born = False
        self._host = None
        return self.death(now_ms)

    def birth(self, now_ms: int) -> list[Outgoing]:
        """NBIRTH and a DBIRTH for each device, with present values; at connection and as the answer to a rebirth."""
        if self._bd_seq is None:
            raise SequenceError("connect() comes before birth(): the will must carry the same bdSeq")
        if not self.may_be_born:
            raise SequenceError(f"the primary host {self.host_id} is not online")
        self._seq = 0
        bd_seq = Metric(BD_SEQ, timestamp_ms=now_ms, datatype=DataType.INT64, value=self._bd_seq)
        payload = Payload(now_ms, [bd_seq, *self._present(self._node, now_ms)], self._take_seq())
        births = [self._node_message("NBIRTH", payload)]
        self._born = True
        return births + [self._device_birth(device_id, now_ms) for device_id in self._devices]

    def add_device(self, device_id: str, metrics: Iterable[Metric], now_ms: int) -> list[Outgoing]:
        """Make a device known, or define it anew; its DBIRTH if the node is born already, else it goes with `birth`."""
        edge_device_topic(self.group_id, "DBIRTH", self.edge_node_id, device_id)
        self._devices[device_id] = self._owner(metrics, without_alias=frozenset())
        return [self._device_birth(device_id, now_ms)] if self._born else []

    def remove_device(self, device_id: str, now_ms: int) -> list[Outgoing]:
        """The device is gone: its DDEATH if it was born. It takes no part in later births."""
        self._known(device_id)
        del self._devices[device_id]
        if not self._born:
            return []
        return [self._device_message("DDEATH", device_id, Payload(now_ms, [], self._take_seq()))]

    def update(self, device_id: str | None, values: Mapping[str, Any], now_ms: int) -> None:
        """Note present values for the next birth without publishing. PayloadError: no such metric, or a misfit."""
        known = self._known(device_id).metrics
        for name, value in values.items():
            metric = self._metric(known, name)
            if value is not None and not isinstance(value, DataSet | Template):
                write_value(DataType(metric.datatype), value)  # a misfit shows here, not at the next birth
            metric.value, metric.timestamp_ms = value, now_ms

    def data(
        self, device_id: str | None, values: Mapping[str, Any], now_ms: int, *, measured_ms: int | None = None
    ) -> Outgoing:
        """NDATA (`device_id` None) or DDATA with these values, by alias where there is one.

        `measured_ms` marks values of the past, kept back while there was no connection: they go out as historical and
        do not become present values. SequenceError before the birth, PayloadError for an unknown metric or misfit.
        """
        if not self._born:
            raise SequenceError("birth() comes before data()")
        owner = self._known(device_id)
        historical = measured_ms is not None
        at = now_ms if measured_ms is None else measured_ms
        metrics = [_changed(self._metric(owner.metrics, name), value, at, historical) for name, value in values.items()]
        body = encode(Payload(now_ms, metrics, self._seq), datatypes=False)
        self._take_seq()
        if not historical:
            for name, value in values.items():
                owner.metrics[name].value, owner.metrics[name].timestamp_ms = value, now_ms
        if device_id is None:
            return Outgoing(node_topic(self.group_id, "NDATA", self.edge_node_id), body, 0, False)
        return Outgoing(edge_device_topic(self.group_id, "DDATA", self.edge_node_id, device_id), body, 0, False)

    def death(self, now_ms: int) -> Outgoing:
        """The NDEATH of this connection: its will, and what to publish before leaving on purpose."""
        if self._bd_seq is None:
            raise SequenceError("connect() comes before death()")
        bd_seq = Metric(BD_SEQ, timestamp_ms=now_ms, datatype=DataType.INT64, value=self._bd_seq)
        topic = node_topic(self.group_id, "NDEATH", self.edge_node_id)
        return Outgoing(topic, encode(Payload(now_ms, [bd_seq])), 1, False)

    def command(self, device_id: str | None, payload: bytes) -> Commands:
        """What an NCMD (`device_id` None) or DCMD asks for. PayloadError when it is none, or names what is unknown."""
        owner = self._known(device_id)
        writes: dict[str, Any] = {}
        for metric in decode(payload).metrics:
            name = metric.name or owner.names.get(-1 if metric.alias is None else metric.alias, "")
            known = self._metric(owner.metrics, name)
            if metric.problem is not None:
                raise PayloadError(metric.problem, reason="invalid_value", field=name)
            writes[known.name or ""] = metric.value
        rebirth = device_id is None and writes.pop(REBIRTH, False) is True
        return Commands(rebirth, writes)

    def host_state(self, state: State) -> Literal["came", "went"] | None:
        """What the primary host's STATE means: `came` → publish `birth`; `went` → publish `death` and disconnect.

        A STATE older than the newest one changes nothing.
        """
        if self._host is not None and state.timestamp < self._host.timestamp:
            return None
        before = self._host is not None and self._host.online
        self._host = state
        if state.online == before:
            return None
        return "came" if state.online else "went"

    def _owner(self, metrics: Iterable[Metric], without_alias: Iterable[str]) -> _Owner:
        owner = _Owner({})
        unnumbered = set(without_alias)
        for metric in metrics:
            if not metric.name or metric.name in owner.metrics or metric.name == BD_SEQ:
                raise PayloadError(f"metric name {metric.name!r} is empty, taken twice or reserved", field="name")
            own = replace(metric, alias=None)
            if metric.name not in unnumbered:
                own.alias, self._next_alias = self._next_alias, self._next_alias + 1
                owner.names[own.alias] = metric.name
            owner.metrics[metric.name] = own
        return owner

    def _known(self, device_id: str | None) -> _Owner:
        owner = self._node if device_id is None else self._devices.get(device_id)
        if owner is None:
            raise PayloadError(f"edge node {self.edge_node_id} has no device {device_id!r}", field="device_id")
        return owner

    def _metric(self, metrics: Mapping[str, Metric], name: str) -> Metric:
        metric = metrics.get(name)
        if metric is None:
            raise PayloadError(f"edge node {self.edge_node_id} has no metric {name!r}", field="name")
        return metric

    def _present(self, owner: _Owner, now_ms: int) -> Sequence[Metric]:
        return [replace(metric, timestamp_ms=metric.timestamp_ms or now_ms) for metric in owner.metrics.values()]

    def _device_birth(self, device_id: str, now_ms: int) -> Outgoing:
        payload = Payload(now_ms, [*self._present(self._devices[device_id], now_ms)], self._take_seq())
        return self._device_message("DBIRTH", device_id, payload)

    def _take_seq(self) -> int:
        seq, self._seq = self._seq, (self._seq + 1) % _SEQ
        return seq

    def _node_message(self, kind: NodeMessage, payload: Payload) -> Outgoing:
        return Outgoing(node_topic(self.group_id, kind, self.edge_node_id), encode(payload), 0, False)

    def _device_message(self, kind: DeviceMessage, device_id: str, payload: Payload) -> Outgoing:
        topic = edge_device_topic(self.group_id, kind, self.edge_node_id, device_id)
        return Outgoing(topic, encode(payload), 0, False)


def _changed(metric: Metric, value: Any, at_ms: int, historical: bool) -> Metric:
    """The metric as data carry it: an alias instead of the name."""
    named = metric.name if metric.alias is None else None
    return Metric(named, metric.alias, at_ms, metric.datatype, value, historical)
