"""The one ASGI application: REST and the UI, with Socket.IO and `/ws` beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from andon.api.application import ApiOptions, create_application, mount_ui
from andon.app.plant import Plant
from andon.app.settings import Settings
from andon.realtime import socketio_server, websocket
from andon.realtime.websocket import WebSocketServer

Asgi = Callable[[Any, Any, Any], Awaitable[None]]


def build_asgi(plant: Plant, settings: Settings) -> Asgi:
    """Live connections bypass the API's middleware: it wraps `send`, which would hide their sockets."""
    options = ApiOptions(
        rate_limit_per_minute=settings.rate_limit_per_minute,
        max_request_bytes=settings.max_request_bytes,
        allowed_origins=settings.allowed_origins,
    )
    api = create_application(plant.api_state(), options, plant.requests)
    mount_ui(api)
    socketio = plant.socketio
    ws = WebSocketServer(plant.realtime)

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")
        if path.startswith(socketio_server.PATH):
            await socketio(scope, receive, send)
        elif path == websocket.PATH:
            await ws(scope, receive, send)
        else:
            await api(scope, receive, send)

    return asgi
