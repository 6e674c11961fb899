"""Hands an HTTP request over to another process and its answer back: as streams, of any size."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from andon.api.gateway import metrics
from andon.api.gateway.connection import BrokenError, Connection, Headers
from andon.api.gateway.upstream import Upstream
from andon.api.middleware import SECURITY_HEADERS
from andon.kit.errors import UnavailableError

logger = logging.getLogger(__name__)

Locate = Callable[[Scope], Sequence[str]]
"""URLs of the processes that can answer a request, the preferred one first."""
After = Callable[[], Awaitable[Any]]
"""What must have happened here before the client hears that its change is done."""

REVISION_HEADER = b"x-andon-revision"

_HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
# The front door says these itself.
_OURS = frozenset([name for name, _ in SECURITY_HEADERS]) | {b"x-request-id", b"date", b"server"}
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS", "DELETE")
_LAST_CHUNK = b"0\r\n\r\n"


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Forwarder:
    """An ASGI application: the request goes to where `locate` says; `role` is who is missing when nobody is there.

    `revision`: the registry's revision that this process knows; the other one catches up with it first. `after` is
    awaited when a change was made, before the client hears of it.
    """

    upstream: Upstream
    locate: Locate
    role: str
    revision: Callable[[], int] = lambda: 0
    after: After | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward. UnavailableError when no process answers; nothing has been sent to the client then."""
        body = _Body(scope, receive)
        headers = request_headers(scope, body.chunked, self.revision())
        connection, url = await self._ask(scope, headers, body)
        try:
            await self._answer(scope, connection, body, send)
        except ClientGoneError:
            connection.close()
        except BrokenError:
            self._count("broken")
            connection.close()
            raise
        except BaseException:
            connection.close()
            raise
        else:
            self._count("answered")
            self.upstream.release(url, connection)

    def _count(self, outcome: str) -> None:
        metrics.REQUESTS.labels(self.role, outcome).inc()

    async def _ask(self, scope: Scope, headers: Headers, body: _Body) -> tuple[Connection, str]:
        """A connection with the beginning of the request on it."""
        problem = UnavailableError(
            f"no process runs the role {self.role}",
            cure=f"start one (andon run {self.role}), or wait until it is back",
        )
        for url in self.locate(scope):
            idle = self.upstream.idle(url) if scope["method"] in ("GET", "HEAD") and not body.expected else None
            for known in (idle, None) if idle else (None,):
                try:
                    connection = known or await self.upstream.connect(url)
                    await connection.send_head(scope["method"], target(scope), headers)
                    if not body.expected:
                        await connection.head(self.upstream.limits.answer_s)
                    return connection, url
                except BrokenError as error:
                    if known is None:
                        self._count("passed_over")
                        if scope["method"] not in _WITHOUT_BODY:
                            raise
                    problem = error
                except UnavailableError as error:
                    self._count("passed_over")
                    problem = error
        self._count("nobody")
        raise UnavailableError(problem.message, cure=problem.cure)

    async def _answer(self, scope: Scope, connection: Connection, body: _Body, send: Send) -> None:
        sending = asyncio.create_task(body.pass_on(connection))
        try:
            status, headers = await self._head(connection, sending)
            if self.after is not None and scope["method"] not in ("GET", "HEAD") and status < 400:
                await self.after()
            await send({"type": "http.response.start", "status": status, "headers": response_headers(headers)})
            await self._stream(connection, sending, send)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, ClientGoneError, UnavailableError):
                await sending

    async def _stream(self, connection: Connection, sending: asyncio.Task[None], send: Send) -> None:
        try:
            async for chunk in connection.body():
                if sending.done() and sending.exception() is not None:
                    raise ClientGoneError
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except BrokenError as error:
            # Too late for another status. An answer that just ends tells the client that it is not whole.
            self._count("broken")
            logger.warning("an answer broke off", extra={"role": self.role, "error": error.message})
            raise ClientGoneError from error
        await send({"type": "http.response.body", "body": b""})

    async def _head(self, connection: Connection, sending: asyncio.Task[None]) -> tuple[int, Headers]:
        """The beginning of the answer, which may come before the request is complete."""
        asking = asyncio.create_task(connection.head(self.upstream.limits.answer_s))
        try:
            await asyncio.wait({asking, sending}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done() and sending.exception() is not None:
                await asyncio.wait({asking}, timeout=0.1)  # it may have refused before it read all
                if not asking.done():
                    sending.result()
            return await asking
        finally:
            asking.cancel()


class _Body:
    """The request's body, and afterwards the client's leaving."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        names = {name for name, _ in scope["headers"]}
        self.chunked = b"transfer-encoding" in names
        self.expected = self.chunked or _length(scope) > 0
        self._receive = receive

    async def pass_on(self, connection: Connection) -> None:
        """Send all of it; then wait. ClientGoneError when the client leaves."""
        more = True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            if not more:
                continue
            data = message.get("body", b"")
            if data and self.expected:
                await connection.send(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)
            more = message.get("more_body", False)
            if not more and self.chunked:
                await connection.send(_LAST_CHUNK)


def target(scope: Scope) -> bytes:
    """Path and query as the client wrote them."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return path + b"?" + query if query else path


def request_headers(scope: Scope, chunked: bool, revision: int) -> Headers:
    """The client's headers, and whom we ask for."""
    headers = [(name, value) for name, value in scope["headers"] if name not in _HOP_BY_HOP and name != REVISION_HEADER]
    client = scope["client"][0] if scope.get("client") else "unknown"
    forwarded = [value for name, value in headers if name == b"x-forwarded-for"]
    headers = [(name, value) for name, value in headers if name not in (b"x-forwarded-for", b"x-request-id")]
    headers.append((b"x-forwarded-for", b", ".join([*forwarded, client.encode()])))
    headers.append((REVISION_HEADER, b"%d" % revision))
    request_id = scope.get("state", {}).get("request_id")
    if request_id:
        headers.append((b"x-request-id", request_id.encode()))
    if chunked:
        headers.append((b"transfer-encoding", b"chunked"))
    return headers


def response_headers(headers: Headers) -> Headers:
    """The answer's headers without those of the connection and those that the front door adds itself."""
    return [(name, value) for name, value in headers if name not in _HOP_BY_HOP and name not in _OURS]


def _length(scope: Scope) -> int:
    found = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(found) if found.isdigit() else 0
