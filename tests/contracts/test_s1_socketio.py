"""Socket.IO's events and bodies of the monitoring system's document (§4.6), to the letter, on a live plant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import socketio

from andon.kit.clock import US_PER_S, now_us, to_iso
from contracts.conftest import Pushed
from support.listener import Listener, token_of
from support.running import RunningAndon

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]


async def test_a_connection_is_confirmed(listener: Listener) -> None:
    assert (await listener.next("connection-status"))["status"] == "connected"


async def test_sensor_data_has_the_documents_body(listener: Listener) -> None:
    await listener.client.emit("subscribe-device", "device-003")
    body = await listener.next("sensor-data")
    assert body["deviceId"] == "device-003"
    assert body["timestamp"].endswith("Z")
    assert isinstance(body["data"]["value"], int | float)
    assert body["data"]["unit"] == "hz"
    assert body["data"]["status"] in ("normal", "warning", "critical")
    assert set(body["stats"]) == {"avg", "trend"}


async def test_after_unsubscribing_nothing_comes(listener: Listener) -> None:
    await listener.client.emit("subscribe-device", "device-003")
    await listener.next("sensor-data")
    await listener.client.call("unsubscribe-device", "device-003")
    while not listener.heard.empty():
        listener.heard.get_nowait()
    with pytest.raises(TimeoutError):
        await listener.next("sensor-data", within_s=2.5)


async def test_system_status_is_sent(listener: Listener) -> None:
    await listener.client.emit("subscribe-system")
    assert "totalDevices" in await listener.next("system-status", within_s=15)


async def test_an_unknown_device_is_an_error_event(listener: Listener) -> None:
    await listener.client.emit("subscribe-device", "no-such-device")
    assert "no-such-device" in str(await listener.next("error"))


async def test_an_alert_is_told_with_exactly_the_documents_fields(listener: Listener, oven: Pushed) -> None:
    await listener.ask("subscribe-alerts")
    at = to_iso(now_us() // 1000 * 1000)
    oven.push({"timestamp": at, "value": 58.5})
    body = await listener.next_of("alert-triggered", oven.device_id)
    assert body.pop("alertId").startswith("alert-")
    assert body.pop("message")
    assert body == {
        "deviceId": oven.device_id,
        "type": "high_temperature",
        "severity": "high",
        "value": 58.5,
        "threshold": 50,
        "timestamp": at,
    }


async def test_an_alert_whose_condition_returned_is_told_as_resolved(listener: Listener, oven: Pushed) -> None:
    await listener.ask("subscribe-alerts")
    oven.push({"value": 10.0})
    raised = await listener.next_of("alert-triggered", oven.device_id)
    assert (raised["type"], raised["threshold"]) == ("low_temperature", 15)
    oven.push({"value": 20.0})
    resolved = await listener.next_of("alert-resolved", oven.device_id)
    assert resolved["alertId"] == raised["alertId"]
    assert {*raised} <= {*resolved}


async def test_after_unsubscribing_no_alert_is_told(listener: Listener, oven: Pushed) -> None:
    await listener.ask("subscribe-alerts")
    await listener.ask("unsubscribe-alerts")
    await listener.ask("subscribe-device", oven.device_id)
    listener.drain()
    oven.push({"value": 58.5})
    await listener.next_of("device-status", oven.device_id, status="offline")
    assert not [event for event in listener.drain() if event.startswith("alert-")]


async def test_a_device_that_comes_and_goes_is_told(listener: Listener, oven: Pushed) -> None:
    await listener.ask("subscribe-device", oven.device_id)
    oven.push({"value": 20.0})
    body = await listener.next_of("device-status", oven.device_id, status="offline")
    assert (body["online"], body["timestamp"][-1]) == (False, "Z")
    oven.push({"value": 20.0})
    assert (await listener.next_of("device-status", oven.device_id, status="active"))["online"] is True


async def test_a_ping_is_answered(listener: Listener) -> None:
    assert (await listener.ask("ping"))["success"] is True
    assert (await listener.next("pong"))["timestamp"].endswith("Z")


# Coming back after a drop


class Drop:
    """A client that watches a device and is cut off, and another one that shows what Andon has sent meanwhile."""

    def __init__(self, demo: RunningAndon, client: httpx.Client, oven: Pushed) -> None:
        self.url, self.token, self.oven = demo.url, token_of(client), oven
        self.witness = Listener()
        self.start = now_us() // US_PER_S * US_PER_S - 60 * US_PER_S

    async def measured(self, first: int, count: int) -> list[float]:
        """Push so many samples, a second apart and in the last minute; their values count on from `first`."""
        values = [float(value) for value in range(first, first + count)]
        self.oven.push(*({"timestamp": to_iso(self.start + int(value) * US_PER_S), "value": value} for value in values))
        while (await self.witness.next("sensor-data"))["data"]["value"] != values[-1]:
            pass
        return values

    async def happens(self, event: str, **options: Any) -> Any:
        """The body of the last `event` before the connection broke."""
        await self.witness.connect(self.url, self.token)
        await self.witness.ask("subscribe-device", self.oven.device_id)
        client = await Listener().connect(self.url, self.token)
        await client.ask("subscribe-device", {"deviceId": self.oven.device_id, **options})
        await self.measured(16, 1)
        body = await client.next(event)
        await client.client.eio.ws.close()  # no goodbye, as when the network is lost
        return body


@pytest.fixture
async def drop(demo: RunningAndon, demo_client: httpx.Client, oven: Pushed) -> AsyncIterator[Drop]:
    drop = Drop(demo, demo_client, oven)
    yield drop
    await drop.witness.client.disconnect()


async def test_a_client_that_dropped_gets_the_frames_that_it_missed(drop: Drop, listener: Listener) -> None:
    last = await drop.happens("sensor-frame", frames=True)
    missed = await drop.measured(17, 5)
    await listener.ask("resume", {"position": last["position"]})
    answer = await listener.ask("subscribe-device", {"deviceId": drop.oven.device_id, "frames": True})
    assert (answer["samples"], answer["truncated"]) == (5, False)
    frame = await listener.next("sensor-frame")
    assert [sample[3] for sample in frame["samples"]] == missed
    assert (await listener.next("resumed"))["samples"] == 5


async def test_a_client_that_dropped_gets_the_sensor_data_since_its_last(drop: Drop, listener: Listener) -> None:
    last = await drop.happens("sensor-data")
    missed = await drop.measured(17, 5)
    await listener.ask("subscribe-device", {"deviceId": drop.oven.device_id, "since": last["timestamp"]})
    assert [(await listener.next("sensor-data"))["data"]["value"] for _ in missed] == missed
    drop.oven.push({"value": 30.0})
    assert (await listener.next("sensor-data"))["data"]["value"] == 30.0


async def test_without_a_token_there_is_no_connection(demo: RunningAndon) -> None:
    client = socketio.AsyncClient(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(demo.url, transports=["websocket"])
