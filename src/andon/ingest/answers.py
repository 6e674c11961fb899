"""What the ingest endpoints answer."""

from __future__ import annotations

from typing import Any, Literal

from andon.kit.contract import Answer, Value, example
from andon.registry.answers import SignalKind, SignalLimits


class RejectedSample(Answer):
    """A sample that was not taken; `index` is its place in the request."""

    index: int
    reason: str
    detail: str


class Pushed(Answer):
    """How many samples are stored now, and which are not."""

    model_config = example(
        {"accepted": 1, "rejected": [{"index": 1, "reason": "invalid_value", "detail": "value is not a number"}]}
    )

    accepted: int
    rejected: list[RejectedSample]


_FOUND: dict[str, Any] = {
    "key": "b861b33af985e5be",
    "protocol": "mqtt",
    "deviceId": "pump-7",
    "topic": "factory-plus/devices/pump-7/data",
    "type": "pressure",
    "location": "hall-2",
    "firstSeen": "2025-01-11T10:00:00.000Z",
    "lastSeen": "2025-01-11T10:05:00.000Z",
    "messages": 300,
    "suggestedName": "pump-7",
    "signals": [
        {
            "name": "pressure",
            "unit": "bar",
            "kind": "number",
            "lastValue": 5.2,
            "min": 4.8,
            "max": 5.6,
            "count": 300,
            "intervalSeconds": 1,
            "suggested": {"normalMin": 4.6, "normalMax": 5.8, "alertMin": 4.2, "alertMax": 6.2},
        }
    ],
}


class DiscoveredSignal(Answer):
    """What one signal of a discovered device showed, and the limits that would fit it."""

    name: str
    unit: str | None
    kind: SignalKind
    last_value: Value
    min: float | None
    max: float | None
    count: int
    interval_seconds: float | None
    suggested: SignalLimits


class DiscoveredDevice(Answer):
    """A device that publishes and is not registered."""

    key: str
    protocol: str
    device_id: str
    topic: str
    type: str
    location: str
    first_seen: str
    last_seen: str
    messages: int
    suggested_name: str
    signals: list[DiscoveredSignal]


class DiscoveredList(Answer):
    """All of them."""

    model_config = example({"discovered": [_FOUND]})

    discovered: list[DiscoveredDevice]


class AdoptedDevice(Answer):
    """The device that it is now."""

    model_config = example({"deviceId": "pump-7", "name": "Pump 7"})

    device_id: str
    name: str


class Dismissed(Answer):
    """It is forgotten until it publishes again."""

    model_config = example({"key": "b861b33af985e5be", "dismissed": True})

    key: str
    dismissed: Literal[True]


class DeadLetterItem(Answer):
    """Something that could not be taken. `count` above 1: a summary of so many that were not kept."""

    id: int
    at: str
    source: Literal["mqtt", "http", "log"]
    topic: str
    reason: str
    detail: str
    size: int
    preview: str
    replayable: bool
    device_id: str | None
    count: int


class DeadLetterList(Answer):
    """A page of dead letters, the newest first."""

    model_config = example(
        {
            "deadLetters": [
                {
                    "id": 42,
                    "at": "2025-01-11T10:00:00.000Z",
                    "source": "mqtt",
                    "topic": "factory-plus/devices/device-001/data",
                    "reason": "invalid_json",
                    "detail": "unexpected end of data",
                    "size": 9,
                    "preview": '{"value":',
                    "replayable": True,
                    "deviceId": "device-001",
                    "count": 1,
                }
            ]
        }
    )

    dead_letters: list[DeadLetterItem]


class DeadLettersMeta(Answer):
    """How many there are in all."""

    model_config = example({"total": 42})

    total: int


class FailedLetter(Answer):
    """A letter that could not be taken this time either, and why."""

    id: int
    reason: str


class Replayed(Answer):
    """How many went through, and which did not."""

    model_config = example({"replayed": 1, "failed": [{"id": 41, "reason": "invalid_json"}]})

    replayed: int
    failed: list[FailedLetter]
