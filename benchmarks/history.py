"""What answers take with 100 M points stored, and while 20,000 values/s arrive: of the store, and over HTTP."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from andon.historian.ranges import whole_hours
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR, US_PER_S, now_us
from benchmarks.figures import Figure, percentile
from benchmarks.plant import module, mqtt_options, running
from benchmarks.registering import register, thermometers
from benchmarks.stored import Clock, Month, Signals, fill

TAGS = 3_000
RATE = 20_000
TAKEN_EACH_S = 0.5
"""The historian takes what came from the log this often."""
_LIMIT = 100_000

Question = Callable[[], Awaitable[object]]
ASKED = {
    "latest": (f"newest of {TAGS} tags", 5),
    "raw1h": ("the last hour of one tag, every sample", 10),
    "24h": ("24 h of one tag in 500 buckets", 20),
    "30d": ("30 days of one tag in hours", 20),
    "top": (f"20 highest means of {TAGS} tags, of 24 h and what makes them whole hours, as the API asks", 50),
}


def _questions(store: LocalStore, clock: Clock) -> dict[str, Question]:
    rng, every = random.Random(2), list(range(1, TAGS + 1))

    def tag() -> int:
        return rng.randint(1, TAGS)

    def hourly() -> Awaitable[object]:
        end = clock.now // US_PER_HOUR * US_PER_HOUR
        return store.series([tag()], np.arange(end - 30 * US_PER_DAY, end + 1, US_PER_HOUR))

    return {
        "latest": lambda: store.latest(every),
        "raw1h": lambda: store.read(tag(), clock.now - US_PER_HOUR, clock.now, _LIMIT),
        "24h": lambda: store.buckets(tag(), clock.now - US_PER_DAY, clock.now, 500),
        "30d": hourly,
        "top": lambda: store.top(every, *whole_hours(clock.now - US_PER_DAY, clock.now), "mean", 20),
    }


async def ask(questions: Mapping[str, Question], rounds: int, pause_s: float) -> dict[str, list[float]]:
    """Milliseconds of each question, asked in turn."""
    took: dict[str, list[float]] = {name: [] for name in questions}
    for _ in range(rounds):
        for name, question in questions.items():
            began = time.perf_counter()
            await question()
            took[name].append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(pause_s)
    return took


async def _arrive(store: LocalStore, clock: Clock, signals: Signals, seconds: float) -> None:
    """Samples in real time behind those that are there."""
    start, began = clock.now, time.perf_counter()
    for number, batch in enumerate(signals.arriving(start, seconds, RATE, TAKEN_EACH_S), 1):
        await asyncio.sleep(max(0.0, number * TAKEN_EACH_S - (time.perf_counter() - began)))
        clock.now = start + round(number * TAKEN_EACH_S * US_PER_S)
        await store.write(batch, 0)


async def _of_the_store(folder: Path, month: Month, signals: Signals, rounds: int, busy_s: float) -> list[Figure]:
    clock = Clock(month.end)
    store = LocalStore.open(folder, LocalStoreLimits(), clock=clock)
    questions, points = _questions(store, clock), (await store.size()).samples
    await ask(questions, 5, 0.0)
    figures = _figures("query", await ask(questions, rounds, 0.0), f"{points / 1e6:.0f} M points")
    pause_s = 0.02
    arriving = asyncio.create_task(_arrive(store, clock, signals, busy_s))
    await asyncio.sleep(2)
    busy: dict[str, list[float]] = {name: [] for name in questions}
    while not arriving.done():
        for name, took in (await ask(questions, 5, pause_s)).items():
            busy[name] += took
    await arriving
    await store.close()
    return [*figures, *_figures("query.busy", busy, f"while {RATE:,} values/s arrive")]


def _figures(prefix: str, took: Mapping[str, list[float]], what: str, *, goals: bool = True) -> list[Figure]:
    return [
        Figure(
            f"{prefix}.{name}.p95_ms",
            percentile(times, 0.95),
            "ms",
            f"<= {ASKED[name][1]}" if goals else "",
            f"{ASKED[name][0]}; {what}; median {percentile(times, 0.5):.1f}",
        )
        for name, times in took.items()
    ]


def _requests(client: httpx.AsyncClient, devices: list[str]) -> dict[str, Question]:
    rng = random.Random(3)

    async def get(path: str) -> None:
        (await client.get(f"/api/v1{path}")).raise_for_status()

    return {
        "latest": lambda: get("/history/latest?limit=3000"),
        "raw1h": lambda: get(f"/devices/{rng.choice(devices)}/history?from=-1h&limit=10000"),
        "24h": lambda: get(f"/devices/{rng.choice(devices)}/history?from=-24h&buckets=500"),
        "30d": lambda: get(f"/devices/{rng.choice(devices)}/history?from=-30d&bucket=1h"),
        "top": lambda: get("/history/top?from=-24h&n=20"),
    }


async def _of_andon(data_dir: Path, devices: list[str], rounds: int) -> list[Figure]:
    """The same over HTTP, from Andon on that history, for context."""
    keep = {"ANDON_RETENTION": "keep"}
    with running(data_dir, environment=keep) as andon, andon.client() as login:
        async with httpx.AsyncClient(base_url=andon.url, headers=login.headers, timeout=20) as client:
            questions = _requests(client, devices)
            await ask(questions, 3, 0.0)
            quiet = await ask(questions, rounds, 0.0)
            seconds = rounds / 2
            load = mqtt_options(andon, kind="json1", devices=devices, qos=0, rate=RATE, total=round(RATE * seconds))
            publishing = asyncio.create_task(module("mqtt_load", load))
            await asyncio.sleep(2)
            busy: dict[str, list[float]] = {name: [] for name in questions}
            while not publishing.done():
                for name, took in (await ask(questions, 1, 0.02)).items():
                    busy[name] += took
            await publishing
    return [
        *_figures("api", quiet, "over HTTP", goals=False),
        *_figures("api.busy", busy, f"over HTTP while {RATE:,} messages/s arrive", goals=False),
    ]


async def _measure(quick: bool) -> list[Figure]:
    with TemporaryDirectory(prefix="andon-bench-") as name:
        data_dir = Path(name) / "data"
        devices = register(data_dir, thermometers(TAGS))
        end = now_us() // (60 * US_PER_S) * 60 * US_PER_S
        month = Month(TAGS, end, *((40, 1) if quick else (720, 24)))
        began = time.perf_counter()
        signals = await fill(data_dir / "history", month)
        filled_s = time.perf_counter() - began
        figures = await _of_the_store(data_dir / "history", month, signals, *((30, 6) if quick else (100, 30)))
        if not quick:
            figures += await _of_andon(data_dir, devices, 20)
    return [
        Figure("history.filled_s", filled_s, "s", reference="30 days written and merged, not the questions"),
        *figures,
    ]


def measure(quick: bool) -> list[Figure]:
    """p95 of each question."""
    return asyncio.run(_measure(quick))
