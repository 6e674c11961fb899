"""Acknowledged means durable: the server is killed under load, again and again, and every sample is counted."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from andon.kit.clock import now_us, to_iso
from support.mqtt import device_of
from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.failure, pytest.mark.topology]

ROUNDS = 3
DEVICE = {"deviceId": "counter-1", "type": "counter", "location": "line", "unit": "units"}


def history(andon: RunningAndon) -> list[float]:
    """All stored values of the device, in the order of their timestamps."""
    with andon.client() as client:
        body: dict[str, Any] = client.get(
            "/api/v1/devices/counter-1/history", params={"from": "-1h", "to": "+1h", "limit": 10_000}
        ).json()
    return [reading["value"] for reading in body["data"]["readings"]]


async def test_http_pushes_that_were_answered_survive_kill_9(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    sent = 0
    for _ in range(ROUNDS):
        with RunningAndon(tmp_path) as andon, andon.client() as client:
            client.post("/api/v1/devices", json=DEVICE)
            killer = asyncio.get_running_loop().call_later(random.uniform(0.3, 1.2), andon.kill)
            while andon.process.poll() is None:
                sample = {"timestamp": to_iso(now_us() // 1000 * 1000), "value": sent}
                body = {"samples": [{**sample, "timestamp": now_us()}]}
                try:
                    answer = await asyncio.to_thread(client.post, "/api/v1/devices/counter-1/samples", json=body)
                except OSError:
                    break
                except Exception as error:  # the connection was cut by the kill
                    assert "Connection" in str(error) or "disconnect" in str(error) or "closed" in str(error), error
                    break
                if answer.status_code == 200:
                    acknowledged.append(sent)
                sent += 1
            killer.cancel()
            sent += 1
    assert len(acknowledged) > 20
    with RunningAndon(tmp_path) as andon:
        stored = eventually(lambda: history(andon) if len(history(andon)) >= len(acknowledged) else None)
    assert set(acknowledged) <= set(stored), "an acknowledged sample is missing"
    assert len(stored) == len(set(stored)), "a sample is doubled"


async def test_mqtt_messages_that_were_acknowledged_survive_kill_9(tmp_path: Path) -> None:
    total = 0
    for _ in range(ROUNDS):
        with RunningAndon(tmp_path) as andon:
            with andon.client() as client:
                client.post("/api/v1/devices", json=DEVICE)
            async with device_of(andon) as device:
                for _ in range(400):
                    body = {"deviceId": "counter-1", "timestamp": now_us(), "sensorType": "counter", "value": total}
                    device.send("factory-plus/devices/counter-1/data", body)
                    total += 1
                await device.acknowledged()
            andon.kill()
    with RunningAndon(tmp_path) as andon:
        stored = eventually(lambda: history(andon) if len(history(andon)) >= total else None, within_s=30)
    assert sorted(stored) == list(range(total))
