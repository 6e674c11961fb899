"""One real broker for the tests that only talk to it; those that kill it start their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from andon.engines.broker.client import ClientConfig, MqttClient
from andon.engines.broker.config import BrokerConfig
from andon.engines.broker.embedded import EmbeddedBroker


@dataclass
class Inbox:
    """Collects what a client receives; `acknowledge` says whether it acknowledges at once."""

    acknowledge: bool = True
    messages: list[tuple[str, bytes, int, bool]] = field(default_factory=list)
    acks: list[Callable[[], None]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, topic: str, payload: bytes, qos: int, retain: bool, ack: Callable[[], None] | None) -> None:
        self.messages.append((topic, payload, qos, retain))
        if ack is not None:
            ack() if self.acknowledge else self.acks.append(ack)
        self._changed.set()

    def take_acks(self) -> list[Callable[[], None]]:
        """The acknowledgements that are owed; they are the caller's now."""
        taken, self.acks = self.acks, []
        return taken

    @property
    def payloads(self) -> list[bytes]:
        return [message[1] for message in self.messages]

    async def wait_for(self, count: int, timeout_s: float = 15) -> None:
        async with asyncio.timeout(timeout_s):
            while len(self.messages) < count:
                self._changed.clear()
                await self._changed.wait()

    async def wait_for_payload(self, payload: bytes, timeout_s: float = 15) -> None:
        async with asyncio.timeout(timeout_s):
            while payload not in self.payloads:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    embedded = EmbeddedBroker(BrokerConfig(tmp_path, port=0, ack_wait_s=1))
    await embedded.start()
    yield embedded
    await embedded.stop()


class Clients:
    """Makes connected clients and stops them at the end of the test."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker
        self._made: list[MqttClient] = []

    async def connect(
        self,
        name: str,
        inbox: Inbox | None = None,
        *,
        user: str = "server",
        wait: bool = True,
        port: int | None = None,
        **more: object,
    ) -> MqttClient:
        config = ClientConfig(
            name,
            "127.0.0.1",
            port or self._broker.port,
            user,
            self._broker.credentials.password(user),
            reconnect_delay_s=0.05,
            **more,  # type: ignore[arg-type]
        )
        client = MqttClient(config, inbox or Inbox())
        self._made.append(client)
        client.start()
        if wait:
            await client.wait_connected(10)
        return client

    async def stop(self) -> None:
        for client in self._made:
            await client.stop()


@pytest.fixture
async def clients(broker: EmbeddedBroker) -> AsyncIterator[Clients]:
    made = Clients(broker)
    yield made
    await made.stop()
