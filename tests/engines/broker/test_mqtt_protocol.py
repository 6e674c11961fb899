"""A flood on one connection leaves room for everything else that the loop has to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from andon.engines.broker.mqtt_protocol import PACKETS_A_TURN, FastProtocol
from andon.engines.broker.waiting import RUN, Waiting

from .conftest import Inbox

MESSAGES = 20_000
EXPECTED = [b"%05d" % number for number in range(MESSAGES)]
FLOOD = b"".join(b"\x30\x08\x00\x01t" + payload for payload in EXPECTED)


class _Connection:
    _last_data_in = 0.0

    def put_package(self, package: object) -> None:
        """The connection's end."""


class _State:
    protocol_version = 4


class _Turns:
    """Counts the turns of the loop."""

    def __init__(self) -> None:
        self.number = 0
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._next)

    def _next(self) -> None:
        self.number += 1
        self._handle = self._loop.call_soon(self._next)

    async def pass_by(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    def stop(self) -> None:
        self._handle.cancel()


@asynccontextmanager
async def _receiving(inbox: Inbox, *limits: Any) -> AsyncIterator[tuple[FastProtocol, asyncio.StreamWriter]]:
    """A protocol on a socket, and the socket's other side; `limits` of what waits."""
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accepted.put(writer)

    def make() -> FastProtocol:
        protocol = FastProtocol(
            on_message=inbox, waiting=Waiting(*(limits or (1 << 20,))), connection_state=_State(), id_generator=None
        )
        protocol.set_connection(_Connection())
        return protocol

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    transport, protocol = await asyncio.get_running_loop().create_connection(make, *server.sockets[0].getsockname())
    try:
        yield protocol, await accepted.get()
    finally:
        transport.abort()
        server.close()


async def test_a_turn_of_the_loop_delivers_no_more_than_its_share_of_a_flood() -> None:
    turns = _Turns()
    delivered: Counter[int] = Counter()

    class _CountingInbox(Inbox):
        def __call__(self, *message: object) -> None:
            delivered[turns.number] += 1
            super().__call__(*message)  # type: ignore[arg-type]

    inbox = _CountingInbox()
    async with _receiving(inbox) as (_, sender):
        sender.write(FLOOD)
        await inbox.wait_for(MESSAGES)
    turns.stop()
    assert max(delivered.values()) <= PACKETS_A_TURN
    assert inbox.payloads == EXPECTED


async def test_in_a_flood_what_is_to_be_acknowledged_goes_first() -> None:
    inbox = Inbox()
    async with _receiving(inbox) as (_, sender):
        sender.write(FLOOD + b"\x32\x08\x00\x01t\x00\x01ack")
        await inbox.wait_for(MESSAGES + 1)
    assert inbox.payloads.index(b"ack") < MESSAGES // 2
    assert [payload for payload in inbox.payloads if payload != b"ack"] == EXPECTED


async def test_of_a_flood_that_does_not_end_the_oldest_at_qos_0_are_dropped() -> None:
    inbox = Inbox()
    async with _receiving(inbox, 20_000) as (protocol, _):
        protocol.hold(True)
        protocol.data_received(FLOOD + b"\x32\x08\x00\x01t\x00\x01ack")
        protocol.hold(False)
        await inbox.wait_for_payload(EXPECTED[-1])
        assert protocol.dropped == MESSAGES + 1 - len(inbox.messages)
    assert inbox.payloads[0] == b"ack"
    assert inbox.payloads[1:] == EXPECTED[protocol.dropped :]
    assert 500 < len(inbox.messages) < 2_000


async def test_what_is_to_be_acknowledged_is_left_with_the_broker_when_much_waits() -> None:
    inbox = Inbox()
    many = [b"\x32\x0a\x00\x01t%b%05d" % (number.to_bytes(2, "big"), number) for number in range(1, MESSAGES)]
    async with _receiving(inbox, 20_000) as (protocol, sender):
        sender.write(b"".join(many))
        await inbox.wait_for(MESSAGES - 1)
        assert protocol.dropped == 0
    assert inbox.payloads == EXPECTED[1:]


async def test_where_nothing_is_acknowledged_a_flood_is_left_with_the_broker() -> None:
    inbox = Inbox()
    async with _receiving(inbox, 20_000, False) as (protocol, sender):
        sender.write(FLOOD)
        await inbox.wait_for(MESSAGES)
        assert protocol.dropped == 0
    assert inbox.payloads == EXPECTED


async def test_what_waits_on_hold_when_the_connection_ends_is_counted() -> None:
    inbox = Inbox()
    async with _receiving(inbox) as (protocol, _):
        protocol.hold(True)
        protocol.data_received(FLOOD)
        assert protocol.dropped == 0
    assert protocol.dropped == MESSAGES


async def test_what_was_read_but_not_delivered_waits_while_it_is_held() -> None:
    inbox = Inbox()
    turns = _Turns()
    async with _receiving(inbox) as (protocol, sender):
        sender.write(FLOOD)
        await inbox.wait_for(1)
        protocol.hold(True)
        held = len(inbox.messages)
        await turns.pass_by(50)
        assert len(inbox.messages) == held < MESSAGES
        protocol.hold(False)
        await inbox.wait_for(MESSAGES)
    turns.stop()
    assert inbox.payloads == EXPECTED


async def test_who_is_told_to_hold_while_it_delivers_reads_no_more() -> None:
    turns = _Turns()

    class _HoldingInbox(Inbox):
        protocol: FastProtocol

        def __call__(self, *message: object) -> None:
            super().__call__(*message)  # type: ignore[arg-type]
            if len(self.messages) == PACKETS_A_TURN + 10:
                self.protocol.hold(True)

    inbox = _HoldingInbox()
    async with _receiving(inbox) as (protocol, sender):
        inbox.protocol = protocol
        sender.write(FLOOD)
        await inbox.wait_for(PACKETS_A_TURN + 10)
        held = len(inbox.messages)
        await turns.pass_by(50)
        assert len(inbox.messages) == held <= PACKETS_A_TURN + RUN
        protocol.hold(False)
        await inbox.wait_for(MESSAGES)
    turns.stop()
    assert inbox.payloads == EXPECTED


async def test_a_length_that_is_not_whole_yet_waits_for_more() -> None:
    inbox = Inbox()
    packet = b"\x30\x83\x80\x01\x00\x01u" + b"z" * 16_384
    async with _receiving(inbox) as (_, sender):
        # The first packet says that the beginning of the second has arrived with it.
        sender.write(b"\x30\x03\x00\x01t" + packet[:3])
        await inbox.wait_for(1)
        sender.write(packet[3:])
        await inbox.wait_for(2)
    assert inbox.payloads == [b"", b"z" * 16_384]
