"""A fleet of looms as numpy columns: 100 Hz physics and sensors, condensed to one telemetry row a second.

Back beam width (BBW) follows warp tension: a slack warp runs wide, a tight one narrow. Wear raises vibration and
heat over weeks, vibration bursts cost the ultrasonic sensor echoes, warp breaks stop the loom for a while.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

BAD, UNCERTAIN, GOOD = 0, 1, 2

_WIDTH_MM = 1_600.0
_WIDTH_PER_KN = 10.0  # mm that the beam runs narrower for each kN more of warp tension
_WIDTH_PER_KELVIN = 0.05
_WIDTH_OF_WEAR = 1.5  # mm wider when worn out
_ECHO_NOISE_MM = 0.4
_TENSION_KN = 2.4
_TENSION_RIPPLE_KN = 0.08  # the shed opens and closes once a pick
_TENSION_JITTER_KN = 0.012  # per second, of the let-off control
_TENSION_TAU_S = 20.0
_HEAT_TAU_S = 900.0
_BURST_TAU_S = 8.0
_BURST_GAP_S = 7_200.0  # as new; four times as often when worn out
_BREAK_GAP_S = 1_800.0
_FOULING_GAP_S = 20_000.0  # dust on the ultrasonic sensor
_MAINTENANCE_S = 300.0
_REFERENCE_C = 38.0
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class LoomTelemetry:
    """One second of n looms, columns of length n: width mm, temperature °C, vibration mm/s RMS, tension kN.

    `quality` is 0 bad, 1 uncertain, 2 good by the share of echoes that came back; `picks_per_minute` is 0 at rest.
    """

    looms: Indices
    width: Floats
    temperature: Floats
    vibration: Floats
    quality: NDArray[np.int64]
    tension: Floats
    picks_per_minute: Floats
    running: NDArray[np.bool_]
    wear: Floats


class LoomFleet:
    """State of `count` looms. `faults_per_day` losses of tension befall each, `wear_days` is its life between services.

    `sample_hz` readings of each sensor make one telemetry row.
    """

    def __init__(
        self,
        count: int,
        *,
        sample_hz: int = 100,
        faults_per_day: float = 12.0,
        wear_days: float = 30.0,
        seed: int | None = None,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._rng = rng
        self._seconds = np.arange(sample_hz) / sample_hz
        self._fault_chance = faults_per_day / _DAY_S
        self._wear_rate = 1.0 / (wear_days * _DAY_S)
        self.count = count
        self._offset = rng.normal(0, 0.8, count)
        self._picks_hz = rng.uniform(9.0, 12.0, count)
        self._phase = rng.uniform(0, 2 * math.pi, count)
        self._tension = rng.normal(_TENSION_KN, 0.03, count)
        self._wear = rng.uniform(0, 0.9, count)
        self._burst = np.zeros(count)
        self._temperature = 24 + 14 + 8 * self._wear
        self._rest_s = np.zeros(count)
        self._fault_s = np.zeros(count)
        self._fault_depth = np.zeros(count)
        self._fouled_s = np.zeros(count)
        self._width = _WIDTH_MM + self._offset

    @property
    def running(self) -> NDArray[np.bool_]:
        """Which looms weave, by index."""
        return np.asarray(self._rest_s <= 0)

    def advance(self, looms: Indices, now_s: float) -> LoomTelemetry:
        """Let the looms of the given indices run on for one second; `now_s` is seconds since 1970 (for the day)."""
        running = self._stop_and_go(looms)
        self._disturb(looms, running)
        self._heat(looms, running, now_s)
        vibration, width, echoes = self._sample(looms, running)
        heard = echoes > 0
        self._width[looms[heard]] = width[heard]
        quality = np.where(echoes >= 0.9, GOOD, np.where(echoes >= 0.5, UNCERTAIN, BAD))
        return LoomTelemetry(
            looms,
            np.round(self._width[looms], 2),
            np.round(self._temperature[looms] + self._rng.normal(0, 0.05, len(looms)), 2),
            np.round(vibration, 3),
            quality,
            np.round(self._tension[looms], 3),
            np.where(running, np.round(self._picks_hz[looms] * 60), 0.0),
            running,
            np.round(self._wear[looms], 4),
        )

    def _chance(self, looms: Indices, per_second: float | Floats) -> NDArray[np.bool_]:
        return np.asarray(self._rng.random(len(looms)) < per_second)

    def _stop_and_go(self, looms: Indices) -> NDArray[np.bool_]:
        """Warp and weft breaks stop a loom for 20 to 120 s; one that is worn out is serviced and as new."""
        self._rest_s[looms] = np.maximum(self._rest_s[looms] - 1, 0)
        running = self._rest_s[looms] <= 0
        stops = running & self._chance(looms, 1 / _BREAK_GAP_S)
        self._rest_s[looms[stops]] = self._rng.uniform(20, 120, int(stops.sum()))
        self._wear[looms] += self._wear_rate * np.where(running, 1 + 0.2 * self._burst[looms], 0)
        worn = looms[self._wear[looms] >= 1]
        self._wear[worn] = 0.0
        self._rest_s[worn] = _MAINTENANCE_S
        return np.asarray(self._rest_s[looms] <= 0)

    def _disturb(self, looms: Indices, running: NDArray[np.bool_]) -> None:
        """Bursts of vibration, faults of the let-off that change the tension for minutes, dust on the sensor."""
        self._burst[looms] *= math.exp(-1 / _BURST_TAU_S)
        hit = looms[running & self._chance(looms, (1 + 3 * self._wear[looms]) / _BURST_GAP_S)]
        self._burst[hit] += self._rng.uniform(1.5, 7, len(hit))
        self._fouled_s[looms] = np.maximum(self._fouled_s[looms] - 1, 0)
        fouled = looms[self._chance(looms, 1 / _FOULING_GAP_S)]
        self._fouled_s[fouled] = self._rng.uniform(10, 40, len(fouled))
        self._fault_s[looms] = np.maximum(self._fault_s[looms] - 1, 0)
        failing = looms[running & (self._fault_s[looms] <= 0) & self._chance(looms, self._fault_chance)]
        self._fault_s[failing] = self._rng.uniform(60, 180, len(failing))
        # Mostly the warp goes slack; sometimes the let-off jams and pulls it tight.
        self._fault_depth[failing] = self._rng.choice([-1, -1, -1, 1], len(failing)) * self._rng.uniform(
            0.6, 0.9, len(failing)
        )
        target = _TENSION_KN * (1 + np.where(self._fault_s[looms] > 0, self._fault_depth[looms], 0))
        pull = (target - self._tension[looms]) / _TENSION_TAU_S
        self._tension[looms] += pull + self._rng.normal(0, _TENSION_JITTER_KN, len(looms))

    def _heat(self, looms: Indices, running: NDArray[np.bool_], now_s: float) -> None:
        """First-order lag towards the hall's temperature plus what running and wear add; warmest at 16:00 UTC."""
        hall = 24 + 3 * math.cos(2 * math.pi * (now_s / _DAY_S - 16 / 24))
        target = hall + np.where(running, 14 + 8 * self._wear[looms], 0) + 0.5 * self._burst[looms]
        self._temperature[looms] += (target - self._temperature[looms]) / _HEAT_TAU_S

    def _sample(self, looms: Indices, running: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
        """One second at `sample_hz`: vibration RMS, mean width of the echoes that came back, and their share."""
        shape = (len(looms), len(self._seconds))
        angle = self._phase[looms, None] + 2 * math.pi * self._picks_hz[looms, None] * self._seconds
        self._phase[looms] = (self._phase[looms] + 2 * math.pi * self._picks_hz[looms]) % (2 * math.pi)
        weaving = running[:, None].astype(np.float64)
        swing = np.sin(angle)
        strength = weaving * (1.6 + 2.5 * self._wear[looms, None]) + self._burst[looms, None] + 0.05
        shaking = strength * (swing * math.sqrt(1.6) + self._rng.normal(0, math.sqrt(0.2), shape))
        tension = self._tension[looms, None] + _TENSION_RIPPLE_KN * weaving * swing
        still = self._offset[looms] + _WIDTH_OF_WEAR * self._wear[looms]
        still += _WIDTH_MM + _WIDTH_PER_KELVIN * (self._temperature[looms] - _REFERENCE_C)
        width = still[:, None] - _WIDTH_PER_KN * (tension - _TENSION_KN) + self._rng.normal(0, _ECHO_NOISE_MM, shape)
        lost = np.where(self._fouled_s[looms] > 0, 0.85, np.minimum(0.01 + 0.035 * self._burst[looms], 0.6))
        heard = self._rng.random(shape) >= lost[:, None]
        count = heard.sum(axis=1)
        mean = (width * heard).sum(axis=1) / np.maximum(count, 1)
        return np.sqrt((shaking * shaking).mean(axis=1)), mean, count / shape[1]
