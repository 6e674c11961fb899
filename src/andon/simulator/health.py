"""`GET /health`: one small answer, without a web framework in the simulator's process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from andon.kit.errors import StartError

_MAX_REQUEST_BYTES = 8_192
_REQUEST_S = 5.0
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


@asynccontextmanager
async def health_endpoint(host: str, port: int, report: Callable[[], Mapping[str, Any]]) -> AsyncIterator[int]:
    """Serve `report()` as JSON while the context lasts; yields the port. StartError when it cannot be had."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            status, body = _respond(await _request_line(reader), report)
            writer.write(_response(status, body))
            await asyncio.wait_for(writer.drain(), _REQUEST_S)
        except (OSError, TimeoutError):
            return  # the caller went away: there is nobody left to tell
        finally:
            writer.close()

    try:
        server = await asyncio.start_server(answer, host, port, limit=_MAX_REQUEST_BYTES)
    except OSError as error:
        raise StartError(
            f"the health endpoint cannot listen on {host}:{port}: {error.strerror}",
            field="health_port",
            cure="end what uses the port, or set another health_port (ANDON_SIM_HEALTH_PORT; 0 switches it off)",
        ) from error
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


async def _request_line(reader: asyncio.StreamReader) -> bytes:
    """The first line of a whole request head; empty when it is none."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _REQUEST_S)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return b""
    return head.split(b"\r\n", 1)[0]


def _respond(line: bytes, report: Callable[[], Mapping[str, Any]]) -> tuple[int, Mapping[str, Any]]:
    parts = line.split(b" ")
    if len(parts) != 3:
        return 400, {"error": "this is not an HTTP request"}
    method, path, _ = parts
    if path.split(b"?", 1)[0] != b"/health":
        return 404, {"error": "only /health is here"}
    if method not in (b"GET", b"HEAD"):
        return 405, {"error": "only GET is possible"}
    return 200, report()


def _response(status: int, body: Mapping[str, Any]) -> bytes:
    content = msgspec.json.encode(body)
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content
