"""Hands a WebSocket over to another process: frames go both ways as they come, and the end of one is that of both."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import websockets
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection

from andon.api.gateway.http import Forwarder, request_headers, target

logger = logging.getLogger(__name__)

_HANDSHAKE = (
    *(b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions", b"sec-websocket-protocol"),
    *(b"host", b"content-length"),
)
_INTERNAL_ERROR, _GOING_AWAY, _TRY_AGAIN = 1011, 1001, 1013
_RESERVED = (1005, 1006, 1015)


@dataclass(frozen=True, slots=True)
class WebSocketForwarder:
    """An ASGI application for WebSockets; goes where the HTTP `forwarder` goes."""

    forwarder: Forwarder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Connect, then pass on. Refused with the other side's own status; 1013 when nobody is there."""
        if (await receive())["type"] != "websocket.connect":
            return
        for url in self.forwarder.locate(scope):
            try:
                connection = await self._connect(url, scope)
            except websockets.InvalidStatus as refused:
                await _refuse(scope, send, refused.response.status_code, bytes(refused.response.body or b""))
                return
            except (OSError, TimeoutError, websockets.WebSocketException) as error:
                logger.info("a live connection cannot be handed over", extra={"url": url, "error": str(error)})
                continue
            await self._pass_on(connection, receive, send)
            return
        await _refuse(scope, send, 503, b"no process runs the role " + self.forwarder.role.encode())

    async def _connect(self, url: str, scope: Scope) -> ClientConnection:
        parts = urlsplit(url)
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in request_headers(scope, chunked=False, revision=self.forwarder.revision())
            if name not in _HANDSHAKE
        ]
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), parts.netloc)
        return await websockets.connect(
            f"ws://{host}{target(scope).decode('latin-1')}",
            host=parts.hostname,
            port=parts.port,
            additional_headers=headers,
            subprotocols=scope.get("subprotocols") or None,
            origin=None,
            compression=None,
            max_size=None,
            ping_interval=None,  # both ends ping by themselves
            open_timeout=self.forwarder.upstream.limits.answer_s,
            close_timeout=1,
            user_agent_header=None,
            proxy=None,
        )

    async def _pass_on(self, connection: ClientConnection, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept", "subprotocol": connection.subprotocol})
        inward = asyncio.create_task(_to_backend(connection, receive))
        outward = asyncio.create_task(_to_client(connection, send))
        try:
            await asyncio.wait({inward, outward}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            inward.cancel()
            outward.cancel()
            await asyncio.gather(inward, outward, return_exceptions=True)
            await connection.close()


async def _to_backend(connection: ClientConnection, receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            code = message.get("code", _GOING_AWAY)
            await connection.close(_GOING_AWAY if code in _RESERVED else code)
            return
        text: str | None = message.get("text")
        try:
            await connection.send(text if text is not None else message.get("bytes") or b"")
        except websockets.ConnectionClosed:
            return  # the other direction tells the client


async def _to_client(connection: ClientConnection, send: Send) -> None:
    try:
        async for data in connection:
            kind = "text" if isinstance(data, str) else "bytes"
            await send({"type": "websocket.send", kind: data})
    except websockets.ConnectionClosedError:
        pass  # its code is passed on below
    code: Any = connection.close_code
    # A process that died says nothing: clients are to connect again.
    code = _TRY_AGAIN if code is None or code in _RESERVED else code
    await send({"type": "websocket.close", "code": code, "reason": connection.close_reason or ""})


async def _refuse(scope: Scope, send: Send, status: int, body: bytes) -> None:
    if "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close", "code": _INTERNAL_ERROR})
