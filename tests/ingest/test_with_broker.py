"""Ingest on a real broker: what is published arrives in the log, whatever dies on the way."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from andon.engines.broker.address import BrokerAddress
from andon.engines.broker.client import ClientConfig, MqttClient
from andon.engines.broker.config import BrokerConfig
from andon.engines.broker.credentials import DEVICE, SERVER
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.database import Database
from andon.engines.log.codec import COLUMNS
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import SENSORS_DATA, Log
from andon.ingest.service import IngestService
from andon.kit.samples import concatenate, decode
from andon.registry.directory import Directory
from andon.registry.service import Registry
from andon.wire.sparkplug.messages import decode_state

from .conftest import DATA, iso, s1

pytestmark = pytest.mark.failure


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    embedded = EmbeddedBroker(BrokerConfig(tmp_path, port=0, ack_wait_s=1))
    await embedded.start()
    yield embedded
    await embedded.stop()


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    opened = EmbeddedLog.open(tmp_path / "log.db")
    yield opened
    await opened.close()


@pytest.fixture
def registered(tmp_path: Path, demo_database: Path) -> tuple[Directory, Registry]:
    shutil.copy(demo_database, tmp_path / "andon.db")
    directory = Directory()
    registry = Registry(Database.open(None, tmp_path), directory)
    registry.load()
    return directory, registry


async def started(broker: EmbeddedBroker, log: Log, registered: tuple[Directory, Registry]) -> IngestService:
    address = BrokerAddress("127.0.0.1", broker.port, SERVER, broker.credentials.password(SERVER))
    ingest = IngestService(log, *registered, broker=address)
    await ingest.start()
    await ingest.wait_connected(10)
    return ingest


async def device(broker: EmbeddedBroker) -> MqttClient:
    config = ClientConfig(
        "a-device", "127.0.0.1", broker.port, DEVICE, broker.credentials.password(DEVICE), reconnect_delay_s=0.05
    )
    client = MqttClient(config, lambda *_: None)
    client.start()
    await client.wait_connected(10)
    return client


def publish(client: MqttClient, values: range, qos: int = 1) -> None:
    for value in values:
        client.publish(DATA, json.dumps(s1(value=value, timestamp=iso(value / 1e3 - 60))).encode(), qos=qos)


async def stored(log: Log, count: int) -> list[float]:
    """The values in the log once there are `count` different ones."""
    async with asyncio.timeout(20):
        while True:
            records = await log.read(SENSORS_DATA, 0, max_records=100_000)
            values = concatenate([decode(record.payload) for record in records]).values.tolist()
            if len(set(values)) >= count:
                return values
            await log.read(SENSORS_DATA, await log.end(SENSORS_DATA), wait_s=0.2)


async def test_what_is_published_arrives_in_the_log(
    broker: EmbeddedBroker, log: EmbeddedLog, registered: tuple[Directory, Registry]
) -> None:
    ingest = await started(broker, log, registered)
    client = await device(broker)
    publish(client, range(500))
    publish(client, range(500, 600), qos=0)
    assert sorted(await stored(log, 600)) == list(range(600))
    assert ingest.broker_connected
    await client.stop()
    await ingest.stop()


async def test_what_a_dying_server_had_not_stored_is_delivered_to_the_next(
    broker: EmbeddedBroker, log: EmbeddedLog, registered: tuple[Directory, Registry]
) -> None:
    class Stuck:
        """The disk of a server that is about to die: nothing ever becomes durable."""

        codec = COLUMNS

        async def append(self, stream: str, payloads: list[bytes], keys: list[str] | None = None) -> int:
            await asyncio.Event().wait()
            return 0

    dying = await started(broker, Stuck(), registered)  # type: ignore[arg-type]
    client = await device(broker)
    publish(client, range(50))
    async with asyncio.timeout(10):
        while dying.pipeline.pending_samples < 50:  # noqa: ASYNC110  # nothing tells of what is not durable
            await asyncio.sleep(0.01)
    assert dying._source is not None
    for connection in dying._source._clients.values():
        connection._client.stop_reconnect()
        connection._client._protocol._transport.abort()
    dying.pipeline._task.cancel()  # type: ignore[union-attr]
    publish(client, range(50, 60))
    ingest = await started(broker, log, registered)
    assert set(await stored(log, 60)) == set(range(60))
    await client.stop()
    await ingest.stop()
    assert dying._ticker is not None
    dying._ticker.cancel()


async def test_messages_flow_again_after_the_broker_was_killed(
    broker: EmbeddedBroker, log: EmbeddedLog, registered: tuple[Directory, Registry]
) -> None:
    ingest = await started(broker, log, registered)
    client = await device(broker)
    publish(client, range(100))
    await stored(log, 100)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    publish(client, range(100, 200))
    assert set(await stored(log, 200)) == set(range(200))
    assert broker.restarts == 1
    await client.stop()
    await ingest.stop()


async def test_tck_host_state_is_retained_online_and_offline_after_leaving(
    broker: EmbeddedBroker, log: EmbeddedLog, registered: tuple[Directory, Registry]
) -> None:
    states: list[bytes] = []
    changed = asyncio.Event()

    def note(_topic: str, payload: bytes, *_: object) -> None:
        states.append(payload)
        changed.set()

    ingest = await started(broker, log, registered)
    config = ClientConfig(
        "an-edge", "127.0.0.1", broker.port, DEVICE, broker.credentials.password(DEVICE), (("spBv1.0/STATE/andon", 1),)
    )
    edge = MqttClient(config, note)
    edge.start()
    async with asyncio.timeout(10):
        await changed.wait()
        assert decode_state(states[-1]).online
        changed.clear()
        await ingest.stop()
        await changed.wait()
    assert not decode_state(states[-1]).online
    await edge.stop()
