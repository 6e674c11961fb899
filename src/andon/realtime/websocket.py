"""The plain WebSocket `/ws`: JSON messages, MQTT-style topic filters."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

import msgspec

from andon.kit.clock import now_us, to_iso
from andon.kit.errors import AndonError, InvalidError, TooLargeError, UnauthenticatedError, UnavailableError
from andon.kit.ids import new_id
from andon.realtime import messages
from andon.realtime.clients import Client
from andon.realtime.requests import token_in
from andon.realtime.service import RealtimeService
from andon.realtime.sockets import GRACE_S, abort
from andon.realtime.subscriptions import Selection, check_filter

logger = logging.getLogger(__name__)

SIGN_IN = 'send {"action": "auth", "token": "<accessToken>"} first, or connect to /ws?token=<accessToken>'
_ACTIONS = ("auth", "subscribe", "unsubscribe", "ping")
_CLOSE_CODES = {"unauthenticated": 4401, "expired": 4401, "forbidden": 4403, "too_slow": 1013, "shutdown": 1012}
_MAX_REASON_BYTES = 123  # RFC 6455, section 5.5


class WebSocketServer:
    """An ASGI application for `/ws`. Mount it outside of middleware that wraps `send`, see `sockets.abort`."""

    def __init__(self, service: RealtimeService) -> None:
        self._service = service
        self._open = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one WebSocket from its handshake to its end."""
        if scope["type"] != "websocket":
            await _upgrade_required(send)
            return
        token = _token_in_handshake(scope)
        # The web server logs the path with its query: a token does not belong there.
        scope["query_string"] = b""
        await receive()  # websocket.connect
        if self._open >= self._service.settings.max_clients:
            await send({"type": "websocket.close", "code": 1013, "reason": "too many connections"})
            return
        self._open += 1
        try:
            await send({"type": "websocket.accept"})
            await _Connection(self._service, receive, send).run(token)
        except OSError:
            logger.debug("a WebSocket was lost")
        finally:
            self._open -= 1


class _Connection:
    """One WebSocket; also the outlet of its client."""

    def __init__(self, service: RealtimeService, receive: Any, send: Any) -> None:
        self._service = service
        self._receive = receive
        self._asgi_send = send
        self._queue: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue()
        self._client: Client | None = None
        self._decode = msgspec.json.Decoder(dict[str, Any]).decode

    async def run(self, token: str | None) -> None:
        writer = asyncio.create_task(self._write())
        deadline = asyncio.get_running_loop().call_later(self._service.settings.sign_in_timeout_s, self._expect_sign_in)
        try:
            if token is not None:
                self._try_sign_in(token)
            await self._read()
        finally:
            deadline.cancel()
            writer.cancel()
            if self._client is not None:
                self._service.leave(self._client)
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    def backlog(self) -> int:
        return self._queue.qsize()

    def send(self, messages: Sequence[Any]) -> None:
        for message in messages:
            self._queue.put_nowait(message)

    async def drained(self) -> None:
        await self._queue.join()

    def end(self, code: str, message: str, cure: str) -> None:
        self._tell({"event": "error", **messages.notice(code, message, cure)})
        reason = message.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
        self._queue.put_nowait((_CLOSE_CODES.get(code, 1008), reason))
        asyncio.get_running_loop().call_later(GRACE_S, abort, self._asgi_send)

    async def _write(self) -> None:
        while True:
            message = await self._queue.get()
            try:
                if isinstance(message, str):
                    await self._asgi_send({"type": "websocket.send", "text": message})
                else:
                    await self._asgi_send({"type": "websocket.close", "code": message[0], "reason": message[1]})
                    return
            except OSError:
                return  # the reader learns of it too, and ends the connection
            finally:
                self._queue.task_done()

    async def _read(self) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            data = event.get("text") or event.get("bytes") or ""
            try:
                self._handle(data)
            except AndonError as error:
                self._tell({"event": "error", **messages.error_body(error)})

    def _handle(self, data: str | bytes) -> None:
        message = self._parse(data)
        action = message.get("action")
        if action == "auth":
            self._sign_in(token_in(message))
        elif action == "ping":
            self._tell({"event": "pong", "timestamp": to_iso(now_us())})
        elif action in ("subscribe", "unsubscribe"):
            self._change(str(action), check_filter(message.get("topic")))
        else:
            cure = f"use one of {', '.join(_ACTIONS)}"
            raise InvalidError(f"there is no action {str(action)[:60]!r}", field="action", cure=cure)
        if "id" in message:
            self._tell({"event": "done", "id": message["id"]})

    def _parse(self, data: str | bytes) -> dict[str, Any]:
        most = self._service.settings.max_message_bytes
        if len(data) > most:
            raise TooLargeError(f"a message may have {most} bytes", cure="send less at once")
        try:
            return self._decode(data)
        except msgspec.DecodeError as error:
            cure = 'send a JSON object such as {"action": "subscribe", "topic": "factory/device/+/temperature"}'
            raise InvalidError(f"this is not a JSON object: {error}", cure=cure) from error

    def _change(self, action: str, topic: str) -> None:
        client = self._client
        if client is None:
            raise UnauthenticatedError("nobody is signed in", field="token", cure=SIGN_IN)
        fanout = self._service.fanout
        feed = client.feeds.get("topic")
        selection = feed.audience.selection if feed else Selection("topic", client.organisation_id)
        if action == "unsubscribe":
            fanout.watch(client, replace(selection, filters=selection.filters - {topic}))
            return
        most = self._service.settings.max_filters
        if len(selection.filters | {topic}) > most:
            cure = "use wider filters, with + or #"
            raise UnavailableError(f"one connection may have {most} topic filters", field="topic", cure=cure)
        feed = fanout.watch(client, replace(selection, filters=selection.filters | {topic}))
        if feed is not None:
            fanout.show(feed, replace(selection, filters=frozenset({topic})).tags(self._service.directory))

    def _try_sign_in(self, token: str) -> None:
        """A bad token in the address ends the connection: there is nobody who could send a better one."""
        try:
            self._sign_in(token)
        except AndonError as error:
            code = str(messages.error_body(error)["code"])
            self.end(code, error.message, error.cure or SIGN_IN)

    def _sign_in(self, token: str | None) -> None:
        if self._client is not None:
            self._service.authorise_again(self._client, token)
        else:
            principal = self._service.authorise(token)
            self._client = Client(new_id(), "websocket", principal, token or "", self)
            self._service.join(self._client)

    def _expect_sign_in(self) -> None:
        if self._client is None:
            self.end("unauthenticated", "nobody has signed in in time", SIGN_IN)

    def _tell(self, body: dict[str, Any]) -> None:
        self._queue.put_nowait(messages.encode(body).decode())


def _token_in_handshake(scope: Any) -> str | None:
    """The token in `?token=` or in an Authorization header; None when there is none."""
    values = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token")
    headers = dict(scope.get("headers", []))
    given = values[0] if values else headers.get(b"authorization", b"").decode("latin-1")
    return token_in({"token": given})


async def _upgrade_required(send: Any) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"upgrade", b"websocket")]
    await send({"type": "http.response.start", "status": 426, "headers": headers})
    await send({"type": "http.response.body", "body": b"connect to /ws as a WebSocket\n"})
