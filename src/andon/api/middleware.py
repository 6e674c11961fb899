"""What every HTTP request passes: an id, security headers, a size limit, a rate limit, and a measurement."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from secrets import token_hex

import msgspec
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from andon.api.errors import error_body

REQUESTS = Counter("andon_http_requests_total", "HTTP requests answered", ["method", "status"])
DURATION = Histogram(
    "andon_http_request_seconds",
    "Time to answer an HTTP request",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)

SECURITY_HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"1; mode=block"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        b"connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'; form-action 'self'",
    ),
)


_REQUEST_ID = re.compile(rb"req-[0-9a-f]{16}")


class RateWindow:
    """Requests a minute for each address; remembers at most `max_clients` addresses, the least recent go first."""

    def __init__(self, per_minute: int, max_clients: int = 10_000) -> None:
        self.per_minute = per_minute
        self._max_clients = max_clients
        self._windows: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def take(self, client: str, now_s: float) -> int:
        """Count one request; what is left in this minute, below 0 when the limit is passed."""
        minute = int(now_s // 60)
        window, used = self._windows.get(client, (minute, 0))
        used = used + 1 if window == minute else 1
        self._windows[client] = (minute, used)
        self._windows.move_to_end(client)
        if len(self._windows) > self._max_clients:
            self._windows.popitem(last=False)
        return self.per_minute - used


@dataclass(slots=True)
class RequestStats:
    """Counts since start, for the health body."""

    requests: int = 0
    errors: int = 0
    minute: int = 0
    this_minute: int = 0
    last_minute: int = 0

    def count(self, status: int, now_s: float) -> None:
        """Add one answered request."""
        minute = int(now_s // 60)
        if minute != self.minute:
            self.last_minute = self.this_minute if minute == self.minute + 1 else 0
            self.minute, self.this_minute = minute, 0
        self.this_minute += 1
        self.requests += 1
        self.errors += status >= 500

    def error_rate(self) -> float:
        """Share of requests that failed here (5xx); 0 when there were none."""
        return self.errors / self.requests if self.requests else 0.0


class RequestMiddleware:
    """Pure ASGI: it costs a few microseconds and does not touch streaming bodies."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        stats: RequestStats,
        rate: RateWindow,
        max_request_bytes: int,
        take_ids: bool = False,
    ) -> None:
        """`take_ids`: a request that brings an id keeps it, for it was given by another process of Andon."""
        self.app = app
        self.stats = stats
        self.rate = rate
        self.max_request_bytes = max_request_bytes
        self.take_ids = take_ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = (_brought_id(scope) if self.take_ids else "") or f"req-{token_hex(8)}"
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, self.rate)
        started = time.perf_counter()
        try:
            await self._guarded(scope, receive, answer)
        finally:
            DURATION.observe(time.perf_counter() - started)
            REQUESTS.labels(scope["method"], str(answer.status)).inc()
            self.stats.count(answer.status, time.time())

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        if self.rate.per_minute:
            client = scope["client"][0] if scope.get("client") else "unknown"
            answer.remaining = self.rate.take(client, time.time())
            if answer.remaining < 0:
                message = f"More than {self.rate.per_minute} requests in this minute; wait for the next"
                await answer.refuse(scope, 429, message)
                return
        if _content_length(scope) > self.max_request_bytes:
            message = f"The request body is over {self.max_request_bytes} bytes (setting max_request_bytes)"
            await answer.refuse(scope, 413, message)
            return
        await self.app(scope, _limited(receive, self.max_request_bytes), answer.send)


class _Answer:
    """Adds the headers to the response and remembers its status."""

    def __init__(self, send: Send, request_id: str, rate: RateWindow) -> None:
        self._send = send
        self._request_id = request_id
        self._limit = rate.per_minute
        self.remaining: int | None = None
        self.status = 500

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS, *self._own_headers()]
        await self._send(message)

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(b"x-request-id", self._request_id.encode())]
        if self.remaining is not None:
            headers.append((b"x-ratelimit-limit", str(self._limit).encode()))
            headers.append((b"x-ratelimit-remaining", str(max(0, self.remaining)).encode()))
        return headers

    async def refuse(self, scope: Scope, status: int, message: str) -> None:
        body = msgspec.json.encode(error_body(scope["path"], self._request_id, status, message))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if status == 429:
            headers.append((b"retry-after", str(60 - int(time.time() % 60)).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _brought_id(scope: Scope) -> str:
    found = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return found.decode() if _REQUEST_ID.fullmatch(found) else ""


def _content_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


def _limited(receive: Receive, limit: int) -> Receive:
    """A body without a declared length is cut off at the limit as if the client had gone."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                return {"type": "http.disconnect"}
        return message

    return counted
