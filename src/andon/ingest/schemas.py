"""Bodies of the ingest endpoints, and how what they show is written."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from andon.ingest.adoption import Adoption, SignalChoice
from andon.ingest.discovery import Discovered, SeenSignal
from andon.ingest.letter_reader import DeadLetter
from andon.kit.clock import to_iso
from andon.kit.errors import InvalidError
from andon.kit.limits import Limits

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
MAX_IDS = 1_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class SampleBody(_Body):
    """One sample. Without a tag it belongs to the device's primary signal, without a timestamp it is of now."""

    timestamp: str | float | None = Field(None, description="ISO 8601, or seconds, ms, µs or ns since 1970.")
    value: float | bool | str
    quality: str | int | None = Field(None, description="good, uncertain, bad, stale, or an OPC code.")
    tag: str | None = None
    unit: str | None = Field(None, description="Converted to the tag's unit.")


class PushBody(_Body):
    """Samples of one device, at most 10,000. `historical` admits data of any age."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"samples": [{"timestamp": "2025-01-11T10:00:00.000Z", "value": 75.2, "quality": "good"}]}]
        }
    )

    samples: list[SampleBody]
    historical: bool = False


def push_schema() -> dict[str, Any]:
    """The JSON schema of a push, for OpenAPI: the body itself is read by `read_push`."""
    schema = PushBody.model_json_schema()
    schema["properties"]["samples"]["items"] = schema.pop("$defs")["SampleBody"]
    return schema


class RawPush(msgspec.Struct, forbid_unknown_fields=True):
    """A push before its samples are looked at: a bad sample is refused by itself, not with the request."""

    samples: list[dict[str, Any]]
    historical: bool = False


_raw_push = msgspec.json.Decoder(RawPush)


def read_push(body: bytes) -> RawPush:
    """The body of a push. InvalidError when it is not JSON of that shape."""
    try:
        return _raw_push.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidError(
            f"the body cannot be read: {error}",
            field="samples",
            cure='send {"samples": [{"timestamp": "2025-01-11T10:00:00Z", "value": 1.5}]}; NaN is not JSON',
        ) from error


class SignalChoiceBody(_Body):
    """What is decided about one signal; limits that are absent or null are none."""

    unit: str | None = None
    normal_min: Number | None = None
    normal_max: Number | None = None
    alert_min: Number | None = None
    alert_max: Number | None = None

    def to_choice(self) -> SignalChoice:
        """As ingest understands it."""
        return SignalChoice(self.unit, Limits(self.normal_min, self.normal_max, self.alert_min, self.alert_max))


class AdoptBody(_Body):
    """All of it is optional: what is left out is taken from what was seen."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Pump 7", "location": "hall-2", "signals": {"pressure": {"alertMax": 6.5, "unit": "bar"}}}
            ]
        }
    )

    device_id: str | None = None
    name: str | None = None
    type: str | None = None
    location: str | None = None
    unit: str | None = Field(None, description="Unit of the first signal.")
    signals: dict[str, SignalChoiceBody] | None = Field(
        None, description="Limits per signal; without it every signal gets those suggested."
    )

    def to_adoption(self) -> Adoption:
        """As ingest understands it."""
        choices = None
        if self.signals is not None:
            choices = {name: choice.to_choice() for name, choice in self.signals.items()}
        return Adoption(self.device_id, self.name, self.type, self.location, self.unit, choices)


class ReplayBody(_Body):
    """Ids of dead letters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": [41, 42]}]})

    ids: list[Annotated[int, Field(ge=1)]] = Field(max_length=MAX_IDS)


def discovered_view(found: Discovered) -> dict[str, Any]:
    """A discovered device as the API shows it."""
    return {
        "key": found.key,
        "protocol": found.protocol,
        "deviceId": found.device_id,
        "topic": found.topic,
        "type": found.type,
        "location": found.location,
        "firstSeen": to_iso(found.first_seen),
        "lastSeen": to_iso(found.last_seen),
        "messages": found.messages,
        "suggestedName": found.device_id,
        "signals": [_signal_view(signal) for signal in found.signals.values()],
    }


def _signal_view(signal: SeenSignal) -> dict[str, Any]:
    limits = signal.suggested()
    seen = signal.least <= signal.greatest
    return {
        "name": signal.name,
        "unit": signal.unit or None,
        "kind": signal.kind,
        "lastValue": signal.last,
        "min": signal.least if seen else None,
        "max": signal.greatest if seen else None,
        "count": signal.count,
        "intervalSeconds": signal.interval_s,
        "suggested": {
            "normalMin": limits.normal_min,
            "normalMax": limits.normal_max,
            "alertMin": limits.alert_min,
            "alertMax": limits.alert_max,
        },
    }


def letter_view(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter as the API shows it."""
    return {
        "id": letter.id,
        "at": to_iso(letter.at),
        "source": letter.source,
        "topic": letter.topic,
        "reason": letter.reason,
        "detail": letter.detail,
        "size": letter.size,
        "preview": letter.preview,
        "replayable": letter.replayable,
        "deviceId": letter.device,
        "count": letter.count,
    }
