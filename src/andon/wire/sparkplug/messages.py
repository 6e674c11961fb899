"""Messages to publish: STATE of a host, commands, and what both sides share."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.errors import PayloadError
from andon.wire.sparkplug.model import Metric, Payload
from andon.wire.sparkplug.payload import encode
from andon.wire.topics import edge_device_topic, node_topic, state_topic

REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"


class Outgoing(NamedTuple):
    """A message to publish just as it is."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class State(msgspec.Struct):
    """Whether a host application is online; `timestamp` ms UTC of its connection."""

    online: bool
    timestamp: int


_state = msgspec.json.Decoder(State)


def decode_state(payload: bytes) -> State:
    """The payload of `spBv1.0/STATE/{host_id}`. PayloadError when it is not Sparkplug 3.0's JSON."""
    try:
        return _state.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise PayloadError(f'STATE is not {{"online": true, "timestamp": ms}}: {error}', field="STATE") from error


def encode_state(online: bool, timestamp_ms: int) -> bytes:
    """The payload of `spBv1.0/STATE/{host_id}`."""
    return msgspec.json.encode(State(online, timestamp_ms))


def host_will(host_id: str, connected_ms: int) -> Outgoing:
    """The will of a host application, and its farewell; `connected_ms` is the time that its birth carries too."""
    return Outgoing(state_topic(host_id), encode_state(False, connected_ms), 1, True)


def host_birth(host_id: str, connected_ms: int) -> Outgoing:
    """The birth of a host application, published after it has subscribed."""
    return Outgoing(state_topic(host_id), encode_state(True, connected_ms), 1, True)


def rebirth_command(group_id: str, edge_node_id: str, timestamp_ms: int) -> Outgoing:
    """The NCMD that asks an edge node for its births."""
    metric = Metric(REBIRTH, timestamp_ms=timestamp_ms, datatype=DataType.BOOLEAN, value=True)
    payload = encode(Payload(timestamp_ms, [metric]))
    return Outgoing(node_topic(group_id, "NCMD", edge_node_id), payload, 0, False)


def write_command(
    group_id: str, edge_node_id: str, device_id: str | None, metrics: list[Metric], timestamp_ms: int
) -> Outgoing:
    """An NCMD (`device_id` None) or DCMD that writes metrics."""
    if device_id is None:
        topic = node_topic(group_id, "NCMD", edge_node_id)
    else:
        topic = edge_device_topic(group_id, "DCMD", edge_node_id, device_id)
    return Outgoing(topic, encode(Payload(timestamp_ms, metrics)), 0, False)
