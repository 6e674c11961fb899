"""Fixtures with a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import gmqtt
import pytest
from gmqtt.mqtt.constants import MQTTv311

from andon.engines.broker import ports
from simulator.mqtt_broker import PASSWORD, PATIENCE_S, USER, Broker, Observer


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    made = Broker(tmp_path)
    await made.start()
    yield made
    made.stop()


@pytest.fixture
async def observe(broker: Broker) -> AsyncIterator[Callable[..., Any]]:
    """`await observe("topic/#")` gives an observer that is subscribed."""
    clients: list[gmqtt.Client] = []

    async def start(*topics: str) -> Observer:
        observer = Observer()
        client = gmqtt.Client(f"observer-{len(clients)}")
        clients.append(client)
        client.set_auth_credentials(USER, PASSWORD)
        client.on_message = observer.on_message
        granted = asyncio.Semaphore(0)
        client.on_subscribe = lambda *_: granted.release()
        await client.connect("127.0.0.1", broker.port, version=MQTTv311)
        for topic in topics:
            client.subscribe(topic, qos=1)
            await asyncio.wait_for(granted.acquire(), PATIENCE_S)
        return observer

    yield start
    for client in clients:
        await client.disconnect()


@pytest.fixture
def free_port() -> int:
    return ports.free_port()
