"""What Andon itself publishes over MQTT: alarms, its own health, and the looms' widths as means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from andon.engines.log.consumer import Consumer, ConsumerLimits
from andon.engines.log.port import SENSORS_DATA, Log
from andon.kit.clock import now_us, to_iso
from andon.kit.samples import SampleBatch
from andon.kit.tasks import end_tasks
from andon.realtime.messages import encode
from andon.realtime.moving_mean import WINDOW_S, MovingMeans
from andon.registry.directory import Directory
from andon.wire.topics import AlertLevel, SystemChannel, alert_topic, loom_topic, system_topic

if TYPE_CHECKING:
    from andon.alarms.events import AlarmEvent

logger = logging.getLogger(__name__)

LOOM = "loom"
WIDTH = "bbw_value"

Publish = Callable[[str, bytes, int, bool], Any]
"""topic, payload, QoS, retain. It must not wait; what it cannot send now it keeps or drops by itself."""
Figures = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class MqttOutSettings:
    """Seconds between messages. Means are published so that all looms together stay under `means_per_s`."""

    system_interval_s: float = 10.0
    mean_interval_s: float = 1.0
    means_per_s: float = 100.0


class MqttOut:
    """`start` and `stop` it; have alarms call `on_alarm`. `health` and `metrics` give the bodies of those topics."""

    def __init__(
        self,
        log: Log,
        directory: Directory,
        publish: Publish,
        *,
        health: Figures,
        metrics: Figures,
        settings: MqttOutSettings | None = None,
    ) -> None:
        self._directory = directory
        self._publish = publish
        self._figures: dict[SystemChannel, Figures] = {"health": health, "metrics": metrics}
        self._settings = settings or MqttOutSettings()
        # A mean of a minute can wait: a few large batches a second cost less than each one as it comes.
        patience = ConsumerLimits(min_interval_s=min(self._settings.mean_interval_s / 4, 0.25))
        self._consumer = Consumer(
            log, SENSORS_DATA, "mqtt-out", self.handle, start_at="end", commit=False, limits=patience
        )
        self._version = -1
        self._means = MovingMeans(np.zeros(0, np.int32))
        self._failed: set[SystemChannel] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to publish."""
        work = (self._consumer.run(), self._publish_system(), self._publish_means())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def stop(self) -> None:
        """Publish no more."""
        await self._consumer.stop()
        await asyncio.gather(*self._tasks[:1], return_exceptions=True)
        await end_tasks(*self._tasks[1:])
        self._tasks = []

    def on_alarm(self, event: AlarmEvent) -> None:
        """`factory-plus/alerts/{level}`, and for a loom also `kaldor/loom/{id}/alerts`: the alert as REST shows it."""
        payload = encode(event.alert)
        self._publish(alert_topic(cast(AlertLevel, event.level)), payload, 1, False)
        device = self._directory.device(event.organisation_id, event.device_id)
        if device is not None and device.type == LOOM:
            self._publish(loom_topic(event.device_id, "alerts"), payload, 1, False)

    async def handle(self, batch: SampleBatch, position: int, partition: int) -> None:
        """New samples."""
        if self._version != self._directory.version:
            self._find_looms()
        self._means.add(batch.live(), now_us())

    def _find_looms(self) -> None:
        self._version = self._directory.version
        organisations = self._directory.organisations()
        devices = (device for each in organisations for device in self._directory.devices(each) if device.type == LOOM)
        widths = [tag.id for device in devices if (tag := device.tag(WIDTH)) is not None]
        tags = np.sort(np.array(widths, np.int32))
        if not np.array_equal(tags, self._means.tags):
            self._means = MovingMeans(tags)

    async def _publish_system(self) -> None:
        while True:
            for channel in self._figures:
                await self._publish_figures(channel)
            await asyncio.sleep(self._settings.system_interval_s)

    async def _publish_figures(self, channel: SystemChannel) -> None:
        try:
            body = await self._figures[channel]()
        except Exception:
            if channel not in self._failed:
                logger.exception("figures cannot be had", extra={"channel": channel})
                self._failed.add(channel)
            return
        self._failed.discard(channel)
        self._publish(system_topic(channel), encode(body), 0, False)

    async def _publish_means(self) -> None:
        while True:
            share = len(self._means.tags) / self._settings.means_per_s
            await asyncio.sleep(max(self._settings.mean_interval_s, share))
            now = now_us()
            for tag_id, mean, count in self._means.take(now):
                tag = self._directory.tag(tag_id)
                if tag is None:
                    continue
                body = {"time": to_iso(now), "loom_id": tag.device_id, "bbw_mean": mean, "unit": tag.unit}
                payload = encode({**body, "samples": count, "window_s": WINDOW_S})
                self._publish(loom_topic(tag.device_id, "bbw/processed"), payload, 0, False)
