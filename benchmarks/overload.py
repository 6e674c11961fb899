"""Ten times as much as the plant sustains, from several connections at once; then nothing, and it comes back by itself.

Offered are six tenths over MQTT at QoS 1, three at QoS 0 and one over HTTP. What is acknowledged must be there in the
end, each device's values in their order, and memory within what the settings allow.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from andon.engines.broker.config import BrokerConfig
from andon.engines.log.limits import LogLimits
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.ingest.settings import IngestSettings
from benchmarks.figures import Figure
from benchmarks.live import settled
from benchmarks.meter import family, metered
from benchmarks.plant import fresh_andon, module, mqtt_options, stored_samples
from benchmarks.registering import thermometers
from support.running import RunningAndon

TIMES = 10
SHARES = {"qos1": (0.6, 3), "qos0": (0.3, 2), "http": (0.1, 2)}
"""Of what is offered, and on how many connections."""
DEVICES = 20
"""Of each connection."""
PROBE = "probe"
FLAT_OUT = 60_000
CHECKED = 2_000
PAGE, NAMED = 10_000, 3
_OF_QOS0 = "at QoS 0, nobody was promised them; dead letters say how many"
LEAD_S, SETTLE_S = 4.0, 3.0
STALLED_S = 60.0
"""The broker delivers again what nobody acknowledged in time, and waits as long once more where its window was full."""
RECOVERED_S = 60
"""Or as long as the load lasted: what was acknowledged is stored first, at the pace that the plant sustains."""


def memory_limit_mb(at_rest_mb: float) -> float:
    """What the settings let Andon and its broker grow to from where they were at rest."""
    ingest, log, store, broker = IngestSettings(), LogLimits(), LocalStoreLimits(), BrokerConfig(Path())
    waiting = 2 * ingest.max_pending_bytes  # what gathers while as much is being written
    waiting += 2 * ingest.max_waiting_bytes  # what is acknowledged and what is not, of the one connection it comes on
    journal = log.queue_bytes + log.group_bytes + 2 * log.tail_bytes
    unsealed = 2 * store.unsealed_bytes + store.recent_bytes
    return at_rest_mb + (waiting + journal + unsealed + broker.memory_limit_bytes) / 1e6


def _register(client: httpx.Client) -> dict[str, list[list[str]]]:
    """By kind, the devices of each connection; they count, and have no limits."""
    found = {
        kind: [[f"{kind}-{link}-{i:02d}" for i in range(DEVICES)] for link in range(links)]
        for kind, (_, links) in SHARES.items()
    }
    for name in (PROBE, *(each for links in found.values() for link in links for each in link)):
        body = {"deviceId": name, "type": "counter", "location": "bench", "unit": ""}
        client.post("/api/v1/devices", json=body).raise_for_status()
    return found


async def _sustained(andon: RunningAndon, client: httpx.Client, devices: list[str]) -> float:
    """Messages a second at QoS 1 from one connection that sends as fast as it is acknowledged, until all are stored."""
    before = await asyncio.to_thread(stored_samples, client)
    load = await asyncio.to_thread(mqtt_options, andon, kind="json1", devices=devices, qos=1, total=FLAT_OUT)
    began = time.monotonic()
    await module("mqtt_load", load)
    stored = await asyncio.to_thread(settled, client, before + FLAT_OUT, 60)
    return (stored - before) / (time.monotonic() - began)


def _links(devices: dict[str, list[list[str]]], rate: float) -> list[dict[str, Any]]:
    links = []
    for kind, (share, count) in SHARES.items():
        for each in devices[kind]:
            link = {"kind": "http" if kind == "http" else "mqtt", "qos": int(kind == "qos1")}
            links.append({**link, "devices": each, "rate": share * rate / count})
    return links


def _counts(client: httpx.Client) -> dict[str, int]:
    """Stored samples by device."""
    asked: dict[str, str | int] = {"statistic": "count", "n": 1_000, "from": "-1h", "type": "counter"}
    top = client.get("/api/v1/history/top", params=asked).raise_for_status().json()["data"]["top"]
    return {entry["deviceId"]: round(entry["value"]) for entry in top}


def _stored_backwards(client: httpx.Client, devices: list[str]) -> int:
    """Of each device's newest stored samples, those whose count is not above that of the one before in time."""
    wrong = 0
    for device in devices:
        asked: dict[str, str | int] = {"from": "-1h", "limit": CHECKED, "order": "desc"}
        found = client.get(f"/api/v1/devices/{device}/history", params=asked).raise_for_status().json()["data"]
        values = [reading["value"] for reading in found["readings"]]
        wrong += sum(later <= earlier for later, earlier in pairwise(values))
    return wrong


