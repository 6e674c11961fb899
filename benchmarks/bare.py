"""What the log and the decoders reach by themselves, behind the broker and without it: the measure for ingest.

Behind it, `bare_reader` receives what the same generator sends. Without it, on one core, a decoder gives columns, the
columns go to the log, and nothing else comes until they are on the disk; each time as much as a flush of ingest holds.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.kit.clock import parse_timestamp
from andon.kit.samples import SampleBatch, encode
from andon.wire.sparkplug import sparkplug_b_pb2 as pb
from benchmarks.mqtt_load import MessageMaker, device_names, json1, sparkplug60
from benchmarks.plant import module

Decoder = Callable[[Sequence[bytes]], SampleBatch]
MESSAGES = 2_000


def json_columns(payloads: Sequence[bytes]) -> SampleBatch:
    """Single values, with msgspec."""
    tags, times, values = array("i"), array("q"), array("d")
    decode = msgspec.json.Decoder().decode
    for payload in payloads:
        message = decode(payload)
        tags.append(int(message["deviceId"][-5:]))
        times.append(parse_timestamp(message["timestamp"]))
        values.append(message["value"])
    return _batch(tags, times, values)


def sparkplug_columns(payloads: Sequence[bytes]) -> SampleBatch:
    """Metrics with aliases, with protobuf."""
    tags, times, values = array("i"), array("q"), array("d")
    for payload in payloads:
        message = pb.Payload.FromString(payload)
        tags.extend([metric.alias for metric in message.metrics])
        values.extend([metric.double_value for metric in message.metrics])
        times.extend([message.timestamp * 1000] * len(message.metrics))
    return _batch(tags, times, values)


def _batch(tags: array[int], times: array[int], values: array[float]) -> SampleBatch:
    at = np.frombuffer(times, np.int64)
    good = np.full(len(at), 192, np.uint8)
    return SampleBatch(np.frombuffer(tags, np.int32), at, np.frombuffer(values, np.float64), good, at)


async def _rate(make: MessageMaker, decode: Decoder, messages: int, seconds: float) -> float:
    payloads = [make(index)[1] for index in range(MESSAGES)]
    with TemporaryDirectory(prefix="andon-bench-") as folder:
        log = EmbeddedLog.open(Path(folder) / "log.db", LogLimits(min_free_bytes=0))
        values, at, began = 0, 0, time.perf_counter()
        while (took := time.perf_counter() - began) < seconds:
            batch = decode(payloads[at : at + messages])
            await log.append(SENSORS_DATA, [encode(batch)])
            values += len(batch)
            at = (at + messages) % max(1, MESSAGES - messages)
        await log.close()
    return values / took


DECODERS: dict[str, Decoder] = {"json1": json_columns, "sparkplug60": sparkplug_columns}


def without_broker(kind: str, messages: int, seconds: float = 3.0) -> float:
    """Values a second from messages to the disk, `messages` (up to 1,000) at a time."""
    make = json1(device_names(100)) if kind == "json1" else sparkplug60("g", "n", ["d"])
    return asyncio.run(_rate(make, DECODERS[kind], max(1, min(messages, MESSAGES // 2)), seconds))


def through_broker(kind: str, qos: int, load: dict[str, Any], expected: int) -> tuple[float, int]:
    """(values a second, values lost) of what the generator sends, from the first publish to the last on the disk."""
    done = asyncio.run(module("bare_reader", {"kind": kind, "qos": qos, "load": load, "expected": expected}))
    return done["values"] / done["seconds"], expected - round(done["values"])
