"""Devices that nobody announced: what they showed, within bounds, until a person adopts or dismisses them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2s

from andon.ingest.reading import Reading, value_kind
from andon.ingest.settings import IngestSettings
from andon.ingest.timing import TimePolicy
from andon.kit.clock import US_PER_S
from andon.kit.limits import Limits
from andon.wire.errors import WireError
from andon.wire.values import Value

_ENOUGH_TO_SUGGEST = 5
_NORMAL_MARGIN, _ALERT_MARGIN = 0.1, 0.3

Kept = tuple[int, Value, int, int]
"""(timestamp, value, quality, received)"""


@dataclass(slots=True)
class SeenSignal:
    """What one signal showed; `least` and `greatest` of its finite numbers, `kept` its newest samples."""

    name: str
    unit: str
    kind: str
    count: int = 0
    last: Value | None = None
    least: float = math.inf
    greatest: float = -math.inf
    first_at: int = 0
    last_at: int = 0
    limits: Limits | None = None
    """Limits that the device itself announced."""
    kept: deque[Kept] = field(default_factory=deque)

    def note(self, timestamp: int, value: Value) -> None:
        """Count a value."""
        self.count += 1
        self.last = value
        self.first_at = self.first_at or timestamp
        self.last_at = max(self.last_at, timestamp)
        if self.kind == "number" and not isinstance(value, str):
            self.least, self.greatest = min(self.least, value), max(self.greatest, value)

    @property
    def interval_s(self) -> float | None:
        """Mean seconds between its samples, None while there are fewer than two."""
        if self.count < 2 or self.last_at <= self.first_at:
            return None
        return round((self.last_at - self.first_at) / US_PER_S / (self.count - 1), 3)

    def suggested(self) -> Limits:
        """What the device announced, else bands around what was seen, once that is enough to go by."""
        if self.limits is not None:
            return self.limits
        if self.count < _ENOUGH_TO_SUGGEST or not self.least < self.greatest:
            return Limits()
        span = self.greatest - self.least
        bands = (
            self.least - _NORMAL_MARGIN * span,
            self.greatest + _NORMAL_MARGIN * span,
            self.least - _ALERT_MARGIN * span,
            self.greatest + _ALERT_MARGIN * span,
        )
        return Limits(*(_readable(value, span) for value in bands))


def _readable(value: float, span: float) -> float:
    """Rounded to what a person would type: two digits of the span."""
    return round(value, max(0, 1 - math.floor(math.log10(span)))) if span > 0 else value


@dataclass(slots=True)
class Discovered:
    """An unknown device. `device_id` is the id that it will be adopted under; times µs UTC."""

    key: str
    organisation: str
    protocol: str
    device_id: str
    topic: str
    type: str = ""
    location: str = ""
    first_seen: int = 0
    last_seen: int = 0
    messages: int = 0
    signals: dict[str, SeenSignal] = field(default_factory=dict)


def key_of(organisation: str, protocol: str, device_id: str) -> str:
    """A key that may stand in a URL, whatever the device calls itself."""
    name = "\0".join((organisation, protocol, device_id))
    return blake2s(name.encode("utf-8", "replace"), digest_size=8).hexdigest()


class Discovery:
    """The table of unknown devices, bounded in devices, signals and samples."""

    def __init__(self, settings: IngestSettings, policy: TimePolicy) -> None:
        self._settings = settings
        self._policy = policy
        self._devices: dict[str, Discovered] = {}
        self._kept = 0
        self._signals = 0
        self._sweep_at = 0

    @property
    def count(self) -> int:
        """How many unknown devices there are."""
        return len(self._devices)

    def devices(self, organisation: str) -> list[Discovered]:
        """Those of an organisation that have a signal to adopt, the newest first; a gateway of its own has none."""
        known = self._devices.values()
        mine = [device for device in known if device.organisation == organisation and device.signals]
        return sorted(mine, key=lambda device: -device.first_seen)

    def get(self, organisation: str, key: str) -> Discovered | None:
        """The device of that key."""
        found = self._devices.get(key)
        return found if found is not None and found.organisation == organisation else None

    def observe(
        self, organisation: str, protocol: str, device_id: str, topic: str, reading: Reading, received: int
    ) -> None:
        """Take note of a message. WireError `too_many_unknown_devices` when the table is full, or a bad timestamp."""
        timestamp, quality = self._policy.check(
            reading.timestamp, received, reading.quality, historical=reading.historical
        )
        device = self.seen(organisation, protocol, device_id, topic, received)
        device.type = reading.type or device.type
        device.location = reading.location or device.location
        for name, value, unit, own_quality in reading.signals:
            signal = self._signal(device, name, unit or "", value_kind(value))
            if signal is None or not _fits(signal.kind, value):
                continue
            signal.note(timestamp, value)
            self._keep(signal, (timestamp, value, quality if own_quality is None else own_quality, received))

    def seen(self, organisation: str, protocol: str, device_id: str, topic: str, received: int) -> Discovered:
        """The entry of a device, made when it is new. WireError `too_many_unknown_devices` when the table is full."""
        key = key_of(organisation, protocol, device_id)
        device = self._devices.get(key)
        if device is None:
            self._make_room(received)
            device = Discovered(key, organisation, protocol, device_id, topic, first_seen=received)
            self._devices[key] = device
        device.messages += 1
        device.last_seen = received
        return device

    def announce(self, device: Discovered, signals: Iterable[tuple[str, str, str, Limits | None]]) -> None:
        """Take note of signals (name, unit, kind, limits) that a birth certificate lists."""
        for name, unit, kind, limits in signals:
            signal = self._signal(device, name, unit, kind)
            if signal is not None:
                signal.unit, signal.limits = unit or signal.unit, limits or signal.limits

    def remember(self, device: Discovered, name: str, kept: Kept) -> None:
        """Count and keep one sample of a signal that was announced."""
        signal = device.signals.get(name)
        if signal is not None and _fits(signal.kind, kept[1]):
            signal.note(kept[0], kept[1])
            self._keep(signal, kept)

    def remove(self, organisation: str, key: str) -> bool:
        """Forget a device; whether there was one."""
        if self.get(organisation, key) is None:
            return False
        self._forget(key)
        return True

    def _signal(self, device: Discovered, name: str, unit: str, kind: str) -> SeenSignal | None:
        signal = device.signals.get(name)
        if signal is None and self._room_for_signal(device):
            signal = device.signals[name] = SeenSignal(name, unit, kind)
            self._signals += 1
        return signal

    def _room_for_signal(self, device: Discovered) -> bool:
        return len(device.signals) < self._settings.max_signals and self._signals < self._settings.max_all_signals

    def _keep(self, signal: SeenSignal, kept: Kept) -> None:
        wanted = _weight(kept)
        while signal.kept and (
            len(signal.kept) >= self._settings.kept_samples or self._kept + wanted > self._settings.max_kept_samples
        ):
            self._kept -= _weight(signal.kept.popleft())
        if self._kept + wanted <= self._settings.max_kept_samples:
            self._kept += wanted
            signal.kept.append(kept)

    def _make_room(self, received: int) -> None:
        if len(self._devices) < self._settings.max_discovered:
            return
        # Looking for devices that are gone costs a walk over the table: once a second is often enough.
        if received >= self._sweep_at:
            self._sweep_at = received + US_PER_S
            oldest = received - round(self._settings.discovered_expire_s * US_PER_S)
            for key in [device.key for device in self._devices.values() if device.last_seen < oldest]:
                self._forget(key)
        if len(self._devices) >= self._settings.max_discovered:
            message = f"{len(self._devices)} unknown devices are waiting already; adopt or dismiss some"
            raise WireError("too_many_unknown_devices", message)

    def _forget(self, key: str) -> None:
        device = self._devices.pop(key)
        self._signals -= len(device.signals)
        self._kept -= sum(_weight(kept) for signal in device.signals.values() for kept in signal.kept)


def _weight(kept: Kept) -> int:
    """How many plain samples' memory this one takes."""
    value = kept[1]
    return 1 + len(value) // 32 if isinstance(value, str) else 1


def _fits(kind: str, value: Value) -> bool:
    return value_kind(value) == kind
