"""The logs that one suite of tests runs on: embedded, a real Kafka, and the mock that is part of Kafka's client."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.kafka.log import KafkaLog
from andon.engines.log.kafka.murmur import key_hash
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.kafka.topics import Topics
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import DEAD_LETTERS, SENSORS_DATA, Log

PARTITIONS = 4
STREAM = SENSORS_DATA
KAFKA = pytest.param("kafka", marks=pytest.mark.kafka)
# Patient with a busy machine: tests of what is away have shorter limits of their own.
QUICK = KafkaLimits(
    partitions=PARTITIONS, session_s=6.0, commit_delay_s=0.05, status_s=0.0, start_s=20.0, request_s=20.0
)


class Backend:
    """One log, opened once or several times; what was appended stays until the end of the test."""

    kind = ""
    partitions = 1
    max_record_bytes = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        """The log, as one process has it."""
        log = await self._open()
        try:
            yield log
        finally:
            await log.close()

    async def _open(self) -> Log:
        raise NotImplementedError


class Embedded(Backend):
    kind = "embedded"
    max_record_bytes = 1 << 20

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def _open(self) -> Log:
        limits = LogLimits(min_free_bytes=0, max_record_bytes=self.max_record_bytes, commit_delay_s=0.05)
        return EmbeddedLog.open(self._folder / "log.db", limits)


class OnKafka(Backend):
    """Topics and groups of its own on a broker that others use too."""

    kind = "kafka"
    partitions = PARTITIONS
    max_record_bytes = QUICK.max_record_bytes

    def __init__(self, servers: str, limits: KafkaLimits = QUICK) -> None:
        self.limits = limits
        self.address = KafkaAddress(servers, prefix=f"t{uuid.uuid4().hex[:10]}.")

    async def _open(self) -> Log:
        return await KafkaLog.open(self.address, self.limits, (SENSORS_DATA, DEAD_LETTERS))


class Mock:
    """A client that is also a broker. It makes a topic, of four partitions, when it is asked for it."""

    def __init__(self) -> None:
        from confluent_kafka import Producer

        self._owner = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
        broker = next(iter(self._owner.list_topics(timeout=10).brokers.values()))
        self.servers = f"{broker.host}:{broker.port}"

    def make(self, topic: str) -> None:
        while not self._owner.list_topics(topic, timeout=10).topics[topic].partitions:
            pass


class OnMock(OnKafka):
    """Without what the mock cannot do: it does not make topics, tell their limits, or list groups."""

    kind = "mock"

    def __init__(self, mock: Mock) -> None:
        super().__init__(mock.servers)
        for stream in (SENSORS_DATA, DEAD_LETTERS):
            mock.make(self.address.prefix + stream)

    async def _open(self) -> Log:
        # Asked for a topic's limit, the mock says nothing until the request has expired.
        with patch.object(Topics, "_max_message_bytes", lambda *_: self.max_record_bytes):
            return await super()._open()


async def home(log: Log, key: str, stream: str = STREAM) -> int:
    """The partition of a key."""
    return key_hash(key) % await log.partitions(stream)
