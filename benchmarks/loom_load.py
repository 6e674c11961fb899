"""What a hall of looms publishes: the simulator's fleet, one measurement after the other, each at its own moment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from andon.kit.clock import US_PER_S, now_us
from andon.simulator.machines.looms import LoomFleet
from andon.simulator.publishers.looms import loom_ids
from andon.wire.json_messages import LoomQuality, encode_loom_raw
from andon.wire.topics import loom_topic
from benchmarks.mqtt_load import MessageMaker

SIGNALS = 4
"""Values of one message: width, temperature, vibration, quality flag."""
_SLICE = 50
_SAMPLE_HZ = 10  # the sensors' own rate is condensed in the loom; fewer readings a second spare the generator


def looms(count: int) -> MessageMaker:
    """Measurements of `count` looms in turn, as the firmware sends them."""
    fleet = LoomFleet(count, sample_hz=_SAMPLE_HZ, seed=1)
    rows = _rows(fleet)
    names = loom_ids(count)
    topics = [loom_topic(name, "bbw/raw").encode() for name in names]

    def make(_index: int) -> tuple[bytes, bytes]:
        loom, width, temperature, vibration, quality, tension, picks, wear = next(rows)
        payload = encode_loom_raw(
            names[loom],
            now_us(),
            width,
            sensor_id=f"{names[loom]}-bbw",
            temperature=temperature,
            vibration=vibration,
            quality_flag=LoomQuality(quality),
            metadata={"tension_kn": tension, "picks_per_minute": picks, "wear": wear},
        )
        return topics[loom], payload

    return make


def _rows(fleet: LoomFleet) -> Iterator[tuple[int, float, float, float, int, float, float, float]]:
    while True:
        for first in range(0, fleet.count, _SLICE):
            some = np.arange(first, min(first + _SLICE, fleet.count))
            seen = fleet.advance(some, now_us() / US_PER_S)
            yield from zip(
                some.tolist(),
                seen.width.tolist(),
                seen.temperature.tolist(),
                seen.vibration.tolist(),
                seen.quality.tolist(),
                seen.tension.tolist(),
                seen.picks_per_minute.tolist(),
                seen.wear.tolist(),
                strict=True,
            )
