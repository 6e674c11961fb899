"""The columnar store on the demo's samples: CPU from the log to merged files, bytes kept, bytes written.

Time is the data's: hours and days end as the data passes them. Records and commits of the log are those of 20,000
values a second, which ingest writes every ten milliseconds.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.historian.model import StorageReport
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S
from andon.kit.samples import SampleBatch, encode
from benchmarks.demo import DemoPlants
from benchmarks.figures import Figure
from benchmarks.stored import Clock
from support.engines import start

START = 20_500 * US_PER_DAY + 6 * US_PER_HOUR
_DECIMALS = (2, 2, 3, 3, 0, 4)
_BATCH_S = 0.5
_RECORD = 200
"""Samples of one flush of ingest, ten milliseconds of 20,000 a second."""
_RECORDS = 50
"""Records that the historian takes together, as it does every half a second."""
_GROUP = "historian"


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


@dataclass
class Cost:
    """CPU seconds of all threads of the historian by what they were for; bytes that this process wrote to the disk."""

    cpu: dict[str, float] = field(default_factory=lambda: {"read": 0.0, "write": 0.0, "seal": 0.0, "maintain": 0.0})
    written: int = 0


class Filling:
    """A log and a store that follows it, as they are in one Andon, by the data's time."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.log = EmbeddedLog.open(folder / "log.db", LogLimits(min_free_bytes=0))
        self.store = LocalStore.open(
            folder / "history", LocalStoreLimits(maintenance=False, min_free_bytes=0), clock=clock
        )
        self.cost = Cost()
        self._clock = clock
        self._position = self._unsealed = 0

    async def follow(self, batches: Sequence[SampleBatch]) -> None:
        """Append batches as ingest would, then take them from the log; seal and merge when it is time."""
        before = _disk_writes()
        for batch in batches:
            await self.log.append(SENSORS_DATA, [encode(batch)])
        began = time.process_time()
        records = await self.log.read(SENSORS_DATA, self._position, len(batches), 16 << 20)
        batch = (await self.log.codec.decode(records)).batch
        self._position = records[-1].position
        began = self._spent("read", began)
        durable = await self.store.write(batch, self._position)
        began = self._spent("write", began)
        self._clock.now = int(batch.timestamps[-1])
        self._unsealed += len(batch)
        if self._unsealed >= 1_000_000:
            await self.tidy()
            durable = await self.store.position()
        await self.log.commit(_GROUP, SENSORS_DATA, durable)
        self.cost.written += _disk_writes() - before

    async def tidy(self) -> None:
        """What the background does."""
        self._unsealed = 0
        began = time.process_time()
        await self.store.seal()
        began = self._spent("seal", began)
        await self.store.maintain()
        self._spent("maintain", began)

    async def finish(self) -> StorageReport:
        """The day is over: everything is merged."""
        before = _disk_writes()
        self._clock.now += 180 * US_PER_S
        await self.tidy()
        report = await self.store.storage()
        await self.store.close()
        await self.log.close()
        self.cost.written += _disk_writes() - before
        return report

    def _spent(self, what: str, began: float) -> float:
        now = time.process_time()
        self.cost.cpu[what] += now - began
        return now


def _disk_writes() -> int:
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"])


async def _filled(plants: int, hours: int, folder: Path) -> tuple[list[Figure], list[SampleBatch]]:
    """The store's own figures, and the last ten minutes of samples."""
    end = START // US_PER_DAY * US_PER_DAY + US_PER_DAY
    clock = Clock(START)
    clock.now = end - hours * US_PER_HOUR
    machines, filling = DemoPlants(plants, clock.now), Filling(folder, clock)
    points, batches = 0, list[SampleBatch]()
    for _ in range(hours * 6):
        batches = list(machines.batches(600, _RECORD))
        points += sum(map(len, batches))
        for at in range(0, len(batches), _RECORDS):
            await filling.follow(batches[at : at + _RECORDS])
    clock.now = end
    report = await filling.finish()
    assert report.samples == points
    return _figures(filling.cost, report), batches


def _figures(cost: Cost, report: StorageReport) -> list[Figure]:
    points, tags = report.samples, "the demo's machines in their mix"
    tiers = {tier.tier: tier.bytes / points for tier in report.tiers}
    total = sum(cost.cpu.values()) / points * 1e6
    parts = ", ".join(f"{name} {seconds / points * 1e6:.2f}" for name, seconds in cost.cpu.items())
    written = cost.written / points if cost.written else None
    how = "log and history, a commit each 200 values" if written else "this file system does not count writes"
    return [
        Figure("store.cpu_us_per_point", total, "µs", f"<= {LEAST_GOAL_US}", f"{points / 1e6:.1f} M points: {parts}"),
        Figure("store.sealed.bytes_per_point", tiers["raw"], "B", "<= 7", f"{tags}, quality and arrival included"),
        Figure("store.with_tiers.bytes_per_point", sum(tiers.values()), "B", "<= 12", "minutes and hours, too"),
        Figure("store.written.bytes_per_point", written, "B", "<= 200", how),
    ]


LEAST_GOAL_US = 1.8
"""InfluxDB's CPU a point when the goal was set."""


async def _influx(batches: Sequence[SampleBatch]) -> list[Figure]:
    """InfluxDB's figures on samples of the same machines."""
    # It builds on this module.
    from benchmarks import influx

    if shutil.which("influxd") is None:
        return [Figure("store.influx.cpu_us_per_point", None, "µs", reference="influxd is not installed")]
    what = f"{sum(map(len, batches)):,} of these points, value and quality, compacted"
    with start(influx.Impatient) as server:
        found = await influx.reference(server, batches)
    return [replace(each, id=f"store.{each.id.removeprefix('reference.')}", reference=what) for each in found]


async def _measure(quick: bool) -> list[Figure]:
    with TemporaryDirectory(prefix="andon-bench-") as folder:
        figures, batches = await _filled(6 if quick else 10, 1 if quick else 2, Path(folder))
    return _beside(figures, await _influx(batches))


def _beside(figures: list[Figure], reference: list[Figure]) -> list[Figure]:
    """The goal for CPU is what InfluxDB takes, here and now."""
    theirs = reference[0].value or 0
    goal = f"<= {max(LEAST_GOAL_US, theirs):.2f}"
    return [
        *(replace(each, goal=goal) if each.id == "store.cpu_us_per_point" else each for each in figures),
        *reference,
    ]


def measure(quick: bool) -> list[Figure]:
    """What a sample costs in Andon's own store, and in InfluxDB."""
    return asyncio.run(_measure(quick))
