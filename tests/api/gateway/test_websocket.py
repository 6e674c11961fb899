"""WebSockets handed over to another process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets
from starlette.types import Receive, Scope, Send

from andon.engines.broker.ports import free_port
from api.gateway.servers import Front, served

WITHIN_S = 20


class Echo:
    """Sends back what comes; `closed` hears how it ended."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.closed: asyncio.Queue[int] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await receive()
        if scope["path"] == "/forbidden":
            await send({"type": "websocket.close", "code": 1008})
            return
        chosen = next(iter(scope["subprotocols"]), None)
        await send({"type": "websocket.accept", "subprotocol": chosen})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                await self.closed.put(message["code"])
                return
            if message.get("text") == "bye":
                await send({"type": "websocket.close", "code": 4002, "reason": "as you wish"})
                return
            kind = "text" if message.get("text") is not None else "bytes"
            await send({"type": "websocket.send", kind: message[kind]})


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    made = Front()
    yield made
    made.upstream.close()


@pytest.fixture
async def door(front: Front, echo: Echo) -> AsyncIterator[str]:
    """The front door's address for WebSockets."""
    async with served(echo) as url, served(front.app()) as opened:
        front.urls.append(url)
        yield opened.replace("http", "ws")


def connect(url: str, **options: Any) -> Any:
    return websockets.connect(url, open_timeout=WITHIN_S, **options)


async def test_frames_go_both_ways(door: str) -> None:
    async with connect(f"{door}/ws") as socket:
        for message in ("text", b"bytes", "", "x" * 500_000):
            await socket.send(message)
            assert await asyncio.wait_for(socket.recv(), WITHIN_S) == message


async def test_query_headers_and_subprotocol_arrive(door: str, echo: Echo) -> None:
    options: dict[str, Any] = {"additional_headers": {"authorization": "Bearer t"}, "subprotocols": ["andon.1"]}
    async with connect(f"{door}/ws?token=a%20b", **options) as socket:
        assert socket.subprotocol == "andon.1"
    (scope,) = echo.scopes
    headers = dict(scope["headers"])
    assert (scope["path"], scope["query_string"]) == ("/ws", b"token=a%20b")
    assert headers[b"authorization"] == b"Bearer t" and headers[b"x-forwarded-for"] == b"127.0.0.1"
    assert headers[b"host"] == door.removeprefix("ws://").encode()


async def test_the_end_of_one_is_the_end_of_the_other(door: str, echo: Echo) -> None:
    async with connect(f"{door}/ws") as socket:
        await socket.close(4001, "enough")
    assert await asyncio.wait_for(echo.closed.get(), WITHIN_S) == 4001
    async with connect(f"{door}/ws") as socket:
        await socket.send("bye")
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), WITHIN_S)
        assert (socket.close_code, socket.close_reason) == (4002, "as you wish")


async def test_a_client_that_vanishes_ends_it_too(door: str, echo: Echo) -> None:
    async with connect(f"{door}/ws") as socket:
        socket.transport.abort()
    assert await asyncio.wait_for(echo.closed.get(), WITHIN_S) in (1001, 1005, 1006)


async def test_a_refusal_keeps_its_status(door: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(f"{door}/forbidden"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_process_that_dies_tells_clients_to_come_again(front: Front) -> None:
    async with served(front.app()) as door:
        async with served(Echo()) as url:
            front.urls[:] = [url]
            socket = await connect(door.replace("http", "ws") + "/ws")
        with pytest.raises(websockets.ConnectionClosed):
            await asyncio.wait_for(socket.recv(), WITHIN_S)
        assert socket.close_code in (1012, 1013)


async def test_without_a_process_it_is_refused(front: Front) -> None:
    async with served(front.app()) as door:
        for urls in ([], [f"http://127.0.0.1:{free_port()}"]):
            front.urls[:] = urls
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with connect(door.replace("http", "ws") + "/ws"):
                    pass
            assert refused.value.response.status_code == 503
