"""Acknowledged means durable: Andon is killed under load, again and again, and every sample is counted."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.kit.clock import US_PER_MS, now_us
from support.publisher import Publisher
from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.failure, pytest.mark.topology]

ROUNDS = 3
HOT_DEVICES = 90
MAX_LOST_US = 200 * US_PER_MS


def register(client: httpx.Client, device_id: str, **limits: float) -> None:
    body = {"deviceId": device_id, "type": "counter", "location": "line", "unit": "units", **limits}
    assert client.post("/api/v1/devices", json=body).status_code in (201, 409)


def values(client: httpx.Client, device_id: str) -> list[float]:
    """All stored values of a device, in the order of their timestamps."""
    query: dict[str, Any] = {"from": "-1h", "to": "+1h", "limit": 10_000}
    body = client.get(f"/api/v1/devices/{device_id}/history", params=query).raise_for_status().json()
    assert not body["meta"]["truncated"]
    return [reading["value"] for reading in body["data"]["readings"]]


def message(device_id: str, value: float) -> tuple[str, bytes]:
    body = {"deviceId": device_id, "timestamp": now_us(), "sensorType": "counter", "value": value}
    return f"factory-plus/devices/{device_id}/data", json.dumps(body).encode()


class Load:
    """Publishes and pushes from two threads until the connections break; remembers what was acknowledged."""

    def __init__(self) -> None:
        self.published: set[float] = set()
        self.pushed: set[float] = set()
        self.hot: set[str] = set()
        self._numbers = count()
        self._hot_devices: Iterator[int] = iter(range(HOT_DEVICES))

    def run(self, andon: RunningAndon, seconds: float) -> None:
        """Load until Andon is killed after so many seconds; the kill hits messages on their way."""
        publisher = Publisher.of(andon)
        with andon.client() as client:
            threads = [
                threading.Thread(target=self._publish, args=(publisher,)),
                threading.Thread(target=self._push, args=(client,)),
            ]
            for thread in threads:
                thread.start()
            time.sleep(seconds)
            andon.kill()
            for thread in threads:
                thread.join(20)
        publisher.close()
        for kind, what in publisher.acknowledged:
            if kind == "value":
                self.published.add(what)
            else:
                self.hot.add(what)

    def _publish(self, publisher: Publisher) -> None:
        try:
            for turn in count():
                value = next(self._numbers)
                publisher.send(*message("published", value), label=("value", value))
                if turn % 25 == 0:
                    device = f"hot-{next(self._hot_devices):02d}"
                    publisher.send(*message(device, 99), label=("hot", device))
                time.sleep(0.001)
        except (OSError, StopIteration):
            return

    def _push(self, client: httpx.Client) -> None:
        try:
            while True:
                samples = [{"timestamp": now_us() + i, "value": next(self._numbers)} for i in range(3)]
                answer = client.post("/api/v1/devices/pushed/samples", json={"samples": samples})
                if answer.status_code == 200:
                    self.pushed.update(sample["value"] for sample in samples)
        except httpx.HTTPError:
            return


def test_kill_9_under_load_loses_and_doubles_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    load = Load()
    for turn in range(ROUNDS):
        with RunningAndon(tmp_path) as andon:
            if turn == 0:
                with andon.client() as client:
                    for name in ("published", "pushed"):
                        register(client, name)
                    for number in range(HOT_DEVICES):
                        register(client, f"hot-{number:02d}", alertMax=95)
            load.run(andon, random.uniform(0.6, 1.4))
    assert len(load.published) > 300, "this was no load"
    assert len(load.pushed) > 60
    assert len(load.hot) > 10
    with RunningAndon(tmp_path) as andon, andon.client() as client:
        eventually(lambda: load.published <= set(values(client, "published")), what="all that was published")
        assert load.pushed <= set(values(client, "pushed")), "an answered sample is missing"
        stored = values(client, "published") + values(client, "pushed")
        assert max(Counter(stored).values()) == 1, "a sample is doubled"
        eventually(lambda: load.hot <= raised(client).keys(), what="an alarm for every hot device")
        assert set(raised(client).values()) == {1}, "an alarm is doubled"
        hot = sum(len(values(client, f"hot-{number:02d}")) for number in range(HOT_DEVICES))
        system = client.get("/api/v1/metrics/system").json()["data"]
        assert system["storage"]["samples"] == len(stored) + hot, "the count of samples is off"


def raised(client: httpx.Client) -> Counter[str]:
    """Number of limit alarms that each hot device ever had."""
    alerts = client.get("/api/v1/alerts/history", params={"from": "-1h", "limit": 1_000}).json()["data"]["alerts"]
    return Counter(alert["deviceId"] for alert in alerts if alert["value"] == 99)


def test_of_qos_0_at_most_the_last_moment_before_kill_9_is_gone(tmp_path: Path) -> None:
    sent: list[tuple[int, float]] = []
    killed: list[int] = []
    for turn in range(2):
        with RunningAndon(tmp_path) as andon:
            with andon.client() as client:
                register(client, "quick")
            publisher = Publisher.of(andon)
            for number in range(900):
                publisher.send(*message("quick", 1_000 * turn + number))
                sent.append((now_us(), 1_000 * turn + number))
                time.sleep(0.001)
            killed.append(now_us())
            andon.kill()
            publisher.close()
    with RunningAndon(tmp_path) as andon, andon.client() as client:
        stored = values(client, "quick")
    assert max(Counter(stored).values()) == 1
    for turn, at in enumerate(killed):
        missing = [when for when, value in sent if value // 1_000 == turn and value not in stored]
        assert all(when > at - MAX_LOST_US for when in missing), f"{(at - min(missing)) / 1e6:.3f} s are lost"
