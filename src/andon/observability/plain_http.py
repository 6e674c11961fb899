"""A few small pages over HTTP, for processes that have no web framework: health and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

_MAX_REQUEST_BYTES = 8_192
_REQUEST_S = 5.0
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a page says."""

    content: bytes
    media_type: str = "application/json"
    status: int = 200

    @classmethod
    def json(cls, body: Mapping[str, Any], status: int = 200) -> Answer:
        """A JSON object."""
        return cls(msgspec.json.encode(body), status=status)


Page = Callable[[], Awaitable[Answer]]


@asynccontextmanager
async def plain_pages(host: str, port: int, pages: Mapping[str, Page]) -> AsyncIterator[int]:
    """Serve pages by their paths while the context lasts; yields the port. OSError when it cannot be had."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(_response(await _answer(await _request_line(reader), pages)))
            async with asyncio.timeout(_REQUEST_S):
                await writer.drain()
        except (OSError, TimeoutError):
            return  # the caller went away: there is nobody left to tell
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port, limit=_MAX_REQUEST_BYTES)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _request_line(reader: asyncio.StreamReader) -> bytes:
    """The first line of a whole request head; empty when it is none."""
    try:
        async with asyncio.timeout(_REQUEST_S):
            head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""
    return head.split(b"\r\n", 1)[0]


async def _answer(line: bytes, pages: Mapping[str, Page]) -> Answer:
    parts = line.split(b" ")
    if len(parts) != 3:
        return Answer.json({"error": "this is not an HTTP request"}, 400)
    method, path, _ = parts
    page = pages.get(path.split(b"?", 1)[0].decode("latin-1"))
    if page is None:
        return Answer.json({"error": f"only {' and '.join(pages)} are here"}, 404)
    if method not in (b"GET", b"HEAD"):
        return Answer.json({"error": "only GET is possible"}, 405)
    return await page()


def _response(answer: Answer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} {_REASONS[answer.status]}\r\nContent-Type: {answer.media_type}\r\n"
        f"Content-Length: {len(answer.content)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + answer.content
