"""Socket.IO's events and bodies of the documents (monitoring §4.6, looms), to the letter, on a live plant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import socketio

from support.running import RunningAndon

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]


class Listener:
    """A client that keeps every event it hears."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.client.on("*", self._hear)

    async def _hear(self, event: str, *arguments: Any) -> None:
        await self.heard.put((event, arguments[0] if arguments else None))

    async def next(self, wanted: str, within_s: float = 20) -> Any:
        """The body of the next event of that name."""
        async with asyncio.timeout(within_s):
            while True:
                event, body = await self.heard.get()
                if event == wanted:
                    return body


@pytest.fixture
async def listener(demo: RunningAndon, demo_client: httpx.Client) -> AsyncIterator[Listener]:
    token = demo_client.headers["authorization"].removeprefix("Bearer ")
    listener = Listener()
    await listener.client.connect(demo.url, auth={"token": token}, transports=["websocket"])
    yield listener
    await listener.client.disconnect()


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


async def test_a_loom_streams_measurements(listener: Listener) -> None:
    await listener.client.emit("subscribe:loom:loom-001")
    body = await listener.next("measurement:update")
    assert body["loom_id"] == "loom-001"
    assert isinstance(body["bbw_value"], float)


async def test_without_a_token_there_is_no_connection(demo: RunningAndon) -> None:
    client = socketio.AsyncClient(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(demo.url, transports=["websocket"])
