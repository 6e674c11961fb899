"""What a value costs with few devices and with many, at the same rate of values a second."""

from __future__ import annotations

import asyncio

from benchmarks.figures import Figure
from benchmarks.plant import cpu_seconds, fresh_andon, module, mqtt_options, stored_samples, until_stored
from benchmarks.registering import thermometers

COUNTS = (10, 100, 1_000, 10_000)
RATE = 5_000
"""Values a second, one a message, at QoS 1."""


def _cost(count: int, seconds: int) -> float:
    """CPU µs of all of Andon for a value, once every device has been heard."""
    with fresh_andon(devices=thermometers(count)) as andon, andon.client() as client:
        for values in (max(count, RATE), RATE * seconds):
            before, cpu = stored_samples(client), cpu_seconds(andon)
            load = mqtt_options(andon, kind="json1", device_count=count, qos=1, rate=RATE, total=values)
            asyncio.run(module("mqtt_load", load))
            stored, _ = until_stored(client, before + values, pause_s=0.5)
            if stored - before != values:
                raise RuntimeError(f"{values - (stored - before)} of {values} values are missing")
        return (cpu_seconds(andon) - cpu) / values * 1e6


def measure(quick: bool) -> list[Figure]:
    """The cost with 10 to 10,000 devices (the short form: with the fewest and the most), dearest by cheapest."""
    costs = {count: _cost(count, 3 if quick else 5) for count in (COUNTS[:: len(COUNTS) - 1] if quick else COUNTS)}
    each = f"{RATE:,} values/s of one value a message, broker included"
    figures = [
        Figure(f"devices.{count}.cpu_us", cost, "µs CPU a value", reference=each) for count, cost in costs.items()
    ]
    ratio = max(costs.values()) / min(costs.values())
    return [*figures, Figure("devices.cost_ratio", ratio, "", "<= 1.3", "the dearest by the cheapest of these")]
