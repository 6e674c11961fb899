"""The sockets under Socket.IO: how full they are, how to fill them, how to end one that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from engineio.packet import NOOP, Packet

from andon.realtime import messages
from andon.realtime.packets import socketio_event

GRACE_S = 2.0
"""How long a client has to take the last messages before its connection is cut."""


def abort(asgi_send: Any) -> None:
    """Cut the connection behind an ASGI `send`. A peer that reads nothing would hold a polite close for ever.

    ASGI has no word for it: uvicorn's `send` is a method of the protocol that has the transport. Behind a
    middleware that wraps `send` nothing happens, and the connection goes when TCP gives it up.
    """
    transport = getattr(getattr(asgi_send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()


class EngineSocket:
    """The outlet of a Socket.IO client: python-engineio's own queue, filled without a task per message.

    `AsyncServer.emit` makes a task for each recipient, and `AsyncSocket.send` checks a timeout that the server's
    monitor checks anyway. Putting the packet into the socket's queue is what both come down to.
    """

    def __init__(self, socket: Any, disconnect: Callable[[], Any], asgi_send: Callable[[], Any]) -> None:
        self._socket = socket
        self._disconnect = disconnect
        self._asgi_send = asgi_send
        self._ending: asyncio.Task[None] | None = None

    def backlog(self) -> int:
        """Packets that the socket's writer has not taken."""
        return int(self._socket.queue.qsize())

    def send(self, messages: Sequence[Any]) -> None:
        """Queue packets, unless the socket is closed."""
        if not self._socket.closed:
            for packet in messages:
                self._socket.queue.put_nowait(packet)

    async def drained(self) -> None:
        """Until the writer has taken all packets; it takes more only when the network took the last ones."""
        if not self._socket.closed:
            await self._socket.queue.join()

    def end(self, code: str, message: str, cure: str) -> None:
        """An `error` event, Socket.IO's DISCONNECT, and the end of the connection; after the grace it is cut."""
        self.send([socketio_event("error", messages.encode(messages.notice(code, message, cure)))])
        self._ending = asyncio.create_task(self._end())
        asyncio.get_running_loop().call_later(GRACE_S, lambda: abort(self._asgi_send()))

    def release(self) -> None:
        """The client has left: let a request that polls for packets go instead of waiting for its timeout."""
        if not self._socket.upgraded:
            self._socket.queue.put_nowait(Packet(NOOP))

    async def _end(self) -> None:
        await self._disconnect()
        await close(self._socket)


async def close(socket: Any) -> None:
    """Close an Engine.IO socket once what is queued has been sent, without waiting for the other side to do it."""
    await socket.close(wait=False)
    socket.queue.put_nowait(None)  # ends the socket's writer, which then closes the WebSocket
