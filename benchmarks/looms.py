"""A hall of 1000 looms at 100 million points a day, with the page open that shows them.

Each message brings four values. `looms` sends 1,157 values a second, a point being a value; `looms.rows` as many
messages, a point being a row of the loom's table: then each loom speaks a little more often than once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx

from andon.kit.limits import Limits
from andon.registry.model import NewDevice, NewTag
from benchmarks.figures import Figure
from benchmarks.live import settled
from benchmarks.loom_load import SIGNALS
from benchmarks.meter import CORE, Meter, core_watched, family, metered
from benchmarks.plant import fresh_andon, module, mqtt_options, stored_samples
from support.running import RunningAndon

LOOMS = 1_000
POINTS_PER_S = 100_000_000 / 86_400
SHOWN = 50
"""Rows on a page of the device list."""
ON_EVERY_PAGE = ("subscribe-system", "subscribe-alerts")
LEAD_S = 3.0
GOALS_OF = "looms"

# The demo's limits: width around 1600 mm, vibration by the zones for medium machines.
_TAGS = (
    NewTag("bbw_value", "mm", is_primary=True, limits=Limits(1590, 1610, 1585, 1615)),
    NewTag("temperature", "celsius", limits=Limits(18, 45, alert_max=60)),
    NewTag("vibration", "mm/s", limits=Limits(normal_max=4.5, alert_max=7.1)),
    NewTag("quality_flag"),
)


def hall() -> list[NewDevice]:
    """The looms, on lines of twenty."""
    return [
        NewDevice(f"loom-{number + 1:03d}", "loom", f"weaving-line-{number // 20 + 1}", tags=_TAGS)
        for number in range(LOOMS)
    ]


async def _weave(
    andon: RunningAndon, client: httpx.Client, names: list[str], rate: float, seconds: int
) -> tuple[Meter, float, dict[str, Any], int, dict[str, Any]]:
    """(meter, speed of a core, what the page saw, values that are missing, what the generator says of itself)"""
    before = await asyncio.to_thread(stored_samples, client)
    total = round(rate * (seconds + 2 * LEAD_S))
    load = await asyncio.to_thread(mqtt_options, andon, kind="looms", count=LOOMS, qos=1, rate=rate, total=total)
    publishing = asyncio.create_task(module("mqtt_load", load))
    await asyncio.sleep(LEAD_S)
    token = client.headers["authorization"].removeprefix("Bearer ")
    shown = {"deviceIds": names[:SHOWN], "frames": True}
    page = {"url": andon.url, "token": token, "subscribe": shown, "also": ON_EVERY_PAGE, "seconds": seconds}
    async with core_watched() as core, metered(lambda: family(andon.process.pid)) as meter:
        seen = await module("watch", page)
    made = await publishing
    expected = before + total * SIGNALS
    missing = expected - await asyncio.to_thread(settled, client, expected)
    return meter, core(), seen, missing, made


def _figures(
    name: str, rate: float, meter: Meter, core: float, seen: dict[str, Any], missing: int, made: dict[str, Any]
) -> list[Figure]:
    pace = f"{rate:,.0f} messages/s of {SIGNALS} values from {LOOMS} looms"
    cpu = meter.cpu_pct * min(1.0, core / CORE)
    offered = f"the generator took {100 * made['cpu_s'] / made['seconds']:.0f} % of a core"
    return [
        Figure(f"{name}.cpu_pct", cpu, f"% of a core, of {CORE:.0f} M if slower here", "<= 15", pace),
        Figure(f"{name}.cpu_pct_here", meter.cpu_pct, f"% of one of {core:.1f} M", reference="turns/s of a plain loop"),
        Figure(f"{name}.rss_mb", meter.peak_rss_mb, "MB", "<= 350", "largest, server and broker"),
        Figure(
            f"{name}.p50_ms", seen["p50"], "ms", reference=f"{seen['count']} values seen, {SHOWN} looms on the page"
        ),
        Figure(f"{name}.p95_ms", seen["p95"], "ms", "<= 100", "sensor to browser"),
        Figure(f"{name}.p99_ms", seen["p99"], "ms"),
        Figure(f"{name}.lost", float(missing), "values", "<= 0", offered),
    ]


async def _measure(runs: Sequence[tuple[str, float, int]]) -> list[Figure]:
    figures = []
    looms = hall()
    names = [loom.device_id for loom in looms]
    with fresh_andon(devices=looms) as andon, andon.client() as client:
        for name, rate, seconds in runs:
            found = _figures(name, rate, *await _weave(andon, client, names, rate, seconds))
            figures += found if name == GOALS_OF else [replace(each, goal="") for each in found]
    return figures


def measure(quick: bool) -> list[Figure]:
    """Ten minutes at the pace of values, then a while at that of rows; the short form leaves the second out."""
    runs = [(GOALS_OF, POINTS_PER_S / SIGNALS, 15 if quick else 600)]
    return asyncio.run(_measure(runs if quick else [*runs, ("looms.rows", POINTS_PER_S, 15)]))


if __name__ == "__main__":
    from benchmarks.figures import show

    show(measure(quick=True))
