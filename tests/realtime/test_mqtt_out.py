"""What Andon publishes over MQTT."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.alarms.model import Change
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import SENSORS_DATA
from andon.kit.clock import US_PER_S, now_us
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch, encode
from andon.realtime.moving_mean import MovingMeans
from andon.realtime.mqtt_out import MqttOut, MqttOutSettings
from andon.registry.directory import Directory
from realtime.harness import AT, DEVICES, TEMPERATURE, WIDTH, alarm_event, row

Message = tuple[str, dict[str, Any], int, bool]


class Out:
    """A publisher whose messages end up in a queue."""

    def __init__(self, log: EmbeddedLog) -> None:
        self.log = log
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.broken = False
        directory = Directory()
        directory.replace(DEVICES)
        self.mqtt = MqttOut(
            log,
            directory,
            lambda topic, payload, qos, retain: self.messages.put_nowait((topic, json.loads(payload), qos, retain)),
            health=self._health,
            metrics=self._metrics,
            settings=MqttOutSettings(system_interval_s=0.02, mean_interval_s=0.02),
        )

    async def _health(self) -> dict[str, Any]:
        if self.broken:
            raise RuntimeError("no health today")
        return {"status": "healthy"}

    async def _metrics(self) -> dict[str, Any]:
        return {"totalDevices": 3}

    async def next(self, topic: str) -> Message:
        async with asyncio.timeout(5):
            while True:
                message = await self.messages.get()
                if message[0] == topic:
                    return message


@pytest.fixture
async def out(tmp_path: Path) -> AsyncIterator[Out]:
    log = EmbeddedLog.open(tmp_path / "log.db")
    out = Out(log)
    await out.mqtt.start()
    yield out
    await out.mqtt.stop()
    await log.close()


async def test_alarms_go_to_the_topic_of_their_level(out: Out) -> None:
    out.mqtt.on_alarm(alarm_event("triggered", Change.RAISED))
    _, body, qos, retain = await out.next("factory-plus/alerts/warning")
    assert (body["id"], body["deviceId"], qos, retain) == ("alert-001", "device-002", 1, False)


async def test_a_looms_alarms_go_to_its_own_topic_too(out: Out) -> None:
    out.mqtt.on_alarm(alarm_event("triggered", Change.RAISED, deviceId="loom-001"))
    assert (await out.next("factory-plus/alerts/warning"))[1]["deviceId"] == "loom-001"
    assert (await out.next("kaldor/loom/loom-001/alerts"))[1]["id"] == "alert-001"


async def test_health_and_metrics_are_published_again_and_again(out: Out) -> None:
    for _ in range(2):
        assert (await out.next("factory-plus/system/health"))[1] == {"status": "healthy"}
        assert (await out.next("factory-plus/system/metrics"))[1] == {"totalDevices": 3}


async def test_figures_that_fail_do_not_end_the_publishing(out: Out) -> None:
    out.broken = True
    await out.next("factory-plus/system/metrics")
    await out.next("factory-plus/system/metrics")
    out.broken = False
    while not out.messages.empty():
        out.messages.get_nowait()
    await out.next("factory-plus/system/health")


async def test_a_looms_width_is_published_as_mean_of_a_minute(out: Out) -> None:
    await asyncio.sleep(0)  # the consumer starts at the log's end: let it get there first
    now = now_us()
    samples = [row(WIDTH, 1600.0, now - 2 * US_PER_S), row(WIDTH, 1602.0, now - US_PER_S), row(TEMPERATURE, 7.0, now)]
    await out.log.append(SENSORS_DATA, [encode(SampleBatch.from_rows(samples))])
    _, body, qos, _ = await out.next("kaldor/loom/loom-001/bbw/processed")
    assert (body["loom_id"], body["bbw_mean"], body["unit"], body["samples"], qos) == ("loom-001", 1601.0, "mm", 2, 0)


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([1, 2, 5, 9]),
                st.integers(-100, 10),
                st.integers(-5, 5),
                st.sampled_from([Quality.GOOD, Quality.GOOD, Quality.BAD]),
            ),
            max_size=20,
        ),
        max_size=5,
    )
)
def test_means_are_those_of_the_good_samples_of_the_last_minute(
    batches: list[list[tuple[int, int, int, int]]],
) -> None:
    means = MovingMeans(np.array([5, 1, 2], np.int32))
    expected: dict[int, list[float]] = {}
    for batch in batches:
        means.add(SampleBatch.from_rows([row(t, float(v), AT + s * US_PER_S, q) for t, s, v, q in batch]), AT)
        for tag_id, second, value, quality in batch:
            if tag_id != 9 and -60 < second <= 0 and quality == Quality.GOOD:
                expected.setdefault(tag_id, []).append(value)
    found = {tag_id: (mean, count) for tag_id, mean, count in means.take(AT)}
    assert found == {tag_id: (pytest.approx(sum(each) / len(each)), len(each)) for tag_id, each in expected.items()}
    assert means.take(AT) == []


def test_a_mean_forgets_what_is_older_than_a_minute() -> None:
    means = MovingMeans(np.array([1], np.int32))
    means.add(SampleBatch.from_rows([row(1, 10.0, AT)]), AT)
    later = AT + 59 * US_PER_S
    means.add(SampleBatch.from_rows([row(1, 20.0, later)]), later)
    assert means.take(later) == [(1, 15.0, 2)]
    later += US_PER_S
    means.add(SampleBatch.from_rows([row(1, 20.0, later)]), later)
    assert means.take(later) == [(1, 20.0, 2)]
