"""InfluxDB: what a point costs it when it is fed as it likes best, and as Andon's historian on it.

The first is the measure for Andon's own store: the same points, exact, replacing and durable in both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from andon.historian.stores.influx.client import InfluxClient
from andon.historian.stores.influx.limits import Access, InfluxLimits
from andon.historian.stores.influx.names import RAW
from andon.historian.stores.influx.signals import Place, place_of
from andon.historian.stores.influx.store import InfluxStore
from andon.kit.clock import US_PER_HOUR, US_PER_S
from andon.kit.samples import SampleBatch, concatenate
from benchmarks.figures import Figure, percentile
from benchmarks.history_store import START, Machines
from benchmarks.stored import Clock
from support.servers import Influx, running

TAGS = 300
RATE = 300
TAGS_A_DEVICE = 4
NAMES = ("bbw_value", "temperature", "vibration", "tension")
LINES = 5_000
BATCHES = 30
"""Of one sample a tag each, written together: what comes from 20,000 values a second in half a second."""
SETTLED_S = 6.0


class Impatient(Influx):
    """Writes its cache to files and compacts them at once instead of after minutes; the work is the same."""

    def prepare(self) -> None:
        """Its configuration."""
        super().prepare()
        config = self.folder / "influx.toml"
        soon = '[data]\n  cache-snapshot-write-cold-duration = "1s"\n  compact-full-write-cold-duration = "2s"'
        config.write_text(config.read_text().replace("[data]", soon))

    def bytes(self, policy: str) -> int:
        """On the disk, of all databases."""
        return sum(path.stat().st_size for path in self.folder.glob(f"data/*/{policy}/**/*.tsm"))


@dataclass(frozen=True, slots=True)
class Run:
    """CPU seconds of the client and of InfluxDB, and how long it took."""

    samples: int
    seconds: float
    client_s: float
    server_s: float


async def _timed(server: Influx, samples: int, work: Callable[[], Awaitable[None]]) -> Run:
    process = psutil.Process(server.pid)
    began, own, other = time.perf_counter(), time.process_time(), sum(process.cpu_times()[:2])
    await work()
    seconds, client = time.perf_counter() - began, time.process_time() - own
    await _settled(server)
    return Run(samples, seconds, client, sum(process.cpu_times()[:2]) - other)


async def _settled(server: Influx) -> None:
    """Until its files have stood still for some time: compaction is a part of what a point costs."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        size = sum(path.stat().st_size for path in server.folder.glob("**/*.tsm"))
        waiting = sum(path.stat().st_size for path in server.folder.glob("wal/**/*.wal"))
        if size != last or waiting > 1 << 20:
            last, since = size, time.monotonic()
        await asyncio.sleep(0.5)


def plain_lines(batch: SampleBatch, place: Callable[[int], Place]) -> list[bytes]:
    """Value and quality of each sample, nothing else; a line for each sample."""
    heads = {tag: place(tag).head for tag in np.unique(batch.tag_ids).tolist()}
    fields = {tag: place(tag).field for tag in heads}
    rows = zip(batch.tag_ids.tolist(), batch.timestamps.tolist(), batch.values.tolist(), strict=True)
    return [f"{heads[tag]} {fields[tag]}={v!r},{fields[tag]}_quality=192i {at}".encode() for tag, at, v in rows]


def looms(tag_id: int) -> Place:
    """Four tags a loom, twenty looms a line."""
    loom, tag = divmod(tag_id - 1, TAGS_A_DEVICE)
    return place_of("loom", "plant", f"weaving-line-{loom // 20 + 1}", f"loom-{loom + 1:04d}", NAMES[tag])


async def reference(server: Impatient, batches: Sequence[SampleBatch]) -> list[Figure]:
    access = Access(server.url, "reference")
    store = await InfluxStore.open(access, InfluxLimits(maintenance=False))  # makes the database
    client = InfluxClient(access, InfluxLimits(lines_a_write=LINES))
    parts = [plain_lines(batch, looms) for batch in batches]
    count = sum(map(len, parts))

    async def write() -> None:
        waiting: list[bytes] = []
        for lines in parts:
            waiting += lines
            while len(waiting) >= LINES:
                await client.write(RAW, waiting[:LINES])
                waiting = waiting[LINES:]
        await client.write(RAW, waiting)

    run = await _timed(server, count, write)
    held = await store._client.query('SELECT count(/_quality$/) FROM "andon_raw"."loom"')
    assert sum(held[0][0].values[0][1:]) == count
    await client.close()
    await store.close()
    kind = f"{TAGS} tags, value and quality, {LINES} lines a request, compacted"
    return [
        Figure("reference.influx.cpu_us_per_point", run.server_s / count * 1e6, "µs", reference=kind),
        Figure("reference.influx.bytes_per_point", server.bytes(RAW) / count, "B", reference=kind),
    ]


