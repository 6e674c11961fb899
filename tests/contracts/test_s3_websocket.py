"""The plain WebSocket of Factory+'s document: `/ws`, subscriptions by topic filter, on a live plant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import websockets

from support.listener import token_of
from support.running import RunningAndon

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]


@pytest.fixture
def address(demo: RunningAndon) -> str:
    return demo.url.replace("http", "ws", 1) + "/ws"


@pytest.fixture
async def ws(address: str, demo_client: httpx.Client) -> AsyncIterator[Any]:
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps({"action": "auth", "token": token_of(demo_client)}))
        yield socket


async def following(socket: Any, action: str, topic: str) -> None:
    """Subscribe or unsubscribe, and wait for the answer; values on the way are passed over."""
    await socket.send(json.dumps({"action": action, "topic": topic, "id": topic}))
    while "topic" in (message := json.loads(await socket.recv())):
        pass
    assert message == {"event": "done", "id": topic}


async def test_the_documents_subscription_gets_every_devices_temperature(ws: Any) -> None:
    await ws.send(json.dumps({"action": "subscribe", "topic": "factory/device/+/temperature"}))
    seen = set()
    while len(seen) < 4:
        message = json.loads(await ws.recv())
        assert {"topic", "deviceId", "tag", "timestamp", "value", "unit", "quality"} == set(message)
        assert message["topic"] == f"factory/device/{message['deviceId']}/temperature"
        assert (message["tag"], message["unit"]) == ("temperature", "celsius")
        assert isinstance(message["value"], float | int)
        seen.add(message["deviceId"])
    assert {"device-001", "loom-001"} <= seen


async def test_a_number_sign_selects_all_tags_of_a_device(ws: Any) -> None:
    await ws.send(json.dumps({"action": "subscribe", "topic": "factory/device/loom-001/#"}))
    found = {json.loads(await ws.recv())["tag"] for _ in range(12)}
    assert found == {"bbw_value", "temperature", "vibration", "quality_flag"}


async def test_after_unsubscribing_only_answers_come(ws: Any) -> None:
    topic = "factory/device/device-003/+"
    await following(ws, "subscribe", topic)
    await following(ws, "unsubscribe", topic)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ws.recv(), 1.5)


async def test_a_filter_that_is_none_is_an_error_that_names_the_cure(ws: Any) -> None:
    await ws.send(json.dumps({"action": "subscribe", "topic": "factory/#/temperature"}))
    message = json.loads(await ws.recv())
    assert (message["event"], message["field"]) == ("error", "topic")
    assert message["cure"]


async def test_without_a_token_nothing_can_be_subscribed(address: str) -> None:
    async with websockets.connect(address) as socket:
        await socket.send(json.dumps({"action": "subscribe", "topic": "factory/device/#"}))
        assert json.loads(await socket.recv())["code"] == "unauthenticated"
