"""The other end of the gateway: a process that knows less than its caller learns it before it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from andon.api.gateway.http import REVISION_HEADER


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """An ASGI application around another: who registered a device a moment ago finds it in every process."""

    app: ASGIApp
    revision: Callable[[], int]
    catch_up: Callable[[], Awaitable[bool]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Catch up where the caller is ahead, then answer."""
        if scope["type"] == "http":
            told = next((value for name, value in scope["headers"] if name == REVISION_HEADER), b"0")
            if told.isdigit() and int(told) > self.revision():
                await self.catch_up()
        await self.app(scope, receive, send)
