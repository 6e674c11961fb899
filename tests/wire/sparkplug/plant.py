"""An edge node and a host that talk without a broker, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from andon.wire.sparkplug.datatypes import DataType
from andon.wire.sparkplug.definitions import Reading
from andon.wire.sparkplug.messages import Outgoing
from andon.wire.sparkplug.model import Metric, Property
from andon.wire.sparkplug.session import Born, Data, EdgeSession, Event, HostSession
from andon.wire.topics import SparkplugTopic, parse_topic

NOW_MS = 1_736_589_600_000
NOW = NOW_MS * 1000
SECOND = 1_000_000


def signals() -> list[Metric]:
    """Two signals of a press."""
    properties = {
        "engUnit": Property(DataType.STRING, "kN"),
        "engLow": Property(DataType.DOUBLE, 0.0),
        "engHigh": Property(DataType.DOUBLE, 800.0),
    }
    return [
        Metric("Force", datatype=DataType.DOUBLE, value=0.0, properties=properties),
        Metric("Strokes", datatype=DataType.INT32, value=0),
    ]


def edge(*devices: str, bd_seq: int = 0) -> EdgeSession:
    """A connected edge node with presses."""
    session = EdgeSession("Plant", "edge-1", [Metric("Uptime", datatype=DataType.INT64, value=0)], bd_seq=bd_seq)
    session.connect(NOW_MS)
    for device in devices:
        session.add_device(device, signals(), NOW_MS)
    return session


def tell(host: HostSession, message: Outgoing, now: int = NOW) -> list[Event]:
    """Hand a message of the edge node to the host."""
    topic = parse_topic(message.topic)
    assert isinstance(topic, SparkplugTopic)
    return host.receive(topic.message_type, topic.device_id, message.payload, now)


def tell_all(host: HostSession, messages: Iterable[Outgoing], now: int = NOW) -> list[Event]:
    """Hand several messages over, in order."""
    return [event for message in messages for event in tell(host, message, now)]


def values(events: Iterable[Event]) -> list[tuple[str | None, str, Any]]:
    """(device, metric, value) of all readings in the events."""
    readings: list[tuple[str | None, Reading]] = []
    for event in events:
        if isinstance(event, Born | Data):
            readings += [(event.device_id, reading) for reading in event.readings]
    return [(device, reading[0].name, reading[2]) for device, reading in readings]
