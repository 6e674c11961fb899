"""Socket.IO: connections, signing in, and the way of events to the conversation."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import socketio
from socketio.exceptions import ConnectionRefusedError as Refused

from andon.kit.errors import AndonError
from andon.realtime.clients import Client
from andon.realtime.conversation import Conversation
from andon.realtime.messages import error_body
from andon.realtime.requests import token_in
from andon.realtime.service import RealtimeService
from andon.realtime.sockets import EngineSocket, close

_NAMESPACE = "/"
_RESERVED = {"connect", "disconnect"}


class _Server(socketio.AsyncServer):  # type: ignore[misc]  # the library has no types
    """Two doors that the library leaves open: events with reserved names, and connections that never sign in."""

    max_connections = 0
    sign_in_timeout_s = 0.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._closing: set[asyncio.Task[None]] = set()

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        """A client must not be able to call the handlers of connecting and disconnecting."""
        if isinstance(data, list) and data and isinstance(data[0], str) and data[0] not in _RESERVED:
            await super()._handle_event(eio_sid, namespace, id, data)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> Any:
        if len(self.eio.sockets) > self.max_connections:
            return "there are too many connections; try again later"
        asyncio.get_running_loop().call_later(self.sign_in_timeout_s, self._expect_sign_in, eio_sid)
        return await super()._handle_eio_connect(eio_sid, environ)

    def _expect_sign_in(self, eio_sid: str) -> None:
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and self.manager.sid_from_eio_sid(eio_sid, _NAMESPACE) is None:
            self._closing.add(task := asyncio.create_task(close(socket)))
            task.add_done_callback(self._closing.discard)


class SocketIoServer:
    """An ASGI application for `/socket.io`. Mount it outside of middleware that wraps `send`, see `sockets.abort`."""

    def __init__(self, service: RealtimeService) -> None:
        settings = service.settings
        self._service = service
        self._conversation = Conversation(service)
        self._server = _Server(
            async_mode="asgi",
            # One event after the other: order is kept, and a client that floods waits for itself.
            async_handlers=False,
            max_http_buffer_size=settings.max_message_bytes,
            cors_allowed_origins=lambda origin, environ: _may_call(origin, environ, settings.allowed_origins),
        )
        self._server.max_connections = settings.max_clients
        self._server.sign_in_timeout_s = settings.sign_in_timeout_s
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        self._server.on("*", self._event)
        self._upgrades: dict[str, Any] = {}
        self._outlets: dict[str, EngineSocket] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one HTTP request or WebSocket."""
        sid = _engine_sid(scope) if scope["type"] == "websocket" else None
        if sid is None:
            await self._server.handle_request(scope, receive, send)
            return
        self._upgrades[sid] = send
        try:
            await self._server.handle_request(scope, receive, send)
        finally:
            del self._upgrades[sid]

    async def stop(self) -> None:
        """End the library's own tasks; call it after the service has ended the connections."""
        await self._server.shutdown()

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        token = token_in(auth)
        try:
            principal = self._service.authorise(token)
        except AndonError as error:
            raise Refused(error.message, error_body(error)) from error
        engine_sid = self._server.manager.eio_sid_from_sid(sid, _NAMESPACE)
        socket = self._server.eio.sockets.get(engine_sid)
        if socket is None:
            raise Refused("the connection is closed")
        direct = environ["asgi.send"] if environ["asgi.scope"]["type"] == "websocket" else None
        outlet = self._outlets[sid] = EngineSocket(
            socket,
            disconnect=lambda: self._server.disconnect(sid),
            asgi_send=lambda: direct or self._upgrades.get(engine_sid),
        )
        client = Client(sid, "socketio", principal, token or "", outlet)
        self._service.join(client)
        # The library confirms the connection when this returns; what comes before that confuses clients.
        asyncio.get_running_loop().call_soon(self._conversation.welcome, client)

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        client = self._service.fanout.clients.get(sid)
        if client is not None:
            self._service.leave(client)
            self._outlets.pop(sid).release()

    async def _event(self, event: str, sid: str, *arguments: Any) -> Any:
        client = self._service.fanout.clients.get(sid)
        if client is None or client.ended:
            return None
        return await self._conversation.handle(client, event, arguments[0] if arguments else None)


def _engine_sid(scope: Any) -> str | None:
    """The session that a WebSocket belongs to when it takes over from polling."""
    values = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("sid")
    return values[0] if values else None


def _may_call(origin: str, environ: dict[str, Any], allowed: tuple[str, ...]) -> bool:
    """Pages of this host, whichever scheme a proxy speaks in front of it, and of the origins that are allowed."""
    hosts = {environ.get("HTTP_HOST"), environ.get("HTTP_X_FORWARDED_HOST")}
    return origin in allowed or "*" in allowed or urlsplit(origin).netloc in hosts
