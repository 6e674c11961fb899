"""Offers a plant more than it can take, for some seconds: MQTT at QoS 1 and 0 and HTTP, each on connections of its own.

A device's values count upwards. What a connection cannot send in time it holds back, as a device with a buffer does:
nothing here grows, and all ends by itself. Run as a process: `python -m benchmarks.overload_load '{"port": …, …}'`
prints one JSON line with what was offered, sent and acknowledged of each device.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import uvloop

from andon.kit.clock import now_us, to_iso
from benchmarks.mqtt_load import Connection, publish_packet

WINDOW = 5_000
"""Messages at QoS 1 on their way, of one connection."""
SLICE = 200
PUSHED = 100
"""Samples in one request."""
TURN_S = 0.002
ACK_PATIENCE_S = 60.0
PUSH_TIMEOUT_S = 20.0


def maker(devices: list[str]) -> Callable[[int], tuple[bytes, bytes]]:
    """(index) → (topic, payload), device by device; the value says how many of the device came before."""
    topics = [f"factory-plus/devices/{device}/data".encode() for device in devices]

    def make(index: int) -> tuple[bytes, bytes]:
        turn, device = divmod(index, len(devices))
        return topics[device], b'{"timestamp":"%s","value":%d}' % (_iso(now_us()), turn)

    return make


def _iso(at: int) -> bytes:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1_000_000))
    return f"{stamp}.{at % 1_000_000:06d}Z".encode()


def _of_each(devices: list[str], messages: int) -> dict[str, int]:
    """How many of the first messages are of each device."""
    return {device: (messages - at + len(devices) - 1) // len(devices) for at, device in enumerate(devices)}


async def publish(options: dict[str, Any], number: int, link: dict[str, Any]) -> dict[str, Any]:
    """Offer `rate` messages a second of the devices on one connection; wait for the acknowledgements at the end."""
    connection = await Connection.open(options["port"], f"overload-{number}", options["username"], options["password"])
    acks = asyncio.create_task(connection.count_acks())
    make, qos, rate = maker(link["devices"]), link["qos"], link["rate"]
    began, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < options["seconds"]:
        ready = min(int(elapsed * rate) - sent, SLICE)
        if qos:
            ready = min(ready, WINDOW - (sent - connection.acked))
        if ready <= 0:
            await asyncio.sleep(TURN_S)
            continue
        packets = [publish_packet(*make(i), packet_id=i % 65_535 + 1 if qos else 0) for i in range(sent, sent + ready)]
        connection.writer.write(b"".join(packets))
        sent += ready
        await connection.writer.drain()
    if qos:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(connection.until_acked(sent), ACK_PATIENCE_S)
    connection.writer.close()
    acks.cancel()
    acked = _of_each(link["devices"], connection.acked) if qos else {}
    return {"offered": round(rate * options["seconds"]), "sent": _of_each(link["devices"], sent), "acked": acked}


async def push(options: dict[str, Any], link: dict[str, Any]) -> dict[str, Any]:
    """Offer samples over HTTP, a request of one device after the other; what was refused is sent again."""
    devices, rate = link["devices"], link["rate"]
    sent, acked = dict.fromkeys(devices, 0), dict.fromkeys(devices, 0)
    refused = requests = 0
    headers = {"authorization": f"Bearer {options['token']}"}
    async with httpx.AsyncClient(base_url=options["url"], headers=headers, timeout=PUSH_TIMEOUT_S) as client:
        began, waiting = time.perf_counter(), b""
        while (elapsed := time.perf_counter() - began) < options["seconds"]:
            if not waiting:
                if sum(sent.values()) >= elapsed * rate:
                    await asyncio.sleep(TURN_S)
                    continue
                device = devices[requests % len(devices)]
                waiting = _body(sent[device])
                sent[device] += PUSHED
                requests += 1
            try:
                answer = await client.post(f"/api/v1/devices/{device}/samples", content=waiting)
            except httpx.TransportError:
                refused += 1
                continue
            if answer.status_code == 200:
                acked[device] += PUSHED
                waiting = b""
            else:
                refused += 1
                await asyncio.sleep(0.1)
    return {"offered": round(rate * options["seconds"]), "sent": sent, "acked": acked, "refused": refused}


def _body(first: int) -> bytes:
    base = now_us() - PUSHED
    samples = [{"timestamp": to_iso(base + i), "value": first + i} for i in range(PUSHED)]
    return json.dumps({"samples": samples}).encode()


async def run(options: dict[str, Any]) -> dict[str, Any]:
    """All connections at the same time."""
    work = [publish(options, number, link) for number, link in enumerate(options["links"]) if link["kind"] == "mqtt"]
    work += [push(options, link) for link in options["links"] if link["kind"] == "http"]
    links = await asyncio.gather(*work)
    return {"links": links, "cpu_s": time.process_time()}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))), flush=True)
