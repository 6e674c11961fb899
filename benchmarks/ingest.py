"""Sustained rates: stored and alarm-checked, nothing lost. Beside them, what the bare machine does."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from benchmarks import bare
from benchmarks.figures import Figure
from benchmarks.plant import cpu_seconds, fresh_andon, module, mqtt_options, stored_samples, until_stored
from benchmarks.registering import thermometers
from support.running import RunningAndon

DEVICES = 100
PRESSES = [f"bench-press-{number}" for number in range(10)]
FLUSHES = "andon_ingest_flush_seconds_count"
QOS0_PACES = (50_000, 65_000, 80_000, 95_000)
"""Messages/s. At QoS 0 no acknowledgement slows a sender down: the paces stand above the goal, and rise until one is
not kept up with; the best without loss counts.
"""
SPARKPLUG_PACES = (5_000, 7_500, 9_500, 12_000)
PACED_S, QUICK_PACED_S, QUICK_PACES = 6, 4, 2
JSON = (("json1", 1, (0,), 10_000), ("json1.qos0", 0, QOS0_PACES, 40_000))
"""(name, QoS, paces, goal); 0 is as fast as acknowledgements come."""
BARE_PACES, SPARKPLUG_BARE_PACES = (115_000, 140_000), (15_000, 18_000)
BARE_S, QUICK_BARE_S = 4, 2


@dataclass(frozen=True, slots=True)
class Run:
    """`per_s`: values/s from the first publish to the last stored. `flush`: messages that went to the log together."""

    per_s: float
    lost: int
    cpu_us: float
    flush: float


def _flushes(client: httpx.Client) -> float:
    text = client.get("/metrics").raise_for_status().text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{FLUSHES} "))


def _run(andon: RunningAndon, client: httpx.Client, options: dict[str, Any], values: int) -> Run:
    """Publish and wait until everything is stored. CPU of all of Andon."""
    before, cpu, flushes = stored_samples(client), cpu_seconds(andon), _flushes(client)
    published = asyncio.run(module("mqtt_load", options))
    stored, settled_s = until_stored(client, before + values)
    arrived = stored - before
    used_s = cpu_seconds(andon) - cpu
    flush = options["total"] / max(1.0, _flushes(client) - flushes)
    return Run(arrived / (published["seconds"] + settled_s), values - arrived, used_s / max(1, arrived) * 1e6, flush)


def _faster(run: Callable[[int], Run], paces: Sequence[int], values: int = 1) -> list[Run]:
    """Runs at rising paces (messages of so many values a second) until one is not kept up with."""
    runs: list[Run] = []
    for pace in paces:
        runs.append(run(pace))
        if runs[-1].lost or runs[-1].per_s < 0.85 * pace * values:
            break
    return runs


def _best(runs: Sequence[Run]) -> Run:
    """The fastest that lost nothing."""
    return max([run for run in runs if not run.lost] or runs, key=lambda run: run.per_s)


def _bare(name: str, kind: str, qos: int, loads: Sequence[dict[str, Any]], values: int) -> Figure:
    """What the broker, a decoder and the log reach by themselves: the fastest without loss, at rising paces."""
    best = 0.0
    for load in loads:
        per_s, lost = bare.through_broker(kind, qos, load, load["total"] * values)
        best = best if lost else max(best, per_s)
        if lost or per_s < 0.85 * load["rate"] * values:
            break
    return Figure(f"reference.bare.{name}.values_per_s", best, "values/s", "", "same broker, decoder and log, no more")


def _figures(name: str, kind: str, runs: Sequence[Run], goal: int, through: Figure) -> list[Figure]:
    """The fastest run that lost nothing, and how it compares with the bare broker, decoder and log."""
    best = _best(runs)
    messages = round(best.flush)
    core, each = bare.without_broker(kind, messages), f"no broker, {messages} messages at a time, one core"
    return [
        Figure(f"ingest.{name}.values_per_s", best.per_s, "values/s", f">= {goal}", f"best of {len(runs)} paces"),
        Figure(f"ingest.{name}.lost", float(best.lost), "values", "<= 0"),
        Figure(f"ingest.{name}.cpu_us", best.cpu_us, "µs CPU a value", reference="broker included"),
        through,
        Figure(f"ingest.{name}.of_bare", best.per_s / through.value, "", ">= 0.5", "of broker, decoder and log alone"),
        Figure(f"reference.core.{name}.values_per_s", core, "values/s", reference=each),
    ]


def _json(quick: bool) -> list[Figure]:
    seconds = QUICK_PACED_S if quick else PACED_S
    found: list[list[Run]] = []
    sources = thermometers(DEVICES)
    devices = [source.device_id for source in sources]
    with fresh_andon(devices=sources) as andon, andon.client() as client:
        for _, qos, paces, goal in JSON:

            def run(pace: int, qos: int = qos, goal: int = goal) -> Run:
                total = (pace or goal * 2) * seconds
                options = mqtt_options(andon, kind="json1", devices=devices, qos=qos, rate=pace, total=total)
                return _run(andon, client, options, total)

            found.append(_faster(run, paces[:QUICK_PACES] if quick else paces))
    figures = []
    for (name, qos, paces, goal), runs in zip(JSON, found, strict=True):
        faster = BARE_PACES if qos == 0 else ()
        bare_s = QUICK_BARE_S if quick else BARE_S
        rates = paces[:QUICK_PACES] if quick else (*paces, *faster)
        loads = [{"devices": devices, "rate": pace, "total": (pace or goal) * bare_s} for pace in rates]
        figures += _figures(name, "json1", runs, goal, _bare(name, "json1", qos, loads, 1))
    return figures


def _births() -> list[tuple[str, str]]:
    from andon.wire.sparkplug import sparkplug_b_pb2 as pb

    now = time.time_ns() // 1_000_000
    node = pb.Payload(timestamp=now, seq=0)
    node.metrics.add(name="bdSeq", datatype=8, long_value=0)
    births = [("spBv1.0/Bench/NBIRTH/bench-node", node)]
    for seq, press in enumerate(PRESSES, 1):
        device = pb.Payload(timestamp=now, seq=seq)
        for alias in range(1, 61):
            device.metrics.add(name=f"metric-{alias}", alias=alias, datatype=10, double_value=20.0, timestamp=now)
        births.append((f"spBv1.0/Bench/DBIRTH/bench-node/{press}", device))
    return [(topic, payload.SerializeToString().hex()) for topic, payload in births]


def _sparkplug(quick: bool) -> list[Figure]:
    with fresh_andon() as andon, andon.client() as client:
        for press in PRESSES:
            body = {"deviceId": press, "type": "press", "location": "bench", "unit": "", "protocol": "sparkplug"}
            client.post("/api/v1/devices", json=body).raise_for_status()

        def run(pace: int) -> Run:
            messages = pace * (QUICK_PACED_S if quick else PACED_S)
            options = mqtt_options(andon, kind="sparkplug60", group="Bench", node="bench-node", devices=PRESSES)
            options |= {"births": _births(), "total": messages, "rate": pace}
            return _run(andon, client, options, (messages + len(PRESSES)) * 60)

        paces = SPARKPLUG_PACES[1:] if quick else SPARKPLUG_PACES
        runs = _faster(run, paces, 60)
    bare_s = QUICK_BARE_S if quick else BARE_S
    loads = [
        {"group": "Bench", "node": "bench-node", "devices": PRESSES, "rate": pace, "total": pace * bare_s}
        for pace in (*paces, *(SPARKPLUG_BARE_PACES[:1] if quick else SPARKPLUG_BARE_PACES))
    ]
    through = _bare("sparkplug60", "sparkplug60", 0, loads, 60)
    return _figures("sparkplug60", "sparkplug60", runs, 150_000, through)


def _fdatasync_per_s(seconds: float = 1.0) -> float:
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("wb", buffering=0) as file:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            file.write(b"x" * 512)
            os.fdatasync(file.fileno())
            count += 1
    return count / seconds


def measure(quick: bool) -> list[Figure]:
    """The machine's own reference first, then Andon, each with what the bare log and decoder reach."""
    reference = Figure("reference.fdatasync_per_s", _fdatasync_per_s(), "appends/s")
    return [reference, *_sparkplug(quick), *_json(quick)]
