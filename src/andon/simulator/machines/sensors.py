"""Single-value sensors: a slow drift, an autocorrelated noise, and now and then an episode beyond the alert limits."""

from __future__ import annotations

import math
import random
from typing import Annotated, NamedTuple

import msgspec

_DRIFT_SHARE = 0.30  # of the normal band, one standard deviation either side of the centre
_NOISE_SHARE = 0.02
_NOISE_MEMORY = 0.7  # correlation of the noise from one sample to the next
_MARGIN_SHARE = 0.01  # healthy values keep this far from the edge of the normal band
_EPISODE_LENGTHS = (1, 1, 1, 2, 3, 4)  # samples; half of the episodes are a single spike
_MEAN_EPISODE = sum(_EPISODE_LENGTHS) / len(_EPISODE_LENGTHS)


class SensorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sensor as a configuration describes it; limits and bands are in `unit`.

    `drift_s` is the time constant of the slow drift. At least one alert limit is needed when anomalies are on.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    type: str
    unit: str
    location: str
    interval_s: Annotated[float, msgspec.Meta(gt=0)]
    normal_min: float
    normal_max: float
    alert_min: float | None = None
    alert_max: float | None = None
    decimals: Annotated[int, msgspec.Meta(ge=0, le=9)] = 1
    drift_s: Annotated[float, msgspec.Meta(gt=0)] = 1_800.0

    def fault(self) -> tuple[str, str, str] | None:
        """(field, what is wrong, the cure) of the first contradiction in this description; None when it is sound."""
        if any(character in self.id for character in "/+#\0"):
            return "id", "an id becomes part of an MQTT topic", "leave out / + # and control characters"
        if not self.normal_min < self.normal_max:
            return "normal_max", "normal_max must be above normal_min", "give the band from low to high"
        if self.alert_min is not None and self.alert_min > self.normal_min:
            return "alert_min", "alert_min lies inside the normal band", "lower it to normal_min or below"
        if self.alert_max is not None and self.alert_max < self.normal_max:
            return "alert_max", "alert_max lies inside the normal band", "raise it to normal_max or above"
        return None


S1_SENSORS = (
    SensorSpec("device-001", "temperature", "celsius", "assembly-line-1", 2, 20, 80, 15, 85),
    SensorSpec("device-002", "pressure", "psi", "assembly-line-1", 3, 10, 50, 5, 55),
    SensorSpec("device-003", "vibration", "hz", "assembly-line-2", 1, 0, 100, None, 120),
    SensorSpec("device-004", "production", "units/hour", "packaging-line-1", 5, 100, 500, 50, None, decimals=0),
    SensorSpec("device-005", "quality", "percentage", "quality-station-1", 4, 85, 100, 80, None),
)
"""The five sensors of the demo plant."""


class Reading(NamedTuple):
    """A value in the sensor's unit, and whether it belongs to an injected anomaly."""

    value: float
    anomalous: bool


class Sensor:
    """One sensor's state. `anomaly_rate` is the share of samples, in the long run, that lie beyond an alert limit."""

    def __init__(self, spec: SensorSpec, anomaly_rate: float, rng: random.Random) -> None:
        self.spec = spec
        self._rng = rng
        self._start_chance = _start_chance(anomaly_rate) if _sides(spec) else 0.0
        self._drift = rng.gauss(0, 1)
        self._noise = 0.0
        self._left = 0
        self._side = 0

    def next(self) -> Reading:
        """The reading one interval after the last one."""
        healthy = self._healthy()
        if self._left == 0 and self._rng.random() < self._start_chance:
            self._left = self._rng.choice(_EPISODE_LENGTHS)
            self._side = self._rng.choice(_sides(self.spec))
        if self._left == 0:
            return Reading(healthy, False)
        self._left -= 1
        return Reading(self._beyond(), True)

    def _healthy(self) -> float:
        """A value within the normal band: Ornstein-Uhlenbeck drift (unit variance) plus first-order noise."""
        spec = self.spec
        memory = math.exp(-spec.interval_s / spec.drift_s)
        self._drift = memory * self._drift + math.sqrt(1 - memory * memory) * self._rng.gauss(0, 1)
        self._noise = _NOISE_MEMORY * self._noise + math.sqrt(1 - _NOISE_MEMORY**2) * self._rng.gauss(0, 1)
        half = (spec.normal_max - spec.normal_min) / 2
        # tanh bends a far drift back before it meets the edge of the band, as a controlled process would.
        value = (spec.normal_min + spec.normal_max) / 2 + half * math.tanh(_DRIFT_SHARE * self._drift)
        value += 2 * half * _NOISE_SHARE * self._noise
        margin = 2 * half * _MARGIN_SHARE
        return round(min(max(value, spec.normal_min + margin), spec.normal_max - margin), spec.decimals)

    def _beyond(self) -> float:
        """A value beyond the alert limit on this episode's side, by 2 to 15 % of the normal band."""
        spec = self.spec
        band = spec.normal_max - spec.normal_min
        excess = max(band * self._rng.uniform(0.02, 0.15), 10.0**-spec.decimals)
        limit = spec.alert_max if self._side > 0 else spec.alert_min
        assert limit is not None, "an episode only starts on a side that has a limit"
        if self._side < 0 <= limit and limit - excess < 0 <= spec.normal_min:
            excess = self._rng.uniform(0.2, 0.9) * limit  # a count or a pressure does not fall below zero
        return round(limit + self._side * excess, spec.decimals)


def _sides(spec: SensorSpec) -> tuple[int, ...]:
    return tuple(side for side, limit in ((-1, spec.alert_min), (1, spec.alert_max)) if limit is not None)


def _start_chance(rate: float) -> float:
    """Chance, per healthy sample, that an episode starts, so that `rate` of all samples are anomalous.

    With start chance p and mean episode length m the share is m·p / (m·p + 1 − p); solved for p.
    """
    return rate / (_MEAN_EPISODE * (1 - rate) + rate)
