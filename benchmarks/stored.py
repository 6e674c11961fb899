"""A month of history, made quickly: dense on its last day, which is written hour by hour, thin before, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.samples import SampleBatch

_DAYS = 30
_SLICES = 3
_MARGIN_S = 180


@dataclass(frozen=True, slots=True)
class Month:
    """`tags` signals with ids from 1 on until `end` (µs); samples an hour of each on the last day, and before it."""

    tags: int
    end: int
    dense: int
    sparse: int

    def days(self) -> Iterator[int]:
        """Starts of the days that are thin."""
        first = self.end // US_PER_DAY - _DAYS
        yield from (day * US_PER_DAY for day in range(first, self.end // US_PER_DAY - 1))

    def hours(self) -> Iterator[tuple[int, int]]:
        """(start µs, samples of each tag) of the hours after them; the last one may go beyond `end`."""
        for start in range((self.end // US_PER_DAY - 1) * US_PER_DAY, self.end, US_PER_HOUR):
            yield start, self.dense if start + US_PER_HOUR > self.end - US_PER_DAY else self.sparse


class Signals:
    """Slow drifts with some noise, rounded to two or three places, each sample some milliseconds off its beat."""

    def __init__(self, tags: int, seed: int = 1) -> None:
        self._rng = np.random.default_rng(seed)
        self._tags = np.arange(1, tags + 1, dtype=np.int32)
        self._level = self._rng.uniform(10, 400, tags)
        self._phase = self._rng.uniform(0, 1, tags)
        self._scale = np.resize([100.0, 1000.0], tags)[:, None]

    def slice(self, start: int, length: int, count: int) -> SampleBatch:
        """`count` samples of each tag within `length` µs, by tag, then time."""
        shape = (len(self._tags), count)
        beat = length / count
        self._level += self._rng.normal(0, 0.5, len(self._level))
        times = (start + (np.arange(count) + self._phase[:, None]) * beat * 0.99).astype(np.int64)
        times += self._rng.integers(0, 5_000, shape, np.int64)
        times -= times % 1_000
        walk = np.cumsum(self._rng.standard_normal(shape, np.float32) * np.float32(0.02), axis=1, dtype=np.float64)
        noise = self._rng.standard_normal(shape, np.float32) * np.float32(0.03)
        values = np.rint((self._level[:, None] + walk + noise) * self._scale) / self._scale
        times = times.ravel()
        tags = np.repeat(self._tags, count)
        received = times + self._rng.integers(2_000, 12_000, len(times))
        return SampleBatch(tags, times, values.ravel(), np.full(len(tags), 192, np.uint8), received)

    def arriving(self, start: int, seconds: float, per_s: float, batch_s: float) -> list[SampleBatch]:
        """What comes from `start` on, every tag in turn, in batches of `batch_s`."""
        total, each = round(seconds * per_s), round(batch_s * per_s)
        rows = np.arange(total) % len(self._tags)
        times = start + (np.arange(total) * (US_PER_S / per_s)).astype(np.int64)
        times -= times % 1_000
        scale = self._scale[rows, 0]
        values = np.rint((self._level[rows] + self._rng.normal(0, 0.03, total)) * scale) / scale
        good = np.full(total, 192, np.uint8)
        whole = SampleBatch(self._tags[rows], times, values, good, times + 5_000)
        return [whole.take(np.arange(at, min(at + each, total))) for at in range(0, total, each)]


class Clock:
    """The data's time."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


async def fill(folder: Path, month: Month) -> Signals:
    """Write the month into an empty history folder, merged as far as its hours and days are over."""
    signals, clock = Signals(month.tags), Clock(0)
    store = LocalStore.open(folder, LocalStoreLimits(maintenance=False), clock=clock)
    for start in month.days():
        clock.now = start + 2 * US_PER_DAY
        await store.write(signals.slice(start, US_PER_DAY, 24 * month.sparse), 0)
        await store.seal()
        await store.maintain()
    for start, count in month.hours():
        slices = _SLICES if count >= 100 else 1
        length = US_PER_HOUR // slices
        for at in range(slices):
            batch = signals.slice(start + at * length, length, count // slices)
            if start + (at + 1) * length > month.end:
                batch = batch.take(batch.timestamps < month.end)
            clock.now = min(start + (at + 1) * length, month.end)
            # Its position stays that of an empty log: an Andon may go on from here.
            await store.write(batch, 0)
        clock.now = min(start + US_PER_HOUR + _MARGIN_S * US_PER_S, month.end)
        await store.seal()
        await store.maintain()
    await store.close()
    return signals
