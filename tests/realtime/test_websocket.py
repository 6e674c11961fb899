"""`/ws`: S3's subscription by topic filter, and its messages."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from realtime.harness import AT, LOOM_TEMPERATURE, PRESSURE, STRANGE, TEMPERATURE, WIDTH, Plant, row


async def ask(socket: Any, action: str, topic: str) -> None:
    await socket.send(json.dumps({"action": action, "topic": topic, "id": topic}))
    assert json.loads(await socket.recv()) == {"event": "done", "id": topic}


async def test_samples_come_with_topic_value_unit_and_quality(plant: Plant) -> None:
    async with plant.web_socket() as socket:
        await ask(socket, "subscribe", "factory/device/+/temperature")
        await plant.sample(row(TEMPERATURE, 75.2), row(PRESSURE, 30.0), row(STRANGE, 11.0))
        assert json.loads(await socket.recv()) == {
            "topic": "factory/device/device-001/temperature",
            "deviceId": "device-001",
            "tag": "temperature",
            "timestamp": "2025-01-11T10:00:00.000Z",
            "value": 75.2,
            "unit": "celsius",
            "quality": "good",
        }
        await plant.sample(row(WIDTH, 1600.0), row(LOOM_TEMPERATURE, 31.0))
        assert json.loads(await socket.recv())["topic"] == "factory/device/loom-001/temperature"


async def test_the_present_value_comes_at_once_and_no_other_answer_before_it(plant: Plant) -> None:
    await plant.sample(row(TEMPERATURE, 75.2))
    async with plant.web_socket() as socket:
        await socket.send('{"action": "subscribe", "topic": "factory/device/device-001/#"}')
        assert json.loads(await socket.recv())["value"] == 75.2


async def test_filters_add_up_and_go_one_by_one(plant: Plant) -> None:
    async with plant.web_socket() as socket:
        await ask(socket, "subscribe", "factory/device/device-001/+")
        await ask(socket, "subscribe", "factory/device/device-002/+")
        await ask(socket, "unsubscribe", "factory/device/device-001/+")
        await plant.sample(row(TEMPERATURE, 75.2), row(PRESSURE, 30.0))
        assert json.loads(await socket.recv())["deviceId"] == "device-002"
        await ask(socket, "unsubscribe", "factory/device/device-002/+")
        await plant.sample(row(PRESSURE, 31.0, AT + 1))
        await socket.send('{"action": "ping"}')
        assert json.loads(await socket.recv())["event"] == "pong"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("nonsense", None),
        ("[]", None),
        ('{"action": "dance"}', "action"),
        ("{}", "action"),
        ('{"action": "subscribe"}', "topic"),
        ('{"action": "subscribe", "topic": "factory/#/temperature"}', "topic"),
        ('{"action": "subscribe", "topic": "factory/dev+/temperature"}', "topic"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_field_and_cure(
    plant: Plant, message: str, field: str | None
) -> None:
    async with plant.web_socket() as socket:
        await socket.send(message)
        error = json.loads(await socket.recv())
        assert (error["event"], error["field"]) == ("error", field)
        assert error["cure"]


async def test_filters_are_limited(plant: Plant) -> None:
    most = plant.service.settings.max_filters
    async with plant.web_socket() as socket:
        for number in range(most):
            await ask(socket, "subscribe", f"factory/device/{number}/+")
        await socket.send('{"action": "subscribe", "topic": "one/more"}')
        assert str(most) in json.loads(await socket.recv())["message"]


async def test_a_plain_request_is_told_to_upgrade(plant: Plant) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(plant.url + "/ws")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
