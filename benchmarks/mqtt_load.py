"""A load generator on bare MQTT 3.1.1 packets: cheap enough that it does not measure itself.

Run as a process of its own: `python -m benchmarks.mqtt_load '{"port": …, …}'` prints one JSON line with the result.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

MessageMaker = Callable[[int], tuple[bytes, bytes]]
"""(index) → (topic, payload)"""


def _varint(size: int) -> bytes:
    """A number in groups of seven bits, the lowest first: MQTT's lengths, protobuf's numbers."""
    out = bytearray()
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(out)


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def connect_packet(client_id: str, username: str, password: str) -> bytes:
    """CONNECT with a clean session and 60 s keep-alive."""
    body = _text("MQTT") + b"\x04\xc2\x00\x3c" + _text(client_id) + _text(username) + _text(password)
    return b"\x10" + _varint(len(body)) + body


def publish_packet(topic: bytes, payload: bytes, packet_id: int = 0) -> bytes:
    """PUBLISH at QoS 0, or at QoS 1 with a packet id."""
    identifier = packet_id.to_bytes(2, "big") if packet_id else b""
    body = len(topic).to_bytes(2, "big") + topic + identifier + payload
    return (b"\x32" if packet_id else b"\x30") + _varint(len(body)) + body


@dataclass
class Connection:
    """One MQTT connection that counts the PUBACKs that come back."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    acked: int = 0
    _progress: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def open(cls, port: int, client_id: str, username: str, password: str) -> Connection:
        """Connect and sign in; RuntimeError when the broker refuses."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(connect_packet(client_id, username, password))
        answer = await reader.readexactly(4)
        if answer[3] != 0:
            raise RuntimeError(f"the broker refused the connection with code {answer[3]}")
        return cls(reader, writer)

    async def count_acks(self) -> None:
        """Read PUBACKs (each four bytes, nothing else comes on this connection) until it closes."""
        left = 0
        while data := await self.reader.read(1 << 16):
            whole, left = divmod(left + len(data), 4)
            self.acked += whole
            self._progress.set()

    async def until_acked(self, count: int) -> None:
        """Wait until that many messages are acknowledged."""
        while self.acked < count:
            self._progress.clear()
            await asyncio.wait_for(self._progress.wait(), 60)


def device_names(count: int, prefix: str = "bench") -> list[str]:
    """How the benchmarks call devices; thousands of names are too many for a command line."""
    return [f"{prefix}-{number:05d}" for number in range(count)]


def json1(devices: list[str]) -> MessageMaker:
    """S1's message, one value, device by device."""
    topics = [f"factory-plus/devices/{device}/data".encode() for device in devices]

    def make(index: int) -> tuple[bytes, bytes]:
        device = index % len(devices)
        now = time.time_ns() // 1000
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1_000_000)) + f".{now % 1_000_000:06d}Z"
        payload = (
            f'{{"deviceId":"{devices[device]}","timestamp":"{stamp}","sensorType":"temperature",'
            f'"value":{20 + index % 6000 / 100},"unit":"celsius","location":"bench","status":"active"}}'
        )
        return topics[device], payload.encode()

    return make


def json60(devices: list[str]) -> MessageMaker:
    """Sixty values of one moment, device by device."""
    topics = [f"factory-plus/devices/{device}/data".encode() for device in devices]
    # The numbers vary from one message to the next; making each anew would measure this generator.
    texts = [
        ",".join(f'"signal-{signal:02d}":{20 + (turn * 7 + signal * 13) % 5_000 / 100}' for signal in range(60))
        for turn in range(97)
    ]

    def make(index: int) -> tuple[bytes, bytes]:
        stamp = time.time_ns() // 1_000  # microseconds, so that no two of a device are the same moment
        return topics[index % len(devices)], f'{{"timestamp":{stamp},"values":{{{texts[index % 97]}}}}}'.encode()

    return make


def sparkplug60(group: str, node: str, devices: list[str]) -> MessageMaker:
    """DDATA with 60 aliased doubles of each device in turn; seq goes on after the births of the node and of these.

    A device's messages each have a millisecond of their own: above 1,000 a second for each, they run ahead of time.
    """
    from andon.wire.sparkplug import sparkplug_b_pb2 as pb

    topics = [f"spBv1.0/{group}/DDATA/{node}/{device}".encode() for device in devices]
    payload = pb.Payload()
    for alias in range(1, 61):
        payload.metrics.add(alias=alias, double_value=0.0)
    metrics = []
    for turn in range(50):
        for offset, metric in enumerate(payload.metrics):
            metric.double_value = 20 + (turn + offset) % 50
        metrics.append(payload.SerializeToString())
    base = time.time_ns() // 1_000_000

    def make(index: int) -> tuple[bytes, bytes]:
        turn, device = divmod(index, len(topics))
        time_ms, seq = _varint(base + turn + 1), _varint((index + len(topics) + 1) % 256)
        # They stand before and after the metrics, written as protobuf does.
        return topics[device], b"\x08%b%b\x18%b" % (time_ms, metrics[index % 50], seq)

    return make


def paced(total: int, per_second: float) -> Iterator[tuple[float, int, int]]:
    """(due seconds, first index, end index) of slices of 5 ms, or of 500 messages when there is no pace."""
    size = max(1, round(per_second / 200)) if per_second else 500
    for start in range(0, total, size):
        yield (start / per_second if per_second else 0.0), start, min(total, start + size)


def _maker(options: dict[str, Any]) -> MessageMaker:
    match options["kind"]:
        case "sparkplug60":
            return sparkplug60(options["group"], options["node"], options["devices"])
        case "looms":
            from benchmarks.loom_load import looms

            return looms(options["count"])
        case "json60":
            return json60(options["devices"])
        case _:
            return json1(options["devices"] if "devices" in options else device_names(options["device_count"]))


async def run(options: dict[str, Any]) -> dict[str, float]:
    """Publish `total` messages at `rate` a second (0: as fast as acknowledgements and the socket allow)."""
    maker = _maker(options)
    connection = await Connection.open(options["port"], options["client_id"], options["username"], options["password"])
    acks = asyncio.create_task(connection.count_acks())
    qos, window = options.get("qos", 0), options.get("window", 2_000)
    for topic, payload in options.get("births", []):
        connection.writer.write(publish_packet(topic.encode(), bytes.fromhex(payload)))
    started = time.perf_counter()
    for due, first, end in paced(options["total"], options.get("rate", 0)):
        wait = due - (time.perf_counter() - started)
        if wait > 0:
            await asyncio.sleep(wait)
        packets = [publish_packet(*maker(i), packet_id=i % 65_535 + 1 if qos else 0) for i in range(first, end)]
        connection.writer.write(b"".join(packets))
        await connection.writer.drain()
        if qos:
            await connection.until_acked(max(0, end - window))
    if qos:
        await connection.until_acked(options["total"])
    elapsed = time.perf_counter() - started
    connection.writer.write(b"\xe0\x00")
    await connection.writer.drain()
    connection.writer.close()
    acks.cancel()
    return {"seconds": elapsed, "messages": options["total"], "acked": connection.acked, "cpu_s": time.process_time()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(json.loads(sys.argv[1])))), flush=True)
