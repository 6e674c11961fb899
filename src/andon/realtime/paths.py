"""Where live connections are asked for."""

from __future__ import annotations

SOCKETIO = "/socket.io"
WEBSOCKET = "/ws"
