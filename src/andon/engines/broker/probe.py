"""Is a broker there and does it let us in? One real MQTT CONNECT, answered or not."""

from __future__ import annotations

import asyncio
import contextlib

_CONNACK_BYTES = 4
_CLEAN_SESSION, _PASSWORD, _USERNAME = 0x02, 0x40, 0x80


async def accepts(host: str, port: int, username: str, password: str, timeout_s: float = 2.0) -> bool:
    """Whether an MQTT 3.1.1 CONNECT with these credentials is accepted within `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_connect_packet(username, password))
                answer = await reader.readexactly(_CONNACK_BYTES)
                writer.write(b"\xe0\x00")
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return answer[0] == 0x20 and answer[3] == 0


def _connect_packet(username: str, password: str) -> bytes:
    flags = bytes([_CLEAN_SESSION | _USERNAME | _PASSWORD])
    client_id = "andon-probe"
    body = b"\x00\x04MQTT\x04" + flags + b"\x00\x0a" + b"".join(map(_text, (client_id, username, password)))
    if len(body) > 127:
        return bytes([0x10, len(body) & 0x7F | 0x80, len(body) >> 7]) + body
    return bytes([0x10, len(body)]) + body


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data
