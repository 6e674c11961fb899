"""The columnar store by itself: CPU of a sample from the log to merged files, its bytes, and what answers take.

    python -m benchmarks.history_store --points 20_000_000 --tags 3000 --rate 20000 [--folder DIR]

Time is the data's: hours and days end as the data passes them, so days of history are made in minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.samples import SampleBatch, decode, encode
from benchmarks.figures import Figure, percentile, show

START = 20_500 * US_PER_DAY + 6 * US_PER_HOUR
_DECIMALS = (2, 2, 3, 3, 0, 4)
_BATCH_S = 0.5


class Machines:
    """Signals as the demo's looms have them: slow drift, some noise, rounded; times to the millisecond, with jitter."""

    def __init__(self, tags: int, rate: float) -> None:
        self._rng = np.random.default_rng(1)
        self._tags = np.arange(1, tags + 1, dtype=np.int32)
        self._interval = tags / rate
        self._scale = 10.0 ** np.resize(_DECIMALS, tags)
        self._level = self._rng.uniform(10, 400, tags)
        self._phase = self._rng.uniform(0, 1, tags)

    def batches(self, start: int, samples: int) -> Iterator[SampleBatch]:
        """Batches of half a second (or of one sample a tag, if that takes longer), as the log would give them."""
        # At low rates a batch holds more than half a second: the store is asked for history, not for calls a second.
        size = min(len(self._tags), max(1_000, round(_BATCH_S / self._interval * len(self._tags))))
        rounds = max(1, round(_BATCH_S / self._interval)) if size == len(self._tags) else 1
        made, tick, at = 0, 0, 0
        while made < samples:
            columns = []
            for _ in range(rounds):
                rows = np.arange(at, at + size) % len(self._tags)
                due = (tick + self._phase[rows]) * self._interval * 1000
                columns.append((rows, due + self._rng.gamma(2, 3, len(rows))))
                at += size
                if at >= len(self._tags):
                    at, tick = at - len(self._tags), tick + 1
            rows = np.concatenate([each[0] for each in columns])
            times = start + np.concatenate([each[1] for each in columns]).astype(np.int64) * 1000
            self._level[rows] += self._rng.normal(0, 0.01, len(rows))
            noisy = self._level[rows] + self._rng.normal(0, 0.05, len(rows))
            values = np.round(noisy * self._scale[rows]) / self._scale[rows]
            received = times + self._rng.integers(2_000, 12_000, len(rows))
            yield SampleBatch(self._tags[rows], times, values, np.full(len(rows), 192, np.uint8), received)
            made += len(rows)


