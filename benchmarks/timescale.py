"""TimescaleDB as the historian: the same log as PostgreSQL's, then its day compressed, and late samples for that."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from andon.kit.clock import US_PER_DAY, US_PER_S
from andon.kit.samples import SampleBatch
from benchmarks.figures import Figure
from benchmarks.history_store import START
from benchmarks.postgres import AGAIN, RATE, TAGS, _filled, _follow
from benchmarks.stored import Clock
from support.engines import start
from support.servers import Timescale

LATE = 200


async def _measure(samples: int) -> list[Figure]:
    with TemporaryDirectory(prefix="andon-bench-") as folder, start(Timescale, durable=True) as server:
        log = await _filled(Path(folder), samples)
        clock = Clock(START)
        clock.now = START + round(samples / RATE * US_PER_S)
        limits = PostgresLimits(compact_every_s=0)
        with server.database() as url:
            store = PostgresStore.open(url, limits=limits, clock=clock, maintenance=False)
            run = await _follow(log, store, server, 40)
            raw = (await store.storage()).tiers[0]
            clock.now += 3 * US_PER_DAY
            began = time.perf_counter()
            await store.maintain()
            compressing = time.perf_counter() - began
            packed = (await store.storage()).tiers[0]
            late = await _late(store)
            await store.close()
        await log.close()
    return [
        Figure("timescale.values_per_s", run.samples / run.seconds, "1/s", "", f"{AGAIN:.0%} repeated or corrected"),
        Figure("timescale.client_cpu_us", run.client_s / run.samples * 1e6, "µs", "", "a value, in Andon"),
        Figure("timescale.server_cpu_us", run.server_s / run.samples * 1e6, "µs", "", "a value, in PostgreSQL"),
        Figure("timescale.bytes_per_point", raw.bytes / raw.rows, "B", "", "before its day is compressed"),
        Figure("timescale.compressed.bytes_per_point", packed.bytes / packed.rows, "B", "", f"{TAGS} tags"),
        Figure(
            "timescale.compress.rows_per_s", packed.rows / compressing, "1/s", "", "sums of minutes, hours, days too"
        ),
        Figure("timescale.late.values_per_s", late, "1/s", "", f"{LATE} tags' samples of a compressed day corrected"),
    ]


async def _late(store: PostgresStore) -> float:
    """Samples a second that correct those of some tags in the compressed day."""
    found = [await store.read(tag, 0, 2**62, 1_000) for tag in range(1, LATE + 1)]
    count = sum(map(len, found))
    tags = np.repeat(np.arange(1, LATE + 1, dtype=np.int32), [len(each) for each in found])
    times = np.concatenate([each.timestamps for each in found])
    batch = SampleBatch(tags, times, np.full(count, -1.0), np.full(count, 192, np.uint8), times)
    began = time.perf_counter()
    await store.write(batch, await store.position() + 1)
    return count / (time.perf_counter() - began)


def measure(quick: bool) -> list[Figure]:
    """Rate, CPU and bytes; skips, as tests do, where the extension is not installed."""
    return asyncio.run(_measure(1_000_000 if quick else 3_000_000))


if __name__ == "__main__":
    from benchmarks.figures import show

    show(measure(quick=True))
