"""A flood on one connection leaves room for everything else that the loop has to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from andon.engines.broker.mqtt_protocol import PACKETS_A_TURN, FastProtocol

from .conftest import Inbox

MESSAGES = 20_000


class _Connection:
    _last_data_in = 0.0


class _State:
    protocol_version = 4


def _packets() -> bytes:
    return b"".join(b"\x30\x08\x00\x01t%05d" % number for number in range(MESSAGES))


@asynccontextmanager
async def _flooded(inbox: Inbox) -> AsyncIterator[FastProtocol]:
    """A protocol on a socket whose other side sends everything at once."""

    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_packets())
        await writer.drain()

    def make() -> FastProtocol:
        protocol = FastProtocol(on_message=inbox, connection_state=_State(), id_generator=None)
        protocol.set_connection(_Connection())
        return protocol

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    transport, protocol = await asyncio.get_running_loop().create_connection(make, *server.sockets[0].getsockname())
    try:
        yield protocol
    finally:
        transport.abort()
        server.close()


async def test_a_turn_of_the_loop_delivers_no_more_than_its_share_of_a_flood() -> None:
    inbox = Inbox()
    most = before = 0
    async with _flooded(inbox), asyncio.timeout(20):
        while len(inbox.messages) < MESSAGES:
            await asyncio.sleep(0)
            most, before = max(most, len(inbox.messages) - before), len(inbox.messages)
    assert most <= PACKETS_A_TURN
    assert inbox.payloads == [b"%05d" % number for number in range(MESSAGES)]


async def test_what_was_read_but_not_delivered_waits_while_it_is_held() -> None:
    inbox = Inbox()
    async with _flooded(inbox) as protocol, asyncio.timeout(20):
        while not inbox.messages:
            await asyncio.sleep(0)
        protocol.hold(True)
        held = len(inbox.messages)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(inbox.messages) == held < MESSAGES
        protocol.hold(False)
        while len(inbox.messages) < MESSAGES:
            await asyncio.sleep(0)
    assert inbox.payloads == [b"%05d" % number for number in range(MESSAGES)]


async def test_a_length_that_is_not_whole_yet_waits_for_more() -> None:
    inbox = Inbox()
    packet = b"\x30\x83\x80\x01\x00\x01u" + b"z" * 16_384
    server_side: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server_side.put(writer)

    def make() -> FastProtocol:
        protocol = FastProtocol(on_message=inbox, connection_state=_State(), id_generator=None)
        protocol.set_connection(_Connection())
        return protocol

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    transport, protocol = await asyncio.get_running_loop().create_connection(make, *server.sockets[0].getsockname())
    writer = await server_side.get()
    async with asyncio.timeout(20):
        writer.write(packet[:3])
        while protocol._held < 3:
            await asyncio.sleep(0)
        writer.write(packet[3:])
        while not inbox.messages:
            await asyncio.sleep(0)
    assert inbox.payloads == [b"z" * 16_384]
    transport.abort()
    server.close()
