"""The loom fleet on `kaldor/loom/{id}/bbw/raw` and `…/status`, spread over the second."""

from __future__ import annotations

import numpy as np

from andon.kit.clock import US_PER_S
from andon.simulator.beats import beats
from andon.simulator.clock import machine_us
from andon.simulator.config import SimulatorConfig
from andon.simulator.link import Link
from andon.simulator.machines.looms import LoomFleet, LoomTelemetry
from andon.simulator.uplinks import StatusSpeech, Uplinks
from andon.wire.json_messages import LoomQuality, encode_loom_raw, encode_loom_status
from andon.wire.topics import loom_topic

RUNNING, STOPPED = "running", "stopped"
_QUALITIES = tuple(LoomQuality)


def loom_ids(count: int) -> list[str]:
    """`loom-001`, `loom-002`, …"""
    return [f"loom-{number:03d}" for number in range(1, count + 1)]


class LoomPublisher:
    """Advances the fleet slice by slice, and publishes one telemetry row a second of each loom."""

    kind = "looms"

    def __init__(self, config: SimulatorConfig) -> None:
        looms = config.looms
        self._ids = loom_ids(looms.count)
        self._topics = [loom_topic(loom, "bbw/raw") for loom in self._ids]
        self._fleet = LoomFleet(
            looms.count,
            sample_hz=looms.sample_hz,
            faults_per_day=looms.faults_per_day,
            wear_days=looms.wear_days,
            seed=config.seed,
        )
        self._was_running = self._fleet.running
        self._slices = np.array_split(np.arange(looms.count), max(1, min(looms.slices, looms.count)))
        self._uplinks = Uplinks(
            self.kind,
            self._ids,
            StatusSpeech(lambda loom: loom_topic(loom, "status"), encode_loom_status),
            config.broker,
            config.buffer,
            config.own_connections,
        )
        self.messages = 0

    @property
    def links(self) -> tuple[Link, ...]:
        """The fleet's connections."""
        return self._uplinks.links

    async def run(self) -> None:
        """Weave until cancelled."""
        for loom, running in zip(self._ids, self._was_running.tolist(), strict=True):
            self._uplinks.say(loom, RUNNING if running else STOPPED)
        turn = 0
        async for _ in beats(1.0 / len(self._slices)):
            at = machine_us()
            self._publish(self._fleet.advance(self._slices[turn], at / US_PER_S), at)
            turn = (turn + 1) % len(self._slices)

    def farewell(self) -> None:
        """All go offline."""
        self._uplinks.say_offline()

    def _publish(self, telemetry: LoomTelemetry, at: int) -> None:
        looms = telemetry.looms
        for changed in looms[telemetry.running != self._was_running[looms]].tolist():
            self._was_running[changed] = not self._was_running[changed]
            self._uplinks.say(self._ids[changed], RUNNING if self._was_running[changed] else STOPPED)
        columns = zip(
            looms.tolist(),
            telemetry.width.tolist(),
            telemetry.temperature.tolist(),
            telemetry.vibration.tolist(),
            telemetry.quality.tolist(),
            telemetry.tension.tolist(),
            telemetry.picks_per_minute.tolist(),
            telemetry.wear.tolist(),
            strict=True,
        )
        for index, width, temperature, vibration, quality, tension, picks, wear in columns:
            loom = self._ids[index]
            payload = encode_loom_raw(
                loom,
                at,
                width,
                sensor_id=f"{loom}-bbw",
                temperature=temperature,
                vibration=vibration,
                quality_flag=_QUALITIES[quality],
                metadata={"tension_kn": tension, "picks_per_minute": picks, "wear": wear},
            )
            self._uplinks.publish(loom, self._topics[index], payload)
        self.messages += len(looms)