class Clock:
    """The data's time."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


async def fill(store: LocalStore, clock: Clock, machines: Machines, points: int, seal_s: float) -> dict[str, float]:
    """Write points and do all that the background would; CPU seconds of all threads by what they were for."""
    cost = {"decode": 0.0, "write": 0.0, "seal": 0.0, "maintain": 0.0}
    unsealed, sealed_at = 0, clock.now
    for position, batch in enumerate(machines.batches(START, points), 1):
        payload = encode(batch)
        began = time.process_time()
        decoded = decode(payload)
        cost["decode"] += time.process_time() - began
        began = time.process_time()
        await store.write(decoded, position)
        cost["write"] += time.process_time() - began
        unsealed += len(batch)
        clock.now = int(batch.timestamps[-1])
        if unsealed >= 1_000_000 or clock.now - sealed_at >= seal_s * US_PER_S:
            unsealed, sealed_at = 0, clock.now
            began = time.process_time()
            await store.seal()
            cost["seal"] += time.process_time() - began
            began = time.process_time()
            await store.maintain()
            cost["maintain"] += time.process_time() - began
    return cost


async def ask(store: LocalStore, tags: int, end: int, count: int) -> dict[str, list[float]]:
    """Milliseconds of each question, asked again and again about other tags."""
    rng = random.Random(2)
    every = list(range(1, tags + 1))
    hour = end // US_PER_HOUR * US_PER_HOUR

    def tag() -> int:
        return rng.randint(1, tags)

    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "latest of all": lambda: store.latest(every),
        "raw 1 h": lambda: store.read(tag(), end - US_PER_HOUR, end, 100_000),
        "raw 1 h, a day ago": lambda: store.read(tag(), end - 25 * US_PER_HOUR, end - 24 * US_PER_HOUR, 100_000),
        "newest 100": lambda: store.read(tag(), 0, end, 100, True),
        "24 h, 480 of 3 min": lambda: store.series([tag()], np.arange(hour - US_PER_DAY, hour + 1, 180 * US_PER_S)),
        "24 h, 500, not aligned": lambda: store.buckets(tag(), end - US_PER_DAY, end, 500),
        "24 h, 500, from minutes": lambda: store.series([tag()], _aligned(end - US_PER_DAY, end, 500)),
        "30 d hourly": lambda: store.series([tag()], np.arange(hour - 30 * US_PER_DAY, hour + 1, US_PER_HOUR)),
        "30 d, 720, not aligned": lambda: store.buckets(tag(), end - 30 * US_PER_DAY, end, 720),
        "top 20 of 24 h": lambda: store.top(every, end - US_PER_DAY, end, "mean", 20),
        "top 20 of a past day": lambda: store.top(
            every, end // US_PER_DAY * US_PER_DAY - US_PER_DAY, end // US_PER_DAY * US_PER_DAY, "max", 20
        ),
        "statistics 24 h": lambda: store.statistics(tag(), end - US_PER_DAY, end),
    }
    times: dict[str, list[float]] = {}
    for name, question in questions.items():
        took = times.setdefault(name, [])
        for _ in range(count):
            began = time.perf_counter()
            await question()
            took.append((time.perf_counter() - began) * 1000)
    return times


def _aligned(start: int, end: int, count: int) -> np.ndarray:
    width = -(-(end - start) // count // (60 * US_PER_S)) * 60 * US_PER_S
    inner = np.arange(start // width * width + width, end, width)
    return np.concatenate(([start], inner, [end]))


def _disk_writes() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"])


async def run(options: argparse.Namespace, folder: Path) -> list[Figure]:
    """Fill a folder, then ask."""
    clock = Clock()
    limits = LocalStoreLimits(maintenance=False, min_free_bytes=0)
    store = LocalStore.open(folder, limits, clock=clock)
    figures = []
    if not (await store.size()).samples:
        before, began = _disk_writes(), time.perf_counter()
        machines = Machines(options.tags, options.rate)
        cost = await fill(store, clock, machines, options.points, 300)
        took = time.perf_counter() - began
        written = _disk_writes() - before
        total = sum(cost.values())
        figures.append(Figure("store.cpu_us_per_point", total / options.points * 1e6, "us", "<= 1.8"))
        figures += [
            Figure(f"store.cpu.{name}", seconds / options.points * 1e6, "us/point") for name, seconds in cost.items()
        ]
        figures.append(Figure("store.points_per_s", options.points / took, "points/s"))
        figures.append(Figure("store.history_written", written / options.points, "bytes/point"))
    report = await store.storage()
    clock.now = max(tier.newest or 0 for tier in report.tiers)
    for tier in report.tiers:
        figures.append(Figure(f"store.{tier.tier}.bytes_per_point", tier.bytes / report.samples, "bytes", ""))
        print(tier)
    figures.append(Figure("store.all.bytes_per_point", report.bytes / report.samples, "bytes", "<= 12"))
    began = time.perf_counter()
    await store.close()
    store = LocalStore.open(folder, limits, clock=clock)
    figures.append(Figure("store.open_ms", (time.perf_counter() - began) * 1000, "ms"))
    if options.arriving:
        writing = asyncio.create_task(_arrive(store, options, clock))
        await asyncio.sleep(options.arriving)
    for name, times in (await ask(store, options.tags, clock.now, options.asks)).items():
        figures.append(
            Figure(f"query.{name}", percentile(times, 0.95), "ms p95", "", f"p50 {percentile(times, 0.5):.2f}")
        )
    if options.arriving:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    await store.close()
    figures.append(Figure("store.peak_rss", _peak_rss_mb(), "MB"))
    return figures


def _peak_rss_mb() -> float:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


async def _arrive(store: LocalStore, options: argparse.Namespace, clock: Clock) -> None:
    """Samples that arrive in real time behind the ones that are there."""
    start = clock.now
    began = time.perf_counter()
    for number, batch in enumerate(Machines(options.tags, options.rate).batches(start, 1 << 40), 1):
        clock.now = int(batch.timestamps[-1])
        await store.write(batch, 1 << 30 | number)
        ahead = (clock.now - start) / US_PER_S - (time.perf_counter() - began)
        await asyncio.sleep(max(ahead, 0))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=20_000_000)
    parser.add_argument("--tags", type=int, default=3_000)
    parser.add_argument("--rate", type=float, default=20_000, help="samples a second of the data's time")
    parser.add_argument("--asks", type=int, default=60)
    parser.add_argument("--arriving", type=float, default=0, help="seconds that samples arrive before the questions")
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="andon-store-"))
    os.nice(0)
    try:
        show(asyncio.run(run(options, folder)))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
