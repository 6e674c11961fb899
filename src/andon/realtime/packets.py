"""Messages in the form in which they are queued: encoded once, put into any number of sockets."""

from __future__ import annotations

from typing import Any

from engineio.packet import MESSAGE, Packet

_EVENT = "2"  # Socket.IO's packet type EVENT, in the default namespace and without an acknowledgement


def socketio_event(event: str, body: bytes) -> Any:
    """One Socket.IO event with a JSON body. The packet keeps its encoded form, so sharing it costs nothing."""
    return Packet(MESSAGE, f'{_EVENT}["{event}",{body.decode()}]')


def text_message(body: bytes) -> str:
    """One WebSocket text message."""
    return body.decode()
