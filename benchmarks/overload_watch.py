"""Watches a plant that is overloaded, as a browser does: whether values go backwards, and how late a probe comes.

The probe is a device of its own that publishes ten times a second at QoS 1. `python -m benchmarks.overload_watch
'{"url", "token", "port", "username", "password", "probe", "load_ends", "give_up_s"}'` ends when the probe is in time
again for a while after the load, or gives up, and prints one JSON line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections import deque
from statistics import median
from typing import Any

import httpx
import socketio
import uvloop

from andon.kit.clock import now_us
from benchmarks.figures import percentile
from benchmarks.mqtt_load import Connection, publish_packet
from benchmarks.overload_load import maker

EVERY_S = 0.1
ASK_TIMEOUT_S = 30.0
IN_TIME_MS = 100.0
ENOUGH = 20
"""Probes whose median is in time: then the plant is back."""


class Watcher:
    """What came, of the probe and of all others."""

    def __init__(self, probe: str, load_ends: float) -> None:
        self.backwards = self.values = 0
        self.recovered = asyncio.Event()
        self.recovered_s: float | None = None
        self.answers: list[float] = []
        self.refused = 0
        self.during: list[float] = []
        self._probe = probe
        self._load_ends = load_ends
        self._newest: dict[str, tuple[float, float]] = {}
        self._recent: deque[tuple[float, float]] = deque(maxlen=ENOUGH)

    def sample(self, device: str, at_ms: float, value: float) -> None:
        """One value of a frame."""
        self.values += 1
        before = self._newest.get(device, (0.0, -1.0))
        self.backwards += at_ms < before[0] or value < before[1]
        self._newest[device] = (at_ms, value)
        if device == self._probe:
            self._time(now_us() / 1000 - at_ms)

    def _time(self, latency_ms: float) -> None:
        now = time.time()
        if now < self._load_ends:
            self.during.append(latency_ms)
            return
        self._recent.append((now, latency_ms))
        in_time = len(self._recent) == ENOUGH and median(late for _, late in self._recent) <= IN_TIME_MS
        if in_time and self.recovered_s is None:
            self.recovered_s = max(0.0, self._recent[0][0] - self._load_ends)
            self.recovered.set()


async def _ask(options: dict[str, Any], watcher: Watcher) -> None:
    """Have the API show a device each second while the load lasts, as a page does."""
    headers = {"authorization": f"Bearer {options['token']}"}
    async with httpx.AsyncClient(base_url=options["url"], headers=headers, timeout=ASK_TIMEOUT_S) as client:
        while time.time() < options["load_ends"]:
            began = time.perf_counter()
            try:
                answer = await client.get(f"/api/v1/devices/{options['probe']}")
                watcher.refused += answer.status_code != 200
            except httpx.TransportError:
                watcher.refused += 1
            watcher.answers.append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(1)


async def _probe(options: dict[str, Any]) -> None:
    connection = await Connection.open(options["port"], "probe", options["username"], options["password"])
    acks = asyncio.create_task(connection.count_acks())
    make = maker([options["probe"]])
    try:
        for index in range(round((options["load_ends"] - time.time() + options["give_up_s"]) / EVERY_S)):
            connection.writer.write(publish_packet(*make(index), packet_id=index % 65_535 + 1))
            await connection.writer.drain()
            await asyncio.sleep(EVERY_S)
    finally:
        acks.cancel()
        connection.writer.close()


async def run(options: dict[str, Any]) -> dict[str, Any]:
    """Watch all devices until the plant is back to normal."""
    watcher = Watcher(options["probe"], options["load_ends"])
    client = socketio.AsyncClient()
    ended = 0

    @client.on("sensor-frame")
    def sensor_frame(body: dict[str, Any]) -> None:
        for device, _tag, at_ms, value, *_ in body["samples"]:
            watcher.sample(device, at_ms, value)

    @client.on("disconnect")
    def disconnect(*_reason: Any) -> None:
        nonlocal ended
        ended += 1

    await client.connect(options["url"], auth={"token": options["token"]}, transports=["websocket"])
    await client.emit("subscribe-device", {"deviceIds": "*", "frames": True})
    probing = asyncio.create_task(_probe(options))
    asking = asyncio.create_task(_ask(options, watcher))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(watcher.recovered.wait(), options["load_ends"] - time.time() + options["give_up_s"])
    asking.cancel()
    probing.cancel()
    await asyncio.gather(probing, asking, return_exceptions=True)
    cut = ended
    await client.disconnect()
    return {
        "recovered_s": watcher.recovered_s,
        "backwards": watcher.backwards,
        "values": watcher.values,
        "disconnects": cut,
        "answers_p95": percentile(watcher.answers, 0.95),
        "answers_refused": watcher.refused,
        "during_p50": percentile(watcher.during, 0.5),
        "during_p95": percentile(watcher.during, 0.95),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))), flush=True)
