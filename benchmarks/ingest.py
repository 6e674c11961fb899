"""Sustained rates: stored and alarm-checked, nothing lost. Beside them, what the bare machine does."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec

from benchmarks.figures import Figure
from benchmarks.mqtt_load import json1, sparkplug60
from benchmarks.plant import add_devices, cpu_seconds, fresh_andon, module, mqtt_options, stored_samples
from support.running import RunningAndon

DEVICES = 100
# QoS 0 has no acknowledgement that would slow a sender down: the pace stands a fifth above the goal, in messages/s.
QOS0_PACE = 26_000
SPARKPLUG_PACE = 1_000


def _until_stored(client: httpx.Client, expected: int, within_s: float = 60) -> tuple[int, float]:
    """(stored samples, seconds waited) once all expected are there, or none came for three seconds."""
    started = changed = time.monotonic()
    last = -1
    while (stored := stored_samples(client)) < expected and time.monotonic() < started + within_s:
        if stored != last:
            last, changed = stored, time.monotonic()
        elif time.monotonic() - changed > 3:
            break
        time.sleep(0.05)
    return stored, time.monotonic() - started


def _run(
    andon: RunningAndon, client: httpx.Client, options: dict[str, object], values: int
) -> tuple[float, int, float]:
    """(values/s from the first publish to the last stored, values lost, CPU µs a value of all of Andon)."""
    before, cpu = stored_samples(client), cpu_seconds(andon)
    published = asyncio.run(module("mqtt_load", options))
    stored, settled_s = _until_stored(client, before + values)
    arrived = stored - before
    used_s = cpu_seconds(andon) - cpu
    return arrived / (published["seconds"] + settled_s), values - arrived, used_s / max(1, arrived) * 1e6


def _json(quick: bool) -> list[Figure]:
    figures = []
    with fresh_andon() as andon, andon.client() as client:
        devices = add_devices(client, DEVICES)
        for name, qos, rate, goal in (("json1", 1, 0, 8_000), ("json1.qos0", 0, QOS0_PACE, 20_000)):
            total = QOS0_PACE * (5 if quick else 20)
            options = mqtt_options(andon, kind="json1", devices=devices, qos=qos, rate=rate, total=total)
            per_s, lost, cost = _run(andon, client, options, total)
            figures += [
                Figure(f"ingest.{name}.values_per_s", per_s, "values/s", f">= {goal}"),
                Figure(f"ingest.{name}.lost", float(lost), "values", "<= 0"),
                Figure(f"ingest.{name}.cpu_us", cost, "µs CPU a value", reference="broker included"),
            ]
    return figures


def _births() -> list[tuple[str, str]]:
    from andon.wire.sparkplug import sparkplug_b_pb2 as pb

    now = time.time_ns() // 1_000_000
    node = pb.Payload(timestamp=now, seq=0)
    node.metrics.add(name="bdSeq", datatype=8, long_value=0)
    device = pb.Payload(timestamp=now, seq=1)
    for alias in range(1, 61):
        device.metrics.add(name=f"metric-{alias}", alias=alias, datatype=10, double_value=20.0, timestamp=now)
    return [
        ("spBv1.0/Bench/NBIRTH/bench-node", node.SerializeToString().hex()),
        ("spBv1.0/Bench/DBIRTH/bench-node/bench-press", device.SerializeToString().hex()),
    ]


def _sparkplug(quick: bool) -> list[Figure]:
    with fresh_andon() as andon, andon.client() as client:
        body = {"deviceId": "bench-press", "type": "press", "location": "bench", "unit": "", "protocol": "sparkplug"}
        client.post("/api/v1/devices", json=body).raise_for_status()
        messages = SPARKPLUG_PACE * (10 if quick else 30)
        options = mqtt_options(andon, kind="sparkplug60", group="Bench", node="bench-node", device="bench-press")
        options |= {"births": _births(), "total": messages, "rate": SPARKPLUG_PACE}
        per_s, lost, cost = _run(andon, client, options, messages * 60 + 60)
    return [
        Figure("ingest.sparkplug60.values_per_s", per_s, "values/s", ">= 50000"),
        Figure("ingest.sparkplug60.lost", float(lost), "values", "<= 0"),
        Figure("ingest.sparkplug60.cpu_us", cost, "µs CPU a value", reference="broker included"),
    ]


def _fdatasync_per_s(seconds: float = 1.0) -> float:
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("wb", buffering=0) as file:
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            file.write(b"x" * 512)
            os.fdatasync(file.fileno())
            count += 1
    return count / seconds


def _bare_decode() -> list[Figure]:
    from andon.wire.sparkplug import sparkplug_b_pb2 as pb

    texts = [json1(["bench"])(i)[1] for i in range(20_000)]
    started = time.perf_counter()
    for text in texts:
        msgspec.json.decode(text)
    json_rate = len(texts) / (time.perf_counter() - started)
    make = sparkplug60("g", "n", "d")
    payloads = [make(i)[1] for i in range(1_000)]
    started = time.perf_counter()
    for payload in payloads:
        [(metric.alias, metric.double_value) for metric in pb.Payload.FromString(payload).metrics]
    sparkplug_rate = 60 * len(payloads) / (time.perf_counter() - started)
    return [
        Figure("reference.decode_json.values_per_s", json_rate, "values/s"),
        Figure("reference.decode_sparkplug.values_per_s", sparkplug_rate, "values/s"),
    ]


def measure(quick: bool) -> list[Figure]:
    """The machine's own reference first, then Andon."""
    reference = Figure("reference.fdatasync_per_s", _fdatasync_per_s(), "appends/s")
    return [reference, *_bare_decode(), *_sparkplug(quick), *_json(quick)]
