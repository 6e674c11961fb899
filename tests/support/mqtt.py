"""A small MQTT device for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311

from support.running import RunningAndon


class Device:
    """Publishes, and knows which of its QoS 1 messages were acknowledged."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def send(self, topic: str, payload: dict[str, Any] | str | bytes, qos: int = 1) -> None:
        """Publish; what is not text or bytes goes as JSON."""
        data = json.dumps(payload) if isinstance(payload, dict) else payload
        self._client.publish(topic, data, qos=qos)

    async def acknowledged(self, within_s: float = 20) -> None:
        """Wait until every QoS 1 message is acknowledged."""
        async with asyncio.timeout(within_s):
            while not self._client._persistent_storage.is_empty:  # noqa: ASYNC110  gmqtt has no event for it
                await asyncio.sleep(0.01)


@asynccontextmanager
async def device_of(andon: RunningAndon, client_id: str = "test-device") -> AsyncIterator[Device]:
    """A device connected to Andon's broker with the device user's password."""
    access = await asyncio.to_thread(andon.device_credentials)
    client = Client(client_id, clean_session=True)
    client.set_auth_credentials(access["username"], access["password"])
    await client.connect("127.0.0.1", andon.mqtt_port, version=MQTTv311)
    try:
        yield Device(client)
    finally:
        await client.disconnect()
