"""JSON or columns on Kafka: `python -m benchmarks.kafka_formats`, on a real broker of this machine.

What a sample costs on its way into the log and out of it again, in Andon's process and in Kafka's, and on Kafka's disk.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence

import numpy as np
import psutil

from andon.engines.log.codec import SampleCodec
from andon.engines.log.kafka.log import KafkaLog
from andon.engines.log.kafka.murmur import key_hash
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.port import SENSORS_DATA
from andon.ingest.settings import IngestSettings
from andon.ingest.stream_columns import KeyedColumns
from andon.ingest.stream_json import JsonSamples
from andon.ingest.timing import TimePolicy
from andon.kit.limits import Limits
from andon.kit.samples import SampleBatch
from andon.registry.directory import DeviceInfo, Directory, TagInfo
from benchmarks.figures import Figure, show
from benchmarks.history_store import START, Machines
from support.engines import start
from support.servers import Kafka

ORGANISATION = "org"
DEVICES = 1_000
SIGNALS = ("width", "temperature", "vibration")
TAGS_OF_ONE = len(SIGNALS)
FLUSH = 600
"""Samples that one flush of ingest brings."""
AT_ONCE = 8
"""Flushes on their way."""
SAMPLES = 300_000


def _plant() -> Directory:
    directory = Directory()
    directory.default_organisation = ORGANISATION
    directory.replace([_device(number) for number in range(DEVICES)])
    return directory


def _device(number: int) -> DeviceInfo:
    name = f"loom-{number:04}"
    tags = tuple(_tag(number * TAGS_OF_ONE + each + 1, name, signal) for each, signal in enumerate(SIGNALS))
    return DeviceInfo(
        name, ORGANISATION, name, "", "", "hall-1", "mqtt", "active", 30.0, "p", ("Plant",), "UTC", tags, START
    )


def _tag(tag_id: int, device: str, name: str) -> TagInfo:
    limits = Limits(None, None, None, None)
    rest = (limits, 0.0, 0.0, 0.0, "high", None)
    return TagInfo(tag_id, ORGANISATION, device, device, name, "mm", "number", 2, False, *rest)


def _flushes(samples: int) -> list[SampleBatch]:
    found: list[SampleBatch] = []
    for batch in Machines(DEVICES * TAGS_OF_ONE, 20_000).batches(START, samples):
        parts = np.array_split(np.arange(len(batch)), max(len(batch) // FLUSH, 1))
        found += [batch.take(part) for part in parts]
    return found


class Cpu:
    """CPU seconds of this process and of the broker, and seconds of the clock, since it was made."""

    def __init__(self, server: Kafka) -> None:
        self._server = psutil.Process(server.pid)
        self._start = self._now()

    def _now(self) -> tuple[float, float, float]:
        return time.process_time(), sum(self._server.cpu_times()[:2]), time.perf_counter()

    def used(self) -> tuple[float, ...]:
        """Of this process, of the broker, of the clock."""
        return tuple(now - then for now, then in zip(self._now(), self._start, strict=True))


def _codec(name: str, log: KafkaLog) -> SampleCodec:
    directory = _plant()
    json = JsonSamples(directory, TimePolicy(IngestSettings(max_age_days=40 * 365)))
    if name == "json":
        return json
    count = log.partition_count(SENSORS_DATA)
    return KeyedColumns(directory, json, lambda: count, key_hash, log.record_limit(SENSORS_DATA))


async def _write(log: KafkaLog, codec: SampleCodec, flushes: Sequence[SampleBatch]) -> None:
    waiting: set[asyncio.Task[int]] = set()
    for flush in flushes:
        encoded = codec.encode([flush])
        waiting.add(asyncio.create_task(log.append(SENSORS_DATA, encoded.payloads, encoded.keys)))
        if len(waiting) >= AT_ONCE:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
    await asyncio.gather(*waiting)


async def _read(log: KafkaLog, codec: SampleCodec) -> int:
    """How many samples came back."""
    read = 0
    for partition in range(log.partition_count(SENSORS_DATA)):
        position = 0
        while records := await log.read(SENSORS_DATA, position, 20_000, 4 << 20, 0.0, partition):
            decoded = await codec.decode(records)
            if decoded.refused:
                raise RuntimeError(decoded.refused[0].detail)
            read += len(decoded.batch)
            position = records[-1].position
    return read


async def _measure(name: str, codec_of: str, server: Kafka, flushes: Sequence[SampleBatch]) -> list[Figure]:
    log = await KafkaLog.open(KafkaAddress.parse(f"{server.url}?prefix={name}."), KafkaLimits())
    log.codec = codec = _codec(codec_of, log)
    samples = sum(map(len, flushes))
    cpu = Cpu(server)
    await _write(log, codec, flushes)
    written = [each / samples for each in cpu.used()]
    cpu = Cpu(server)
    if await _read(log, codec) != samples:
        raise RuntimeError("samples are missing")
    read = [each / samples for each in cpu.used()]
    await log.close()
    return [
        Figure(f"kafka.{name}.written.values_per_s", 1 / written[2], "1/s", "", f"{FLUSH} values a flush"),
        Figure(f"kafka.{name}.write.cpu_us", written[0] * 1e6, "µs", "", "a value, in Andon"),
        Figure(f"kafka.{name}.broker.cpu_us", written[1] * 1e6, "µs", "", "a value, in Kafka"),
        Figure(f"kafka.{name}.read.values_per_s", 1 / read[2], "1/s"),
        Figure(f"kafka.{name}.read.cpu_us", read[0] * 1e6, "µs", "", "a value, in Andon"),
        Figure(f"kafka.{name}.disk.bytes", _kept(server, name) / samples, "B", "", "a value, as Kafka keeps it"),
    ]


def _kept(server: Kafka, name: str) -> int:
    """Bytes of a topic's files."""
    return sum(file.stat().st_size for file in server.folder.glob(f"data/{name}.{SENSORS_DATA}-*/*.log"))


async def _all() -> list[Figure]:
    flushes = _flushes(SAMPLES)
    found = [Figure("kafka.load_before", os.getloadavg()[0], "", reference=f"{os.cpu_count()} cores")]
    with start(Kafka) as server:
        await _measure("warm", "json", server, flushes[:50])
        for name in ("json", "columns"):
            found += await _measure(name, name, server, flushes)
    return found


if __name__ == "__main__":
    show(asyncio.run(_all()))
