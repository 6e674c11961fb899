"""Three years of hours, as a plant has that keeps sums for that long: what a chart of all of it takes."""

from __future__ import annotations

import asyncio
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from benchmarks.figures import Figure, percentile
from benchmarks.history import ask
from benchmarks.stored import Clock, Signals

TAGS, DAYS, AT_ONCE = 60, 1_096, 8
FIRST_DAY = 19_358  # 2023-01-01


async def _filled(folder: Path, clock: Clock) -> LocalStore:
    """A store with a sample an hour of each signal, merged as it is when the last month is a week old."""
    store = LocalStore.open(folder, LocalStoreLimits(maintenance=False), clock=clock)
    signals = Signals(TAGS)
    for day in range(FIRST_DAY, FIRST_DAY + DAYS, AT_ONCE):
        clock.now = (day + AT_ONCE + 2) * US_PER_DAY
        await store.write(signals.slice(day * US_PER_DAY, AT_ONCE * US_PER_DAY, 24 * AT_ONCE), 0)
        await store.seal()
        await store.maintain()
    clock.now += 7 * US_PER_DAY
    await store.maintain()
    return store


async def _measure(folder: Path, count: int) -> list[Figure]:
    store = await _filled(folder, Clock(0))
    ends = np.array([FIRST_DAY, FIRST_DAY + DAYS], np.int64) * US_PER_DAY
    hours = np.linspace(*ends, 501).astype(np.int64) // US_PER_HOUR * US_PER_HOUR
    year = hours[hours >= ends[1] - 365 * US_PER_DAY]
    tags = cycle(range(1, TAGS + 1))
    questions = {"3y": lambda: store.series([next(tags)], hours), "1y": lambda: store.series([next(tags)], year)}
    took = await ask(questions, count, 0.0)
    figures = [
        Figure("query.3y.p95_ms", percentile(took["3y"], 0.95), "ms", "<= 100"),
        Figure("query.1y.p95_ms", percentile(took["1y"], 0.95), "ms", "<= 50"),
        Figure("query.3y.files", len(list((folder / "hour").rglob("*.parquet"))), "files", reference="of hours"),
    ]
    await store.close()
    return figures


def measure(quick: bool) -> list[Figure]:
    """Charts of one signal's hours over years, in some 500 buckets."""
    with TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), 40 if quick else 200))
