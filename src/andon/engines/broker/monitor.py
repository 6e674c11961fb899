"""Rates and clients of the embedded broker, from nats-server's monitor on the loopback."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class BrokerStats:
    """Counted since the broker started; `memory_bytes` and `cpu_percent` (of one core) are of now."""

    clients: int
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    slow_consumers: int
    memory_bytes: int
    cpu_percent: float


class _Varz(msgspec.Struct):
    connections: int
    in_msgs: int
    out_msgs: int
    in_bytes: int
    out_bytes: int
    slow_consumers: int
    mem: int
    cpu: float


def monitor_port(folder: Path, pid: int) -> int | None:
    """Port of the monitor of the nats-server `pid`, from the ports file that it leaves in `folder`."""
    path = folder / f"nats-server_{pid}.ports"
    try:
        addresses = json.loads(path.read_text("utf-8"))["monitoring"]
        return int(str(addresses[0]).rsplit(":", 1)[1])
    except (OSError, ValueError, KeyError, IndexError):
        return None


async def read_stats(port: int, timeout_s: float = 2.0) -> BrokerStats | None:
    """What the monitor says, or None when it does not answer."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /varz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                answer = await reader.read(-1)
            finally:
                writer.close()
        varz = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2], type=_Varz)
    except (OSError, TimeoutError, msgspec.MsgspecError):
        return None
    return BrokerStats(
        clients=varz.connections,
        messages_in=varz.in_msgs,
        messages_out=varz.out_msgs,
        bytes_in=varz.in_bytes,
        bytes_out=varz.out_bytes,
        slow_consumers=varz.slow_consumers,
        memory_bytes=varz.mem,
        cpu_percent=varz.cpu,
    )
