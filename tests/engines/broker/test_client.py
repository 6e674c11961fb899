"""The server's MQTT client against the real broker: acknowledgement, redelivery, permissions, odd sizes."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from andon.engines.broker.client import ClientConfig, MqttClient, Will
from andon.engines.broker.embedded import EmbeddedBroker
from andon.engines.broker.mqtt_protocol import FastProtocol
from andon.engines.broker.waiting import Waiting
from support.link import Link

from .conftest import Clients, Inbox

DATA = "factory-plus/devices/+/data"
PACKET_IDS = 65_535


async def test_messages_arrive_whole_and_in_order(clients: Clients) -> None:
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    sender = await clients.connect("sender")
    sent = [os.urandom(size) for size in (1, 50, 100, 127, 128, 16_500, 70_000, 2_100_000)]
    for payload in sent:
        sender.publish("factory-plus/devices/a/data", payload, qos=1)
    await inbox.wait_for(len(sent))
    assert inbox.payloads == sent
    assert inbox.messages[0][0] == "factory-plus/devices/a/data"


async def test_a_10_mb_payload_arrives(clients: Clients) -> None:
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    sender = await clients.connect("sender")
    big = os.urandom(1024) * 10_240
    sender.publish("factory-plus/devices/a/data", big, qos=1)
    await inbox.wait_for(1)
    assert inbox.payloads == [big]


async def test_what_is_not_acknowledged_is_delivered_again_to_the_next_process(clients: Clients) -> None:
    dying = Inbox(acknowledge=False)
    first = await clients.connect("receiver", dying, subscriptions=[(DATA, 1)])
    sender = await clients.connect("sender")
    for i in range(5):
        sender.publish("factory-plus/devices/a/data", b"%d" % i, qos=1)
    await dying.wait_for(5)
    dying.acks[0]()
    dying.acks[1]()
    await asyncio.sleep(0)  # acknowledgements go out at the end of the loop's turn
    await first.stop()
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    for payload in (b"2", b"3", b"4"):
        # The two that were acknowledged just before the end may come once more: it is at least once.
        await inbox.wait_for_payload(payload)


async def test_a_second_copy_does_not_acknowledge_the_message_that_has_its_packet_id_by_then(clients: Clients) -> None:
    inbox = Inbox(acknowledge=False)
    receiver = await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    sender = await clients.connect("sender", max_unsent=PACKET_IDS)
    sender.publish("factory-plus/devices/a/data", b"slow", qos=1)
    await inbox.wait_for(1)
    await asyncio.sleep(2.5)  # the broker sends it again after a second
    copies = inbox.take_acks()
    copies[0]()
    for number in range(1, PACKET_IDS):
        sender.publish("factory-plus/devices/a/data", b"%d" % number, qos=1)
        if number % 5_000 == 0 or number == PACKET_IDS - 1:
            await inbox.wait_for_payload(b"%d" % number)
            for ack in inbox.take_acks():
                ack()
    sender.publish("factory-plus/devices/a/data", b"in between", qos=1)
    await inbox.wait_for_payload(b"in between")
    for ack in copies[1:]:
        ack()
    await asyncio.sleep(0)  # acknowledgements go out at the end of the loop's turn
    await receiver.stop()
    again = Inbox()
    await clients.connect("receiver", again, subscriptions=[(DATA, 1)])
    await again.wait_for_payload(b"in between")


async def test_messages_of_the_time_away_are_delivered_afterwards(clients: Clients) -> None:
    first = await clients.connect("receiver", subscriptions=[(DATA, 1)])
    await first.stop()
    sender = await clients.connect("sender")
    sender.publish("factory-plus/devices/a/data", b"meanwhile", qos=1)
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    await inbox.wait_for(1)
    assert inbox.payloads == [b"meanwhile"]


async def test_an_acknowledgement_of_a_lost_connection_is_not_sent_on_the_next(
    broker: EmbeddedBroker, clients: Clients
) -> None:
    inbox = Inbox(acknowledge=False)
    receiver = await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    sender = await clients.connect("sender")
    sender.publish("factory-plus/devices/a/data", b"kept", qos=1)
    await inbox.wait_for(1)
    receiver._client._protocol._transport.abort()
    await inbox.wait_for(2)
    inbox.acks[0]()  # belongs to the connection that is gone
    await asyncio.sleep(0)
    await receiver.stop()
    again = Inbox()
    await clients.connect("receiver", again, subscriptions=[(DATA, 1)])
    await again.wait_for(1)
    assert again.payloads == [b"kept"]


async def test_qos_0_needs_no_acknowledgement(clients: Clients) -> None:
    inbox = Inbox(acknowledge=False)
    await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    sender = await clients.connect("sender")
    sender.publish("factory-plus/devices/a/data", b"x")
    await inbox.wait_for(1)
    assert inbox.acks == []
    assert inbox.messages[0][2] == 0


async def test_retained_messages_are_marked(clients: Clients) -> None:
    sender = await clients.connect("sender")
    sender.publish("kaldor/loom/a/status", b"online", qos=1, retain=True)
    await sender.confirmed()
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[("kaldor/loom/+/status", 0)])
    await inbox.wait_for(1)
    assert inbox.messages == [("kaldor/loom/a/status", b"online", 0, True)]


async def test_the_will_is_published_when_the_client_vanishes(clients: Clients) -> None:
    inbox = Inbox()
    await clients.connect("watcher", inbox, subscriptions=[("spBv1.0/STATE/+", 0)])
    host = await clients.connect("host", will=Will("spBv1.0/STATE/andon", b"gone", retain=True))
    host._client.stop_reconnect()
    host._client._protocol._transport.abort()
    await inbox.wait_for(1)
    assert inbox.messages[0][:2] == ("spBv1.0/STATE/andon", b"gone")


async def test_messages_published_while_away_wait_for_the_connection(clients: Clients) -> None:
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    early = await clients.connect("early", wait=False)
    assert early.publish("factory-plus/devices/a/data", b"early", qos=1)
    assert not early.publish("factory-plus/devices/a/data", b"dropped", qos=0)
    await inbox.wait_for(1)
    assert inbox.payloads == [b"early"]


async def test_what_waits_to_be_sent_is_bounded(clients: Clients) -> None:
    early = await clients.connect("early", wait=False, max_unsent=3)
    taken = [early.publish("factory-plus/devices/a/data", b"x", qos=1) for _ in range(5)]
    assert taken == [True, True, True, False, False]


async def test_a_paused_client_receives_later_what_it_did_not_read(clients: Clients) -> None:
    inbox = Inbox()
    receiver = await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    sender = await clients.connect("sender")
    receiver.pause()
    for i in range(50):
        sender.publish("factory-plus/devices/a/data", b"%d" % i, qos=1)
    await sender.confirmed()
    assert inbox.messages == []
    receiver.resume()
    await inbox.wait_for(50)


async def test_a_device_may_report(clients: Clients) -> None:
    inbox = Inbox()
    wanted = ["factory-plus/devices/a/data", "kaldor/loom/a/bbw/raw", "spBv1.0/G/NBIRTH/N", "spBv1.0/G/DDATA/N/D"]
    await clients.connect("receiver", inbox, subscriptions=[(topic, 0) for topic in wanted])
    device = await clients.connect("device", user="device")
    for topic in wanted:
        device.publish(topic, b"x")
    await inbox.wait_for(4)
    assert {message[0] for message in inbox.messages} == set(wanted)


async def test_a_device_may_not_command_others_nor_pretend_to_be_the_host(clients: Clients) -> None:
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[("factory-plus/#", 0), ("spBv1.0/#", 0)])
    device = await clients.connect("device", user="device")
    for topic in (
        "factory-plus/devices/b/commands",
        "factory-plus/alerts/critical",
        "spBv1.0/STATE/andon",
        "spBv1.0/G/NCMD/N",
    ):
        device.publish(topic, b"forged")
    device.publish("factory-plus/devices/a/data", b"honest")
    await inbox.wait_for(1)
    assert inbox.payloads == [b"honest"]


async def test_a_device_hears_its_commands_but_not_other_devices_data(clients: Clients) -> None:
    allowed, foreign = Inbox(), Inbox()
    await clients.connect("d1", allowed, user="device", subscriptions=[("factory-plus/devices/a/commands", 1)])
    curious = await clients.connect("d2", foreign, user="device", subscriptions=[(DATA, 0)])
    server = await clients.connect("server")
    server.publish("factory-plus/devices/a/data", b"secret")
    server.publish("factory-plus/devices/a/commands", b"go", qos=1)
    await allowed.wait_for(1)
    assert foreign.messages == []
    assert curious.refused_subscriptions == [DATA]


@pytest.mark.failure
async def test_it_connects_when_the_broker_comes_up_later(broker: EmbeddedBroker, clients: Clients) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    client = await clients.connect("early", wait=False)
    await client.wait_connected(15)
    assert client.connected


async def test_it_is_connected_only_when_its_subscriptions_hold() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def packet(reader: asyncio.StreamReader) -> bytes:
        _, length = await reader.readexactly(2)
        return await reader.readexactly(length)

    async def slow_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(b"\x20\x02\x00\x00")
        for _ in range(2):
            packet_id = (await packet(reader))[:2]
            asked.set()
            await answer.wait()
            writer.write(b"\x90\x03" + packet_id + b"\x01")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(slow_broker, "127.0.0.1", 0) as server, asyncio.timeout(20):
        port = server.sockets[0].getsockname()[1]
        filters = [(DATA, 1), ("factory-plus/devices/+/status", 0)]
        client = MqttClient(ClientConfig("receiver", "127.0.0.1", port, "u", "p", filters), Inbox())
        client.start()
        await asked.wait()  # it was let in, but what is published now would not reach it
        assert not client.connected
        with pytest.raises(TimeoutError):
            await client.wait_connected(0)
        answer.set()
        await client.wait_connected(10)
        assert client.connected
        await client.stop()
        assert not client.connected


@pytest.mark.failure
async def test_a_connection_that_lets_nothing_through_is_given_up_whatever_waits_to_be_sent(
    broker: EmbeddedBroker, clients: Clients
) -> None:
    inbox = Inbox()
    await clients.connect("receiver", inbox, subscriptions=[(DATA, 1)])
    with Link(broker.port) as link:
        sender = await clients.connect("sender", port=link.port, keepalive_s=1)
        link.freeze()
        for _ in range(200):
            sender.publish("factory-plus/devices/a/data", bytes(100_000))
        sender.publish("factory-plus/devices/a/data", b"certain", qos=1)
        link.forget()
        await inbox.wait_for_payload(b"certain")
        assert link.connections == 2


@pytest.mark.failure
async def test_a_client_on_hold_keeps_its_connection(broker: EmbeddedBroker, clients: Clients) -> None:
    with Link(broker.port) as link:
        inbox = Inbox()
        client = await clients.connect("receiver", inbox, port=link.port, keepalive_s=2, subscriptions=[(DATA, 1)])
        client.pause()
        await asyncio.sleep(5)  # longer than two keepalives; the server allows one and a half, in whole seconds
        sender = await clients.connect("sender")
        sender.publish("factory-plus/devices/a/data", b"late", qos=1)
        client.resume()
        await inbox.wait_for_payload(b"late")
        assert link.connections == 1


def test_qos_2_is_refused_before_connecting() -> None:
    with pytest.raises(ValueError, match="QoS"):
        ClientConfig("a", "127.0.0.1", 1, "u", "p", subscriptions=[("x", 2)])


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(ClientConfig("a", "127.0.0.1", 1, "u", "hunter2"))


def _fed(chunks: list[bytes]) -> list[tuple[str, bytes, int, bool]]:
    """What a protocol delivers that receives these pieces."""

    class _Connection:
        _last_data_in = 0.0

        def put_package(self, package: object) -> None:
            raise AssertionError(package)

    class _State:
        protocol_version = 4

    inbox = Inbox()

    async def run() -> None:
        protocol = FastProtocol(
            on_message=inbox, waiting=Waiting(1 << 20), connection_state=_State(), id_generator=None
        )
        protocol.set_connection(_Connection())
        for chunk in chunks:
            protocol.data_received(chunk)

    asyncio.run(run())
    return inbox.messages


def test_packets_cut_anywhere_are_put_together() -> None:
    packet = b"\x30\x05\x00\x01t42" + b"\x31\x84\x01\x00\x01u" + b"z" * 129
    expected = [("t", b"42", 0, False), ("u", b"z" * 129, 0, True)]
    assert _fed([packet]) == expected
    assert _fed([packet[i : i + 1] for i in range(len(packet))]) == expected
    for cut in range(1, len(packet)):
        assert _fed([packet[:cut], packet[cut:]]) == expected
