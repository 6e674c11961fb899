from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from andon.simulator.config import BrokerConfig, BufferConfig
from andon.simulator.link import Link, Will
from simulator.mqtt_broker import Broker, eventually


@contextlib.asynccontextmanager
async def running(link: Link) -> AsyncIterator[Link]:
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        await link.close(1.0)
        task.cancel()
        await asyncio.wait([task])


async def test_a_message_of_qos_1_arrives_and_is_acknowledged(broker: Broker, observe: Any) -> None:
    observer = await observe("t/#")
    async with running(Link("one", broker.config, BufferConfig())) as link:
        link.publish("t/1", b"hello")
        await link.below(0) if link.connected else await link.wait_connected(10)
        await eventually(lambda: observer.of("t/1") == [b"hello"])
        await eventually(lambda: link.stats.acknowledged == 1)
        assert link.stats.buffered == 0


async def test_what_was_published_while_the_broker_was_away_arrives_in_order(broker: Broker, observe: Any) -> None:
    broker.stop()
    async with running(Link("one", broker.config, BufferConfig())) as link:
        for number in range(50):
            link.publish("t/1", str(number).encode())
        assert not link.publish_now("t/1", b"worth nothing later")
        await broker.start()
        observer = await observe("t/#")
        # The observer subscribes on its own connection: what came before it is not its to see.
        await link.wait_connected(10)
        link.publish("t/1", b"last")
        await eventually(lambda: observer.of("t/1")[-1:] == [b"last"])
        await link.below(0)
        assert link.stats.acknowledged == 51
        numbers = [int(payload) for payload in observer.of("t/1") if payload.isdigit()]
        assert numbers == sorted(numbers)
        assert link.stats.dropped == 0


async def test_a_broker_that_dies_under_load_loses_nothing_that_was_published(broker: Broker) -> None:
    async with running(Link("one", broker.config, BufferConfig(in_flight=50))) as link:
        await link.wait_connected(10)
        for number in range(200):
            link.publish("t/1", str(number).encode())
        broker.stop()
        for number in range(200, 400):
            link.publish("t/1", str(number).encode())
        await eventually(lambda: not link.connected)
        assert link.stats.buffered + link.stats.acknowledged == 400
        await broker.start()
        await asyncio.wait_for(link.below(0), 20)
        assert link.stats.acknowledged == 400


async def test_the_outbox_is_bounded_while_the_broker_is_away(broker: Broker) -> None:
    broker.stop()
    async with running(Link("one", broker.config, BufferConfig(max_mib=0.01))) as link:
        for _ in range(1_000):
            link.publish("t/1", b"x" * 100)
        stats = link.stats
        assert stats.buffered < 50
        assert stats.dropped + stats.buffered == 1_000


async def test_the_will_is_published_when_the_machine_vanishes(broker: Broker, observe: Any) -> None:
    observer = await observe("status/#")
    link = Link("one", broker.config, BufferConfig(), make_will=lambda: Will("status/one", b"offline"))
    task = asyncio.create_task(link.run())
    await link.wait_connected(10)
    assert link._connection is not None
    link._connection._connection._transport.abort()  # as a pulled cable would
    await eventually(lambda: observer.of("status/one") == [b"offline"])
    task.cancel()
    await asyncio.wait([task])


async def test_a_graceful_end_publishes_no_will(broker: Broker, observe: Any) -> None:
    observer = await observe("status/#")
    async with running(
        Link("one", broker.config, BufferConfig(), make_will=lambda: Will("status/one", b"offline"))
    ) as link:
        await link.wait_connected(10)
        link.publish("status/other", b"bye")
    await eventually(lambda: observer.of("status/other"))
    assert observer.of("status/one") == []


async def test_a_refused_password_is_reported_and_tried_again(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    wrong = msgspec.structs.replace(broker.config, password="wrong", retry_max_s=0.05)
    async with running(Link("one", wrong, BufferConfig())) as link:
        await eventually(lambda: link.last_error is not None)
        first = link.last_error
        await eventually(lambda: link.last_error is not first)
        assert "code" in str(link.last_error)
    said = [record for record in caplog.records if record.message == "the broker is away"]
    assert len(said) == 1, "once, not at each attempt"


async def test_commands_reach_the_machine(broker: Broker) -> None:
    heard: list[tuple[str, bytes]] = []
    listener = Link(
        "one",
        broker.config,
        BufferConfig(),
        subscriptions=("cmd/#",),
        on_message=lambda topic, payload: heard.append((topic, bytes(payload))),
    )
    async with running(listener), running(Link("two", broker.config, BufferConfig())) as sender:
        await listener.wait_connected(10)
        await sender.wait_connected(10)

        async def send_until_heard() -> None:
            while not heard:
                sender.publish("cmd/go", b"now")
                await asyncio.sleep(0.05)

        await asyncio.wait_for(send_until_heard(), 10)
    assert heard[0] == ("cmd/go", b"now")


async def test_a_broker_without_mqtt_5_is_said_to_lack_it(broker: Broker) -> None:
    newer = msgspec.structs.replace(broker.config, mqtt_version="5", connect_timeout_s=0.5)
    async with running(Link("one", newer, BufferConfig())) as link:
        await eventually(lambda: link.last_error is not None)
    assert "MQTT 5" in str(link.last_error)


class NarrowBroker:
    """Speaks as much MQTT 5 as a publisher needs; lets in `receive_maximum` messages before it acknowledges them."""

    def __init__(self, receive_maximum: int) -> None:
        self._connack = bytes([0x20, 6, 0, 0, 3, 0x21, 0, receive_maximum])
        self.received = 0
        self.most_unacknowledged = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        waiting: list[bytes] = []
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                kind, length = await reader.readexactly(2)
                body = await reader.readexactly(length)
                if kind >> 4 == 1:
                    writer.write(self._connack)
                elif kind >> 4 == 3:
                    topic_length = int.from_bytes(body[:2], "big")
                    waiting.append(body[2 + topic_length : 4 + topic_length])
                    self.received += 1
                    self.most_unacknowledged = max(self.most_unacknowledged, len(waiting))
                    asyncio.get_running_loop().call_later(0.01, self._acknowledge, writer, waiting)
        writer.close()

    @staticmethod
    def _acknowledge(writer: asyncio.StreamWriter, waiting: list[bytes]) -> None:
        while waiting:
            writer.write(b"\x40\x02" + waiting.pop(0))


async def test_a_broker_of_mqtt_5_sets_how_much_may_be_under_way() -> None:
    narrow = NarrowBroker(receive_maximum=5)
    server = await asyncio.start_server(narrow.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        config = BrokerConfig(port=port, mqtt_version="5")
        async with running(Link("one", config, BufferConfig())) as link:
            for number in range(40):
                link.publish("t/1", str(number).encode())
            await link.wait_connected(10)
            await asyncio.wait_for(link.below(0), 10)
    assert narrow.received == 40
    assert 1 <= narrow.most_unacknowledged <= 5
