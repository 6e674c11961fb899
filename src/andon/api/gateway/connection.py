"""One HTTP/1.1 connection to another process of Andon: a request out, the answer in, both as streams."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

import httptools

from andon.kit.errors import UnavailableError

Headers = list[tuple[bytes, bytes]]

_READ_BYTES = 64 << 10
_BODYLESS = (204, 304)


class BrokenError(UnavailableError):
    """The connection ended before the answer was complete."""


class _Parsed:
    """What httptools tells, until somebody takes it."""

    def __init__(self) -> None:
        self.headers: Headers = []
        self.chunks: list[bytes] = []
        self.head_done = self.done = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.head_done = True

    def on_body(self, body: bytes) -> None:
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        self.done = True


class Connection:
    """Serves one request after another; `reusable` says whether another one may follow."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parsed = _Parsed()
        self._parser = httptools.HttpResponseParser(self._parsed)
        self._headless = False
        self.status = 0
        self.reusable = False

    @classmethod
    async def open(cls, url: str, timeout_s: float) -> Connection:
        """Connect to `http://host:port`. UnavailableError when nobody listens there."""
        parts = urlsplit(url)
        try:
            async with asyncio.timeout(timeout_s):
                return cls(*await asyncio.open_connection(parts.hostname, parts.port))
        except (OSError, TimeoutError) as error:
            raise UnavailableError(f"{url} cannot be reached: {error or 'no answer'}") from error

    async def send_head(self, method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Begin a request. BrokenError when the connection is gone."""
        self._parsed = _Parsed()
        self._parser = httptools.HttpResponseParser(self._parsed)
        self._headless = method == "HEAD"
        self.reusable = False
        lines = [b"%b %b HTTP/1.1" % (method.encode(), target), *(b"%b: %b" % pair for pair in headers), b"", b""]
        await self.send(b"\r\n".join(lines))

    async def send(self, data: bytes) -> None:
        """A part of the request; waits while the other side does not take it."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise BrokenError(f"the connection broke: {error}") from error

    async def head(self, timeout_s: float) -> tuple[int, Headers]:
        """Status and headers of the answer. BrokenError when there is none, also when it takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._parsed.head_done or self._parser.get_status_code() < 200:
                    if self._parsed.done:  # an interim answer
                        self._parsed.headers, self._parsed.head_done, self._parsed.done = [], False, False
                    await self._read()
        except TimeoutError as error:
            raise BrokenError(f"no answer within {timeout_s:g} s") from error
        self.status = self._parser.get_status_code()
        return self.status, self._parsed.headers

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body as it comes; read no faster than it is taken. BrokenError when it ends too early."""
        bodyless = self._headless or self.status in _BODYLESS
        while True:
            chunks, self._parsed.chunks = self._parsed.chunks, []
            for chunk in chunks:
                yield chunk
            if self._parsed.done or bodyless:
                break
            await self._read()
        self.reusable = self._parsed.done and self._parser.should_keep_alive()

    def close(self) -> None:
        """End it at once; what the other side still sends is not wanted."""
        with contextlib.suppress(OSError):
            self._writer.transport.abort()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(_READ_BYTES)
        except OSError as error:
            raise BrokenError(f"the connection broke: {error}") from error
        try:
            if data:
                self._parser.feed_data(data)
            elif self._until_close():
                self._parsed.done = True
            else:
                raise BrokenError("the connection ended in the middle of an answer")
        except httptools.HttpParserError as error:
            raise BrokenError(f"the answer is not HTTP: {error}") from error

    def _until_close(self) -> bool:
        """Whether the end of the connection is the end of the body, as without a length."""
        names = {name for name, _ in self._parsed.headers}
        return self._parsed.head_done and not names & {b"content-length", b"transfer-encoding"}
