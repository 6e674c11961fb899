"""Turning a discovered device into a registered one, with what it showed so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from andon.ingest.batch import BatchBuilder
from andon.ingest.discovery import Discovered, SeenSignal
from andon.ingest.reading import sample_value
from andon.kit.errors import InvalidError
from andon.kit.limits import Limits
from andon.registry.directory import DeviceInfo
from andon.registry.model import NewDevice, NewTag
from andon.wire.errors import WireError

_QUIET_FACTOR = 5
_LEAST_OFFLINE_S, _MOST_OFFLINE_S = 30.0, 86_400.0


@dataclass(frozen=True, slots=True)
class SignalChoice:
    """What a person decided about one signal; without limits it has none."""

    unit: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a person decided about a discovered device; what is None is taken from what was seen.

    `signals` None: every signal gets the suggested limits. `unit` is that of the first signal, which becomes the
    primary tag.
    """

    device_id: str | None = None
    name: str | None = None
    type: str | None = None
    location: str | None = None
    unit: str | None = None
    signals: Mapping[str, SignalChoice] | None = None


def new_device(found: Discovered, choice: Adoption) -> NewDevice:
    """The device to register. InvalidError names the field when a choice does not fit what was seen."""
    for name in choice.signals or {}:
        if name not in found.signals:
            raise InvalidError(f"the device showed no signal {name[:100]!r}", field=f"signals.{name[:100]}")
    if choice.device_id is not None and choice.device_id != found.device_id:
        raise InvalidError(
            f"the device calls itself {found.device_id}", field="deviceId", cure="leave the id, choose a name instead"
        )
    intervals = [signal.interval_s for signal in found.signals.values() if signal.interval_s]
    quiet = min(max(_QUIET_FACTOR * max(intervals, default=0.0), _LEAST_OFFLINE_S), _MOST_OFFLINE_S)
    return NewDevice(
        found.device_id,
        choice.type or found.type or "sensor",
        choice.location if choice.location is not None else found.location,
        choice.name or found.device_id,
        "sparkplug" if found.protocol == "sparkplug" else "mqtt",
        tuple(_new_tag(signal, choice, first=i == 0) for i, signal in enumerate(found.signals.values())),
        offline_after_s=quiet,
    )


def _new_tag(signal: SeenSignal, choice: Adoption, *, first: bool) -> NewTag:
    chosen = (choice.signals or {}).get(signal.name, SignalChoice())
    limits = signal.suggested() if choice.signals is None else chosen.limits
    unit = choice.unit if first and choice.unit is not None else chosen.unit
    return NewTag(
        signal.name,
        signal.unit if unit is None else unit,
        signal.kind,
        is_primary=first,
        limits=limits,
        expected_interval_s=signal.interval_s if signal.interval_s and signal.interval_s >= 0.001 else None,
    )


def write_kept(found: Discovered, device: DeviceInfo, out: BatchBuilder) -> int:
    """Add the samples that were kept to `out`, oldest first; how many did not fit the tag that was chosen."""
    rows = [
        (kept, tag, signal.unit)
        for signal in found.signals.values()
        if (tag := device.tag(signal.name)) is not None
        for kept in signal.kept
    ]
    refused = 0
    for (timestamp, value, quality, received), tag, unit in sorted(rows, key=lambda row: row[0][0]):
        try:
            out.add(tag.id, timestamp, sample_value(tag, value, unit), quality, received)
        except WireError:
            refused += 1
    return refused
