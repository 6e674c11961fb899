"""A Socket.IO client that measures the way from publishing to the browser.

`python -m benchmarks.watch '{"url", "token", "subscribe", "also", "seconds"}'` prints the latencies' percentiles (ms);
`also` names further events that are emitted first, as the web UI does on every page.
A sample carries the moment it was published as its timestamp; both clocks are this machine's.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import socketio

from andon.kit.clock import parse_timestamp
from benchmarks.figures import percentile

WARM_UP_S = 3


async def run(options: dict[str, Any]) -> dict[str, Any]:
    """Watch for some seconds, leave out the first three."""
    client = socketio.AsyncClient()
    latencies: list[float] = []
    begin = time.monotonic() + WARM_UP_S

    def seen(published_us: float) -> None:
        if time.monotonic() >= begin:
            latencies.append((time.time_ns() // 1000 - published_us) / 1000)

    @client.on("sensor-data")
    def sensor_data(body: dict[str, Any]) -> None:
        seen(parse_timestamp(body["timestamp"]))

    @client.on("sensor-frame")
    def sensor_frame(body: dict[str, Any]) -> None:
        for sample in body["samples"]:
            seen(sample[2] * 1000)

    await client.connect(options["url"], auth={"token": options["token"]}, transports=["websocket"])
    for event in options.get("also", ()):
        await client.emit(event, {})
    await client.emit("subscribe-device", options["subscribe"])
    await asyncio.sleep(WARM_UP_S + options["seconds"])
    await client.disconnect()
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {"count": len(latencies), **{name: percentile(latencies, share) for name, share in shares.items()}}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(sys.argv[1])))), flush=True)
