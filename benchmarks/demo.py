"""The samples of the demo's plant, or of many like it: the simulator's own machines, in the mix that the demo has.

What is stored of them, as it is stored: a loom gives four tags with one time, its quality flag decides their quality;
the press sends what changed, and everything each ten seconds. The press's two texts are left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from andon.kit.clock import US_PER_S
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch, concatenate
from andon.simulator.config import LoomConfig, PressConfig
from andon.simulator.machines.looms import LoomFleet
from andon.simulator.machines.press import Press
from andon.simulator.machines.sensors import S1_SENSORS, Sensor

ANOMALIES = 0.05
LOOM_TAGS, PRESS_TAGS = 4, 60
TAGS = LOOM_TAGS * LoomConfig().count + PRESS_TAGS + len(S1_SENSORS)
"""Tag ids that one plant takes."""
_FLAGS = np.array([Quality.BAD, Quality.UNCERTAIN, Quality.GOOD], np.uint8)


class DemoPlants:
    """Plants whose clocks start at `start` (µs); plant n has the tags from n × `TAGS` + 1 on."""

    def __init__(self, count: int, start: int, seed: int = 1) -> None:
        self._rng = np.random.default_rng(seed)
        self._plants = count
        self._now = start
        looms = LoomConfig().count * count
        self._fleet = LoomFleet(looms, faults_per_day=LoomConfig().faults_per_day, seed=seed)
        self._loom_phases = self._rng.uniform(0, 1, looms)
        self._presses = [Press(random.Random(seed + plant)) for plant in range(count)]
        self._press_phases = self._rng.uniform(0, 1, count)
        self._said = [np.empty(0)] * count
        self._beats = 0
        self._sensors = [
            Sensor(spec, ANOMALIES, random.Random(f"{plant} {spec.id}"))
            for plant in range(count)
            for spec in S1_SENSORS
        ]
        self._due = self._rng.uniform(0, 1, len(self._sensors))

    def advance(self, seconds: int) -> SampleBatch:
        """The samples of the next seconds, in the order of their arrival."""
        parts = [*self._looms(seconds), *self._pressed(seconds), *self._sensed(seconds)]
        self._now += seconds * US_PER_S
        self._beats += seconds
        batch = concatenate(parts)
        return batch.take(np.argsort(batch.received, kind="stable"))

    def batches(self, seconds: int, size: int) -> Iterator[SampleBatch]:
        """The samples of some seconds, `size` at a time."""
        for second in range(0, seconds, 600):
            batch = self.advance(min(600, seconds - second))
            for at in range(0, len(batch), size):
                yield batch.take(np.arange(at, min(at + size, len(batch))))

    def _times(self, seconds: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(timestamps, arrivals) of messages: a beat is about a millisecond late, clocks show whole ones."""
        late = self._rng.exponential(1_200, seconds.shape)
        at = (self._now + seconds * US_PER_S + late).astype(np.int64) // 1_000 * 1_000
        return at, at + self._rng.lognormal(7.2, 0.5, seconds.shape).astype(np.int64)

    def _first_tag(self, plant: int) -> int:
        return plant * TAGS + 1

    def _looms(self, seconds: int) -> Iterator[SampleBatch]:
        every = np.arange(self._fleet.count)
        rows = [self._fleet.advance(every, self._now / US_PER_S + second) for second in range(seconds)]
        times, received = self._times(np.arange(seconds)[:, None] + self._loom_phases)
        flags = np.array([row.quality for row in rows])
        plant, loom = np.divmod(every, LoomConfig().count)
        first = plant * TAGS + loom * LOOM_TAGS + 1
        good = np.full(flags.shape, Quality.GOOD, np.uint8)
        columns = (
            (np.array([row.width for row in rows]), _FLAGS[flags]),
            (np.array([row.temperature for row in rows]), _FLAGS[flags]),
            (np.array([row.vibration for row in rows]), _FLAGS[flags]),
            (flags.astype(np.float64), good),
        )
        for tag, (values, qualities) in enumerate(columns):
            tags = np.broadcast_to((first + tag).astype(np.int32), values.shape)
            yield SampleBatch(tags.ravel(), times.ravel(), values.ravel(), qualities.ravel(), received.ravel())

    def _pressed(self, seconds: int) -> Iterator[SampleBatch]:
        refresh = round(PressConfig().refresh_s)
        for plant, press in enumerate(self._presses):
            numbers = np.empty((seconds, PRESS_TAGS - 2))
            for second in range(seconds):
                press.step(1.0)
                numbers[second] = [float(value) for value in press.values() if not isinstance(value, str)]
            before = self._said[plant] if len(self._said[plant]) else np.full(PRESS_TAGS - 2, np.nan)
            said = numbers != np.vstack((before, numbers[:-1]))
            said[-self._beats % refresh :: refresh] = True
            self._said[plant] = numbers[-1]
            times, received = self._times(np.arange(seconds) + self._press_phases[plant])
            beat, metric = np.nonzero(said)
            tags = (self._first_tag(plant) + LOOM_TAGS * LoomConfig().count + metric).astype(np.int32)
            yield _good(tags, times[beat], numbers[said], received[beat])

    def _sensed(self, seconds: int) -> Iterator[SampleBatch]:
        first = TAGS - len(S1_SENSORS)
        for at, sensor in enumerate(self._sensors):
            plant, number = divmod(at, len(S1_SENSORS))
            beats = np.arange(self._due[at], seconds, sensor.spec.interval_s)
            self._due[at] = self._due[at] + len(beats) * sensor.spec.interval_s - seconds
            times, received = self._times(beats)
            values = np.array([sensor.next().value for _ in beats])
            tags = np.full(len(beats), self._first_tag(plant) + first + number, np.int32)
            yield _good(tags, times, values, received)


def _good(
    tags: NDArray[np.int32], times: NDArray[np.int64], values: NDArray[np.float64], received: NDArray[np.int64]
) -> SampleBatch:
    return SampleBatch(tags, times, values, np.full(len(tags), Quality.GOOD, np.uint8), received)
