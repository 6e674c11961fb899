"""Real web servers for the gateway's tests: a role's process, and the front door before it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from andon.api.application import ApiOptions, RequestMiddleware
from andon.api.errors import install_error_handlers
from andon.api.gateway.http import Forwarder
from andon.api.gateway.upstream import Upstream, UpstreamLimits
from andon.api.gateway.websocket import WebSocketForwarder
from andon.api.middleware import RateWindow, RequestStats

App = Callable[[Scope, Receive, Send], Awaitable[None]]


@contextlib.asynccontextmanager
async def served(app: Any, port: int = 0) -> AsyncIterator[str]:
    """The application on a free port; the URL."""
    with socket.create_server(("127.0.0.1", port)) as listening:
        options: dict[str, Any] = {
            "ws": "websockets-sansio",
            "http": "httptools",
            "lifespan": "off",
            "proxy_headers": False,
        }
        config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, **options)
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@dataclass
class Front:
    """A front door that hands everything over to `urls`."""

    urls: list[str] = field(default_factory=list)
    revision: int = 7
    changes: int = 0
    upstream: Upstream = field(default_factory=lambda: Upstream(UpstreamLimits(connect_s=1, answer_s=5)))

    def app(self) -> App:
        async def after() -> None:
            self.changes += 1

        forwarder = Forwarder(self.upstream, lambda _scope: self.urls, "ingest", lambda: self.revision, after)
        api = FastAPI()
        install_error_handlers(api)
        api.router.routes.append(Route("/{rest:path}", forwarder))
        api.add_middleware(
            RequestMiddleware,
            stats=RequestStats(),
            rate=RateWindow(0),
            max_request_bytes=ApiOptions().max_request_bytes,
        )
        sockets = WebSocketForwarder(forwarder)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await (sockets if scope["type"] == "websocket" else api)(scope, receive, send)

        return app
