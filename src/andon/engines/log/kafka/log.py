"""The log on Apache Kafka: a stream is a topic, a position is an offset plus one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from andon.engines.log.codec import COLUMNS, SampleCodec
from andon.engines.log.kafka.calls import Calls
from andon.engines.log.kafka.client import library
from andon.engines.log.kafka.cursors import Cursors
from andon.engines.log.kafka.groups import Groups
from andon.engines.log.kafka.producer import KafkaProducer
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.kafka.topics import Ends, Topics
from andon.engines.log.port import STREAMS, GroupStatus, LogStatus, Membership, Record, StreamStatus
from andon.kit.errors import StartError, UnavailableError

log = logging.getLogger(__name__)


class KafkaLog:
    """`Log` on a Kafka cluster. Use it from one event loop; make it with `open`."""

    def __init__(self, address: KafkaAddress, limits: KafkaLimits) -> None:
        self.codec: SampleCodec = COLUMNS
        self._limits = limits
        self._calls = Calls(limits.request_s)
        self._topics = Topics(address, limits, self._calls)
        self._groups = Groups(address, limits, self._calls)
        self._cursors = Cursors(address, limits, self._topics)
        self._producer = KafkaProducer(address, limits)
        self._status: LogStatus | None = None
        self._status_at = 0.0
        self._closed = False

    @classmethod
    async def open(
        cls, address: KafkaAddress, limits: KafkaLimits | None = None, streams: Sequence[str] = STREAMS
    ) -> KafkaLog:
        """Connect, and see to the topics. StartError when no broker answers in time, or a topic cannot be had."""
        try:
            found = cls(address, limits or KafkaLimits())
        except library().KafkaException as error:
            raise StartError(
                f"Kafka's client does not take ANDON_LOG_URL: {error.args[0].str()}",
                field="log_url",
                cure="correct what stands behind its question mark",
            ) from error
        try:
            await found._topics.start(streams)
        except BaseException:
            await found.close()
            raise
        return found

    @property
    def queued_bytes(self) -> int:
        """Payload bytes that are on their way to the broker."""
        return self._producer.queued_bytes

    @property
    def failure(self) -> UnavailableError | None:
        """Why the last append was refused; None while the log takes what comes."""
        return self._producer.failure

    def partition_count(self, stream: str) -> int:
        """How many partitions a stream has, as far as is known without asking."""
        return self._topics.partition_count(stream)

    def record_limit(self, stream: str) -> int:
        """The largest payload that a stream takes."""
        return self._topics.record_limit(stream)

    async def partitions(self, stream: str) -> int:
        """See `Log.partitions`."""
        self._check_open()
        return await self._topics.partitions(stream)

    async def append(self, stream: str, payloads: Sequence[bytes], keys: Sequence[str] | None = None) -> int:
        """See `Log.append`."""
        topic = await self._topics.known(stream, 0)
        self._check_open()
        if not payloads:
            return await self.end(stream)
        return await self._producer.append(topic, payloads, keys, await self._topics.record_bytes(stream))

    async def read(
        self,
        stream: str,
        after: int,
        max_records: int = 1000,
        max_bytes: int = 4 << 20,
        wait_s: float = 0,
        partition: int = 0,
    ) -> list[Record]:
        """See `Log.read`."""
        self._check_open()
        topic = await self._topics.known(stream, partition)
        return await self._cursors.read((topic, partition), max(after, 0), max_records, max_bytes, wait_s)

    async def commit(self, group: str, stream: str, position: int, partition: int = 0) -> None:
        """See `Log.commit`. A position may be set back, to have records handled again."""
        self._check_open()
        await self._groups.commit(group, await self._topics.known(stream, partition), position, partition)

    async def committed(self, group: str, stream: str, partition: int = 0) -> int:
        """See `Log.committed`."""
        self._check_open()
        return await self._groups.committed(group, await self._topics.known(stream, partition), partition)

    async def end(self, stream: str, partition: int = 0) -> int:
        """See `Log.end`."""
        self._check_open()
        return (await self._topics.ends(await self._topics.known(stream, partition), partition)).end

    async def before(self, stream: str, at: int, partition: int = 0) -> int:
        """See `Log.before`."""
        self._check_open()
        return await self._topics.before(await self._topics.known(stream, partition), at, partition)

    async def join(self, group: str, stream: str) -> Membership:
        """See `Log.join`."""
        self._check_open()
        return await self._groups.join(group, await self._topics.known(stream, 0))

    async def status(self) -> LogStatus:
        """See `Log.status`. Asked of the broker at most every `limits.status_s` seconds."""
        self._check_open()
        if self._status is None or time.monotonic() - self._status_at > self._limits.status_s:
            ends = await self._topics.all_ends()
            positions = await self._groups.positions(self._topics.stream)
            streams = (_stream(*place, at, positions.get(place, {})) for place, at in sorted(ends.items()))
            self._status, self._status_at = LogStatus(tuple(streams), None), time.monotonic()
        return self._status

    async def close(self) -> None:
        """See `Log.close`."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(self._producer.close(), self._cursors.close(), self._groups.close())
        await self._calls.close()
        await asyncio.to_thread(self._topics.close)

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError("the log on Kafka is closed")


def _stream(stream: str, partition: int, ends: Ends, positions: dict[str, int]) -> StreamStatus:
    groups = tuple(
        GroupStatus(group, position, max(ends.end - max(position, ends.low), 0))
        for group, position in sorted(positions.items())
    )
    return StreamStatus(stream, ends.first, ends.end, None, groups, partition)
