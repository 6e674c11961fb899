"""1000 devices at 1 Hz, and two people who watch them."""

from __future__ import annotations

import asyncio
import time

import httpx

from benchmarks.figures import Figure
from benchmarks.plant import cpu_seconds, fresh_andon, module, mqtt_options, stored_samples, usage
from benchmarks.registering import thermometers

DEVICES = 1_000
WATCHED = 20


async def _watch(seconds: int) -> list[Figure]:
    sources = thermometers(DEVICES)
    devices = [source.device_id for source in sources]
    with fresh_andon(devices=sources) as andon, andon.client() as client:
        token = client.headers["authorization"].removeprefix("Bearer ")
        page = {"url": andon.url, "token": token, "seconds": seconds}
        load = mqtt_options(andon, kind="json1", devices=devices, qos=1, rate=DEVICES, total=DEVICES * (seconds + 6))
        publishing = asyncio.create_task(module("mqtt_load", load))
        await asyncio.sleep(1)
        cpu, started = await asyncio.to_thread(cpu_seconds, andon), time.monotonic()
        few, everything = await asyncio.gather(
            module("watch", {**page, "subscribe": {"deviceIds": devices[:WATCHED]}}),
            module("watch", {**page, "subscribe": {"deviceIds": "*", "frames": True}}),
        )
        used = usage(andon, cpu, time.monotonic() - started)
        await publishing
        expected, stored = load["total"], await asyncio.to_thread(settled, client, load["total"])
    seen = f"{few['count'] + everything['count']} values seen"
    return [
        Figure("live.p50_ms", few["p50"], "ms", reference=seen),
        Figure("live.p95_ms", few["p95"], "ms", "<= 50", "Home Assistant 264, Node-RED 4, FUXA 893"),
        Figure("live.p99_ms", few["p99"], "ms", "<= 150"),
        Figure("live.all.p95_ms", everything["p95"], "ms", "<= 150"),
        Figure("live.rss_mb", used.rss_mb, "MB", "<= 400", "Home Assistant 274, Node-RED 169, FUXA 168"),
        Figure("live.server_rss_mb", used.server_rss_mb, "MB", "<= 300"),
        Figure("live.cpu_pct", used.cpu_pct, "% of a core", "<= 30", "Home Assistant 24, Node-RED 35, FUXA 33"),
        Figure("live.lost", float(expected - stored), "values", "<= 0"),
    ]


def settled(client: httpx.Client, expected: int, within_s: float = 10) -> int:
    """Stored samples once they are all there, or after some seconds."""
    deadline = time.monotonic() + within_s
    while (stored := stored_samples(client)) < expected and time.monotonic() < deadline:
        time.sleep(0.2)
    return stored


def measure(quick: bool) -> list[Figure]:
    """Latency from publish to client, CPU and memory of all of Andon."""
    return asyncio.run(_watch(10 if quick else 30))
