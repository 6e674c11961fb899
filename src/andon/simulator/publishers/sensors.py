"""The single-value sensors on `factory-plus/devices/{id}/data`."""

from __future__ import annotations

import asyncio
import random

from andon.simulator.beats import beats
from andon.simulator.clock import machine_us
from andon.simulator.config import SimulatorConfig
from andon.simulator.link import Link
from andon.simulator.machines.sensors import Sensor, SensorSpec
from andon.simulator.uplinks import StatusSpeech, Uplinks
from andon.wire.json_messages import encode_device_data, encode_device_status
from andon.wire.topics import device_topic

ONLINE = "online"


class SensorPublisher:
    """Every configured device at its own interval."""

    kind = "sensors"

    def __init__(self, config: SimulatorConfig) -> None:
        self._rng = random.Random(config.seed)
        self._sensors = [
            Sensor(spec, config.anomaly_rate, random.Random(self._rng.random())) for spec in config.devices
        ]
        self._uplinks = Uplinks(
            self.kind,
            [spec.id for spec in config.devices],
            StatusSpeech(lambda device: device_topic(device, "status"), encode_device_status),
            config.broker,
            config.buffer,
            config.own_connections,
        )
        self.messages = 0

    @property
    def links(self) -> tuple[Link, ...]:
        """The sensors' connections."""
        return self._uplinks.links

    async def run(self) -> None:
        """Measure until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for sensor in self._sensors:
                self._uplinks.say(sensor.spec.id, ONLINE)
                tasks.create_task(self._measure(sensor, self._rng.uniform(0, min(1.0, sensor.spec.interval_s))))

    def farewell(self) -> None:
        """All go offline."""
        self._uplinks.say_offline()

    async def _measure(self, sensor: Sensor, phase_s: float) -> None:
        spec = sensor.spec
        topic = device_topic(spec.id, "data")
        async for _ in beats(spec.interval_s, phase_s):
            self._uplinks.publish(spec.id, topic, _message(spec, sensor.next().value))
            self.messages += 1


def _message(spec: SensorSpec, value: float) -> bytes:
    return encode_device_data(
        spec.id, machine_us(), value, sensor_type=spec.type, unit=spec.unit, location=spec.location
    )