async def _as_historian(server: Impatient, batches: Sequence[SampleBatch]) -> list[Figure]:
    count = sum(map(len, batches))
    clock = Clock(START)
    clock.now = int(batches[-1].timestamps[-1])
    limits = InfluxLimits(maintenance=False)
    store = await InfluxStore.open(Access(server.url, "andon"), limits, clock)
    store.describe = looms
    before = {policy: server.bytes(policy) for policy in ("andon_raw", "andon_minute", "andon_hour")}

    async def write() -> None:
        for position, batch in enumerate(batches, 1):
            await store.write(batch, position)

    async def sum_up() -> None:
        clock.now += 2 * US_PER_HOUR
        await store.maintain()

    run = await _timed(server, count, write)
    raw = server.bytes("andon_raw") - before["andon_raw"]
    tiers = await _timed(server, count, sum_up)
    sums = sum(server.bytes(policy) - before[policy] for policy in ("andon_minute", "andon_hour"))
    assert (await store.size()).samples == count
    asked = await _asked(store, batches, clock)
    await store.close()
    return [
        Figure("influx.values_per_s", count / run.seconds, "1/s", reference=f"{count // len(batches):,} a batch"),
        Figure("influx.client_cpu_us", run.client_s / count * 1e6, "µs", reference="a point, in Andon"),
        Figure("influx.server_cpu_us", run.server_s / count * 1e6, "µs", reference="a point, in InfluxDB"),
        Figure(
            "influx.tiers.server_cpu_us", tiers.server_s / count * 1e6, "µs", reference="a point, minutes and hours"
        ),
        Figure("influx.bytes_per_point", raw / count, "B", reference="value, quality, what came late"),
        Figure("influx.with_tiers.bytes_per_point", (raw + sums) / count, "B"),
        *asked,
    ]


async def _asked(store: InfluxStore, batches: Sequence[SampleBatch], clock: Clock) -> list[Figure]:
    first, last = int(batches[0].timestamps[0]), int(batches[-1].timestamps[-1])
    rng = np.random.default_rng(3)
    everyone = list(range(1, TAGS + 1))

    def tag() -> int:
        return int(rng.integers(1, TAGS + 1))

    async def latest() -> None:
        await store.latest(everyone)

    async def raw() -> None:
        await store.read(tag(), last - US_PER_HOUR, last, 10_000)

    async def chart() -> None:
        await store.buckets(tag(), first, last, 500)

    async def top() -> None:
        await store.top(everyone, first, last, "mean", 20)

    figures = []
    questions = {"latest": (latest, 5), "raw1h": (raw, 20), "chart500": (chart, 20), "top20": (top, 5)}
    for name, (ask, times) in questions.items():
        took = []
        for _ in range(times):
            began = time.perf_counter()
            await ask()
            took.append((time.perf_counter() - began) * 1e3)
        span = f"{(last - first) / US_PER_S / 60:.0f} min of data"
        figures.append(Figure(f"influx.{name}.p95_ms", percentile(took, 0.95), "ms", reference=span))
    return figures


async def _measure(samples: int) -> list[Figure]:
    made = list(Machines(TAGS, RATE).batches(START, samples))
    batches = [concatenate(made[at : at + BATCHES]) for at in range(0, len(made), BATCHES)]
    with running(Impatient) as server:
        figures = await reference(server, batches)
        client = InfluxClient(Access(server.url, "reference"), InfluxLimits())
        await client.query('DROP DATABASE "reference"')
        await client.close()
        return figures + await _as_historian(server, batches)


def measure(quick: bool) -> list[Figure]:
    """CPU and bytes a point of InfluxDB itself, then of the historian on it."""
    return asyncio.run(_measure(200_000 if quick else 750_000))


if __name__ == "__main__":
    from benchmarks.figures import show

    show(measure(quick=True))
