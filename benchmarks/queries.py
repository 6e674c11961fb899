"""Answers of the API while 1000 values/s arrive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx

from andon.kit.clock import US_PER_DAY, US_PER_S, now_us
from benchmarks.figures import Figure, percentile
from benchmarks.plant import fresh_andon, module, mqtt_options
from benchmarks.registering import thermometers

DEVICES = 1_000
DAY_SAMPLES = 86_400
CHUNK = 10_000


def _fill_a_day(client: httpx.Client, device: str) -> None:
    """One sample a second for the last 24 h."""
    start = now_us() - US_PER_DAY
    for first in range(0, DAY_SAMPLES, CHUNK):
        rows = range(first, min(first + CHUNK, DAY_SAMPLES))
        samples = [{"timestamp": start + i * US_PER_S, "value": 20 + i % 600 / 10} for i in rows]
        client.post(f"/api/v1/devices/{device}/samples", json={"samples": samples}).raise_for_status()


def _p95(ask: Callable[[], httpx.Response], count: int) -> float | None:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        ask().raise_for_status()
        times.append((time.perf_counter() - started) * 1000)
        time.sleep(0.02)
    return percentile(times, 0.95)


async def _measure(count: int) -> list[Figure]:
    sources = thermometers(DEVICES)
    devices = [source.device_id for source in sources]
    with fresh_andon(devices=sources) as andon, andon.client() as client:
        await asyncio.to_thread(_fill_a_day, client, devices[0])
        seconds = 8 + count // 10
        load = mqtt_options(andon, kind="json1", devices=devices, qos=1, rate=DEVICES, total=DEVICES * seconds)
        publishing = asyncio.create_task(module("mqtt_load", load))
        await asyncio.sleep(3)
        history = f"/api/v1/devices/{devices[0]}/history?from=-24h&buckets=500"
        listed = await asyncio.to_thread(_p95, lambda: client.get("/api/devices"), count)
        charted = await asyncio.to_thread(_p95, lambda: client.get(history), count)
        await publishing
    return [
        Figure("api.devices.p95_ms", listed, "ms", "<= 30", "1000 devices"),
        Figure("api.history24h.p95_ms", charted, "ms", "<= 50", "86,400 samples to 500 buckets"),
    ]


def measure(quick: bool) -> list[Figure]:
    """p95 of the device list and of a day's chart."""
    return asyncio.run(_measure(50 if quick else 200))
