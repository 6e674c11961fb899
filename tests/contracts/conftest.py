"""What contract tests share: a listener, and devices of their own in the demo plant."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support.listener import Listener, token_of
from support.running import RunningAndon

# A device that was deleted comes back with its history: each test gets one that never was.
_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAndon]:
    """One Andon with the demo plant, for tests that watch it. Mark them `xdist_group("demo")` to share it."""
    with RunningAndon(tmp_path_factory.mktemp("demo") / "data", "--demo", "--looms", "3") as andon:
        yield andon


@pytest.fixture(scope="package")
def demo_client(demo: RunningAndon) -> Iterator[httpx.Client]:
    """Signed in as admin at the demo plant."""
    with demo.client() as client:
        yield client


@pytest.fixture
async def listener(demo: RunningAndon, demo_client: httpx.Client) -> AsyncIterator[Listener]:
    """A connected Socket.IO client."""
    listener = await Listener().connect(demo.url, token_of(demo_client))
    yield listener
    await listener.client.disconnect()


@dataclass(frozen=True)
class Pushed:
    """A device whose samples the test pushes."""

    device_id: str
    client: httpx.Client

    def push(self, *samples: dict[str, Any]) -> None:
        """Samples; durable when this returns."""
        answer = self.client.post(f"/api/v1/devices/{self.device_id}/samples", json={"samples": list(samples)})
        assert answer.json()["data"]["accepted"] == len(samples), answer.text


@pytest.fixture
def oven(demo_client: httpx.Client) -> Iterator[Pushed]:
    """A temperature with alert limits 15 and 50 that is offline after a second and a half."""
    yield from _registered(
        demo_client,
        {
            "deviceId": f"contract-oven-{next(_numbers)}",
            "type": "temperature",
            "unit": "celsius",
            "alertMin": 15,
            "alertMax": 50,
            "severity": "high",
            "offlineAfterSeconds": 1.5,
        },
    )


@pytest.fixture
def loom(demo_client: httpx.Client) -> Iterator[Pushed]:
    """A loom that is offline after a second and a half."""
    width = {"name": "bbw_value", "unit": "mm", "isPrimary": True, "alertMax": 1615}
    others = [{"name": "temperature", "unit": "celsius"}, {"name": "vibration", "unit": "mm/s"}]
    body = {
        "deviceId": f"contract-loom-{next(_numbers)}",
        "type": "loom",
        "tags": [width, *others],
        "offlineAfterSeconds": 1.5,
    }
    yield from _registered(demo_client, body)


def _registered(client: httpx.Client, body: dict[str, Any]) -> Iterator[Pushed]:
    client.post("/api/v1/devices", json=body).raise_for_status()
    yield Pushed(body["deviceId"], client)
    client.delete(f"/api/v1/devices/{body['deviceId']}").raise_for_status()
