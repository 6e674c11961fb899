"""A Socket.IO client that keeps every event it hears."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import socketio


def token_of(client: httpx.Client) -> str:
    """The access token that a signed-in HTTP client uses."""
    return client.headers["authorization"].removeprefix("Bearer ")


class Listener:
    """Connect it, then `ask` (emit and wait for the acknowledgement) and wait for the `next` event of a name."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.client.on("*", self._hear)

    async def connect(self, url: str, token: str) -> Listener:
        """Connect with an access token."""
        await self.client.connect(url, auth={"token": token}, transports=["websocket"])
        return self

    async def ask(self, event: str, *payload: Any) -> Any:
        """Emit, and what the server acknowledges it with."""
        return await self.client.call(event, *payload, timeout=10)

    async def next(self, wanted: str, within_s: float = 20) -> Any:
        """The body of the next event of that name."""
        async with asyncio.timeout(within_s):
            while True:
                event, body = await self.heard.get()
                if event == wanted:
                    return body

    async def next_of(self, wanted: str, device: str, **fields: Any) -> Any:
        """The body of the next such event of a device, with these fields."""
        while True:
            body = await self.next(wanted)
            if device in (body.get("deviceId"), body.get("loom_id")) and fields.items() <= body.items():
                return body

    def drain(self) -> list[str]:
        """Forget what was heard; the names of those events."""
        return [self.heard.get_nowait()[0] for _ in range(self.heard.qsize())]

    async def _hear(self, event: str, *arguments: Any) -> None:
        await self.heard.put((event, arguments[0] if arguments else None))