async def _overloaded(andon: RunningAndon, client: httpx.Client, rate: float, seconds: int) -> list[Figure]:
    devices = _register(client)
    everybody = [each for links in devices.values() for link in links for each in link]
    await asyncio.sleep(SETTLE_S)
    at_rest = sum(process.memory_info().rss for process in family(andon.process.pid)) / 1e6
    token = client.headers["authorization"].removeprefix("Bearer ")
    page = {"url": andon.url, "token": token}
    ends = time.time() + LEAD_S + seconds
    watching = {**page, "probe": PROBE, "load_ends": ends, "give_up_s": max(2 * RECOVERED_S, seconds + RECOVERED_S)}
    load = {**page, "seconds": seconds, "links": _links(devices, rate)}
    async with metered(lambda: family(andon.process.pid), 0.5) as meter:
        watch = asyncio.create_task(module("overload_watch", mqtt_options(andon, **watching)))
        await asyncio.sleep(LEAD_S)
        offered = await module("overload_load", mqtt_options(andon, **load))
        seen = await watch
    links = offered["links"]
    acked = {device: count for link in links for device, count in link["acked"].items()}
    stored = await asyncio.to_thread(_all_stored, client, acked)
    complete_s = time.time() - ends
    lost = await asyncio.to_thread(_short_of, client, acked, stored)
    backwards = seen["backwards"] + await asyncio.to_thread(_stored_backwards, client, everybody)
    dropped = Figure("overload.dropped", await asyncio.to_thread(_dropped, client), "values", "", _OF_QOS0)
    complete = Figure("overload.complete_s", complete_s, "s", "", "until all that was acknowledged is stored")
    return [*_figures(seconds, at_rest, meter.peak_rss_mb, seen, links, lost, backwards), dropped, complete]


def _dropped(client: httpx.Client) -> float:
    """Messages that were dropped and told so."""
    text = client.get("/metrics").raise_for_status().text
    found = re.search(r'^andon_ingest_rejected_total{reason="overload"} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _absent(client: httpx.Client, device: str, count: int) -> int:
    """How many of a device's first values its samples do not have, each looked at: sums may be wrong, too."""
    absent = set(range(count))
    asked: dict[str, str | int] = {"from": "-1h", "limit": PAGE}
    while True:
        answer = client.get(f"/api/v1/devices/{device}/history", params=asked).raise_for_status().json()
        absent.difference_update(round(reading["value"]) for reading in answer["data"]["readings"])
        cursor = answer["meta"]["nextCursor"]
        if cursor is None:
            return len(absent)
        asked["cursor"] = cursor


def _short_of(client: httpx.Client, acked: Mapping[str, int], stored: Mapping[str, int]) -> tuple[int, str]:
    """Values that are acknowledged and not counted among those stored, and which these are."""
    short = {device: count - stored.get(device, 0) for device, count in acked.items()}
    short = {device: missing for device, missing in short.items() if missing > 0}
    few = list(short)[:NAMED]
    named = [
        f"{device} lacks {short[device]}, of its samples {_absent(client, device, acked[device])}" for device in few
    ]
    of = f"of {sum(acked.values()):,} acknowledged"
    return sum(short.values()), "; ".join([of, *named, *([f"{len(short)} devices in all"] if short else [])])


def _all_stored(client: httpx.Client, acked: Mapping[str, int]) -> dict[str, int]:
    """Stored samples by device, once nothing acknowledged is missing or nothing more comes."""
    changed, before = time.monotonic(), -1
    while True:
        stored = _counts(client)
        if all(stored.get(device, 0) >= count for device, count in acked.items()):
            return stored
        if (now := sum(stored.values())) != before:
            changed, before = time.monotonic(), now
        elif time.monotonic() - changed > STALLED_S:
            return stored
        time.sleep(0.5)


def _figures(
    seconds: int, at_rest: float, peak: float, seen: Any, links: list[Any], lost: tuple[int, str], backwards: int
) -> list[Figure]:
    offered, sent = sum(link["offered"] for link in links), sum(sum(link["sent"].values()) for link in links)
    acked = sum(sum(link["acked"].values()) for link in links)
    refused = sum(link.get("refused", 0) for link in links)
    most = memory_limit_mb(at_rest)
    return [
        Figure("overload.offered_per_s", offered / seconds, "values/s", "", f"{TIMES} times what one sustains"),
        Figure("overload.taken_per_s", sent / seconds, "values/s", "", "the rest was held back by its senders"),
        Figure("overload.acked_per_s", acked / seconds, "values/s", "", f"{refused} requests were refused"),
        Figure("overload.peak_rss_mb", peak, "MB", f"<= {most:.0f}", f"{at_rest:.0f} at rest, and the limits' sum"),
        Figure("overload.acked_lost", float(lost[0]), "values", "<= 0", lost[1]),
        Figure(
            "overload.out_of_order", float(backwards), "values", "<= 0", f"{seen['values']:,} seen live, and stored"
        ),
        Figure("overload.p95_ms", seen["during_p95"], "ms", "", "of a device at QoS 1, meanwhile"),
        Figure("overload.api_p95_ms", seen["answers_p95"], "ms", "<= 1000", f"{seen['answers_refused']} not answered"),
        Figure(
            "overload.recovered_s",
            seen["recovered_s"],
            "s",
            f"<= {max(RECOVERED_S, seconds)}",
            "until it is under 100 ms again",
        ),
    ]


async def _measure(seconds: int) -> list[Figure]:
    sources = thermometers(100)
    with fresh_andon(devices=sources) as andon, andon.client() as client:
        rate = await _sustained(andon, client, [source.device_id for source in sources])
        found = await _overloaded(andon, client, TIMES * rate, seconds)
    return [Figure("overload.sustained_per_s", rate, "values/s", "", "single JSON values at QoS 1"), *found]


def measure(quick: bool) -> list[Figure]:
    """Five minutes of it, or 10 s."""
    return asyncio.run(_measure(10 if quick else 300))


if __name__ == "__main__":
    from benchmarks.figures import show

    show(measure(quick=True))
