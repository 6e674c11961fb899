"""PostgreSQL as the historian: from records in the log to committed rows, repeats and corrections included."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from andon.engines.log.consumer import Consumer, ConsumerLimits
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from andon.kit.clock import US_PER_S
from andon.kit.samples import SampleBatch, concatenate, decode, encode
from benchmarks.figures import Figure
from benchmarks.history_store import START, Machines
from benchmarks.stored import Clock
from support.servers import Postgres, running

TAGS = 3_000
RATE = 20_000
AGAIN = 0.05
"""Share of the samples that come a second time: half of them unchanged, half corrected."""


@dataclass(frozen=True, slots=True)
class Run:
    """What it took to follow a log to its end."""

    samples: int
    seconds: float
    client_s: float
    server_s: float


class Cpu:
    """CPU seconds of the server's processes, also of those that end meanwhile, and of this one."""

    def __init__(self, server: Postgres) -> None:
        self._server = psutil.Process(server.pid)
        self._seen: dict[int, float] = {}
        self.read()
        self._start = (self._total(), time.process_time())

    def read(self) -> None:
        """Call now and then: a process that has ended tells nothing any more."""
        for process in (self._server, *self._server.children()):
            try:
                self._seen[process.pid] = sum(process.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue

    def _total(self) -> float:
        return sum(self._seen.values())

    def used(self) -> tuple[float, float]:
        """Seconds since the beginning: of this process, of the server."""
        self.read()
        return time.process_time() - self._start[1], self._total() - self._start[0]


def with_repeats(batches: Iterator[SampleBatch]) -> Iterator[SampleBatch]:
    """Some samples come again a few batches later, some of them with another value."""
    rng = np.random.default_rng(2)
    earlier: list[SampleBatch] = []
    for batch in batches:
        earlier.append(batch.take(rng.random(len(batch)) < AGAIN))
        if len(earlier) > 4:
            again = earlier.pop(0)
            corrected = again.values + np.where(rng.random(len(again)) < 0.5, 1.0, 0.0)
            again = SampleBatch(again.tag_ids, again.timestamps, corrected, again.qualities, again.received)
            batch = concatenate([batch, again])
        yield batch


async def _filled(folder: Path, samples: int) -> EmbeddedLog:
    log = EmbeddedLog.open(folder / "log.db", LogLimits(min_free_bytes=0))
    records: list[bytes] = []
    for batch in with_repeats(Machines(TAGS, RATE).batches(START, samples)):
        # A record is what one flush of ingest brings: some hundred samples.
        records += [encode(batch.take(part)) for part in np.array_split(np.arange(len(batch)), len(batch) // 600 + 1)]
        if len(records) > 500:
            await log.append(SENSORS_DATA, records)
            records = []
    await log.append(SENSORS_DATA, records)
    return log


async def _follow(log: EmbeddedLog, store: PostgresStore, server: Postgres, records: int) -> Run:
    cpu = Cpu(server)
    end = await log.end(SENSORS_DATA)
    limits = ConsumerLimits(max_records=records, max_bytes=16 << 20)
    done = asyncio.Event()

    async def write(batch: SampleBatch, position: int, partition: int) -> int:
        durable = await store.write(batch, position, partition)
        if durable == end:
            done.set()
        return durable

    consumer = Consumer(log, SENSORS_DATA, "historian", write, start_at=store.position, limits=limits)
    started = time.perf_counter()
    task = asyncio.create_task(consumer.run())
    await done.wait()
    seconds = time.perf_counter() - started
    await consumer.stop()
    await task
    return Run(consumer.handled.samples, seconds, *cpu.used())


async def _measure(samples: int) -> list[Figure]:
    with TemporaryDirectory(prefix="andon-bench-") as folder, running(Postgres, durable=True) as server:
        log = await _filled(Path(folder), samples)
        clock = Clock(START)
        clock.now = START + round(samples / RATE * US_PER_S)
        figures: list[Figure] = []
        for name, records in (("", 40), (".small_batches", 5)):
            with server.database() as url:
                store = PostgresStore.open(url, limits=PostgresLimits(), clock=clock, maintenance=False)
                run = await _follow(log, store, server, records)
                figures += _rate(name, run, f"{records * 600:,} values a batch, {AGAIN:.0%} repeated or corrected")
                if not name:
                    figures += await _the_rest(log, store, server, run)
                await store.close()
        await log.close()
    return figures


def _rate(name: str, run: Run, reference: str) -> list[Figure]:
    goal = "" if name else ">= 50000"
    return [
        Figure(f"postgres{name}.values_per_s", run.samples / run.seconds, "1/s", goal, reference),
        Figure(f"postgres{name}.client_cpu_us", run.client_s / run.samples * 1e6, "µs", "", "a value, in Andon"),
        Figure(f"postgres{name}.server_cpu_us", run.server_s / run.samples * 1e6, "µs", "", "a value, in PostgreSQL"),
    ]


async def _the_rest(log: EmbeddedLog, store: PostgresStore, server: Postgres, run: Run) -> list[Figure]:
    raw = await store.size()
    cpu = Cpu(server)
    clock = store._clock
    assert isinstance(clock, Clock)
    clock.now += 7200 * US_PER_S
    await store.maintain()
    client, served = cpu.used()
    tiers = await store.size()
    again = await _replayed(log, store, server)
    return [
        Figure("postgres.bytes_per_point", raw.bytes / raw.samples, "B", "", "samples and their indexes"),
        Figure("postgres.with_tiers.bytes_per_point", tiers.bytes / tiers.samples, "B"),
        Figure("postgres.tiers.cpu_us", (client + served) / raw.samples * 1e6, "µs", "", "a value, minutes and hours"),
        Figure("postgres.replay.values_per_s", again.samples / again.seconds, "1/s", "", "all of it a second time"),
    ]


async def _replayed(log: EmbeddedLog, store: PostgresStore, server: Postgres) -> Run:
    """As after a log that was put in place of the old one: every sample is there already."""
    cpu = Cpu(server)
    started, samples = time.perf_counter(), 0
    position = 0
    while records := await log.read(SENSORS_DATA, position, 40, 16 << 20):
        batch = concatenate([decode(record.payload) for record in records])
        await store.write(batch, await store.position())
        position, samples = records[-1].position, samples + len(batch)
    return Run(samples, time.perf_counter() - started, *cpu.used())


def measure(quick: bool) -> list[Figure]:
    """Rate, CPU and bytes of PostgreSQL as the historian."""
    return asyncio.run(_measure(300_000 if quick else 1_000_000))
