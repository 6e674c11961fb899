"""A network between a client and an engine that can be cut, frozen, and healed: a TCP proxy on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from andon.engines.broker.ports import free_port
from support.servers.base import LOOPBACK

_CHUNK = 1 << 16
_RESET = struct.pack("ii", 1, 0)


class Link:
    """Forwards `port` to `target`. Use it as a context manager; call it from any one thread.

    `cut` resets every connection and refuses new ones. `freeze` lets nothing through, in either direction, and tells
    nobody. `heal` ends both. `forget` leaves the connections that are there frozen for good and lets new ones through,
    as a firewall does that has lost its table.
    """

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self.port = free_port()
        self.connections = 0
        """How many were ever made."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: set[_Connection] = set()

    def cut(self) -> None:
        """Reset all connections; refuse new ones until `heal`."""
        self._do(self._cut())

    def freeze(self) -> None:
        """Let nothing through until `heal`."""
        self._do(self._freeze())

    def forget(self) -> None:
        """End `freeze`, but not for the connections that were frozen."""
        self._do(self._forget())

    def heal(self) -> None:
        """Everything goes through again."""
        self._do(self._heal())

    def __enter__(self) -> Link:
        self._thread.start()
        self.heal()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _heal(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port, reuse_address=True)
        self._flowing.set()

    async def _freeze(self) -> None:
        self._flowing.clear()

    async def _forget(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in self._open:
            connection.reset()
        await asyncio.gather(*(connection.task for connection in self._open), return_exceptions=True)
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = _Connection(self._flowing, writer)
        connection.task = asyncio.create_task(connection.run(reader, self.target))
        self._open.add(connection)
        connection.task.add_done_callback(lambda _: self._open.discard(connection))


class _Connection:
    """One client and its connection to the target."""

    task: asyncio.Task[None]

    def __init__(self, flowing: asyncio.Event, client: asyncio.StreamWriter) -> None:
        self._flowing = flowing
        self._writers = [client]

    async def run(self, reader: asyncio.StreamReader, port: int) -> None:
        """Forward until one side ends."""
        try:
            await self._flowing.wait()
            back, target = await asyncio.open_connection(LOOPBACK, port)
            self._writers.append(target)
            ways = ((reader, target), (back, self._writers[0]))
            pumps = [asyncio.create_task(self._pump(*way)) for way in ways]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            return  # nobody listens there: the client's connection ends too
        finally:
            for writer in self._writers:
                writer.transport.abort()

    def reset(self) -> None:
        """End both sides at once, with a reset."""
        for writer in self._writers:
            sock: socket.socket = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.task.cancel()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        await self._flowing.wait()  # that one side has ended is not heard through ice either
