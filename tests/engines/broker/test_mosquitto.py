"""Mosquitto, configured as the documentation says: what it keeps for a server that is away, and over its own death."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from andon.engines.broker.client import ClientConfig, MqttClient
from support.engines import start
from support.publisher import Publisher
from support.servers import Mosquitto

from .conftest import Inbox

MANY = 1_500
pytestmark = pytest.mark.failure


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    """One that may be killed."""
    with start(Mosquitto) as server:
        yield server


def client_of(mosquitto: Mosquitto, inbox: Inbox) -> MqttClient:
    """The server's client, whose session is kept."""
    filters = [("factory-plus/devices/+/data", 1)]
    config = ClientConfig("ingest", "127.0.0.1", mosquitto.port, "server", "any", filters, reconnect_delay_s=0.05)
    return MqttClient(config, inbox)


async def test_what_was_acknowledged_while_the_server_was_away_outlives_the_broker(mosquitto: Mosquitto) -> None:
    client = client_of(mosquitto, Inbox())
    client.start()
    await client.wait_connected(20)
    await client.stop()
    payloads = [b"%d" % number for number in range(MANY)]
    with Publisher(mosquitto.port, "device", "any", "device") as device:
        for payload in payloads:
            device.send("factory-plus/devices/a/data", payload, label=payload)
        device.wait_acknowledged()
    acknowledged = time.time()
    async with asyncio.timeout(20):
        while not (mosquitto.database.exists() and mosquitto.database.stat().st_mtime > acknowledged):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    mosquitto.kill()
    mosquitto.start()

    inbox = Inbox(acknowledge=False)
    client = client_of(mosquitto, inbox)
    client.start()
    await inbox.wait_for(1_000)  # so many come before the first is acknowledged
    inbox.acknowledge = True
    for acknowledge in inbox.acks:
        acknowledge()
    await inbox.wait_for(MANY)
    assert inbox.payloads == payloads
    await client.stop()
