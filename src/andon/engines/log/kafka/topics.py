"""The topics behind the streams: made when that is allowed, else checked; how many partitions, where they end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from andon.engines.log.kafka.calls import Calls
from andon.engines.log.kafka.client import admin_library, library, options
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.names import checked
from andon.engines.log.port import SENSORS_DATA
from andon.kit.clock import US_PER_MS
from andon.kit.errors import InvalidError, StartError, UnavailableError

log = logging.getLogger(__name__)

_REFRESH_S = 30.0
_SEGMENTS = 8  # retention drops whole segments: so many at least are to lie in it
_MIN_SEGMENT_BYTES: Final = 1 << 20
_MAX_SEGMENT_BYTES: Final = 1 << 30


class Ends(NamedTuple):
    """Positions of the oldest and newest record kept; both 0 when there is none. `low` and `high` as Kafka counts."""

    low: int
    high: int

    @property
    def first(self) -> int:
        return self.low + 1 if self.high > self.low else 0

    @property
    def end(self) -> int:
        return self.high


class Topics:
    """All calls that ask are bounded by `limits.request_s`."""

    def __init__(self, address: KafkaAddress, limits: KafkaLimits, calls: Calls) -> None:
        self._prefix = address.prefix
        self._limits = limits
        self._calls = calls
        self._said = ""  # the client's last complaint: a refused password is told nowhere else
        self._admin = admin_library().AdminClient({**options(address), "error_cb": self._complain})
        self._asking = library().Consumer(
            options(address, group_id=f"{address.prefix}andon-asking", enable_auto_commit=False)
        )
        self._used: set[str] = set()
        self._partitions: dict[str, int] = {}
        self._record_bytes: dict[str, int] = {}
        self._asked_at = float("-inf")
        self._learning = asyncio.Lock()  # many ask at once for what is not known yet

    def topic(self, stream: str) -> str:
        """Name of the stream's topic. InvalidError when it is no name."""
        return self._prefix + checked(stream, "stream")

    async def start(self, streams: Sequence[str]) -> None:
        """Wait for the broker, then see to the topics. StartError says what is missing and what to do."""
        await self._wait_for_broker()
        for stream in streams:
            try:
                await self.record_bytes(stream)
            except UnavailableError as error:
                raise StartError(error.message, field="log_url", cure=error.cure) from error

    async def partitions(self, stream: str) -> int:
        """How many partitions the stream has; its topic is made when there is none."""
        topic = self.topic(stream)
        self._use(topic)
        if topic not in self._partitions:
            async with self._learning:
                await self._learn(stream, topic)
        elif time.monotonic() - self._asked_at > _REFRESH_S:
            with contextlib.suppress(UnavailableError):  # then it has as many as before
                await self._refresh()
        return self._partitions[topic]

    async def known(self, stream: str, partition: int) -> str:
        """The stream's topic. InvalidError when it has no such partition."""
        topic = self.topic(stream)
        if not 0 <= partition < self._partitions.get(topic, 0):
            count = await self.partitions(stream)
            if not 0 <= partition < count:
                raise InvalidError(f"{stream} has no partition {partition}, it has {count}", field="partition")
        return topic

    def partition_count(self, stream: str) -> int:
        """How many partitions the stream had when it was last asked for; 1 before that."""
        return self._partitions.get(self._prefix + stream, 1)

    async def record_bytes(self, stream: str) -> int:
        """The largest payload that the stream takes."""
        topic = self.topic(stream)
        self._use(topic)
        if topic not in self._record_bytes:
            async with self._learning:
                await self._learn_limit(stream, topic)
        return self._record_bytes[topic]

    def record_limit(self, stream: str) -> int:
        """The same, of a stream that was there at the start."""
        return self._record_bytes.get(self._prefix + stream, self._limits.max_record_bytes)

    async def ends(self, topic: str, partition: int) -> Ends:
        """Where a partition begins and ends."""
        return await self._calls(self._ends, topic, partition)

    async def before(self, topic: str, at: int, partition: int) -> int:
        """Position of the last record of a partition from before a time (µs UTC)."""
        found = await self._calls(self._first_from, topic, at, partition)
        return found if found >= 0 else (await self.ends(topic, partition)).high

    async def all_ends(self) -> dict[tuple[str, int], Ends]:
        """Where every partition of Andon's topics begins and ends, by stream and partition."""
        await self._refresh()
        return await self._calls(self._all_ends)

    def stream(self, topic: str) -> str:
        """The stream of a topic."""
        return topic.removeprefix(self._prefix)

    def close(self) -> None:
        """Let go of the broker; blocks."""
        self._asking.close()

    def _use(self, topic: str) -> None:
        if topic not in self._used and len(self._used) >= self._limits.max_topics:
            raise UnavailableError(f"Andon uses {self._limits.max_topics} topics already", cure="raise max_topics")
        self._used.add(topic)

    def _complain(self, error: Any) -> None:
        self._said = error.str()

    async def _learn(self, stream: str, topic: str) -> None:
        if topic not in self._partitions:
            await self._refresh()
        if topic not in self._partitions:
            await self._create(stream, topic)

    async def _learn_limit(self, stream: str, topic: str) -> None:
        await self._learn(stream, topic)
        if topic not in self._record_bytes:
            allowed = await self._calls(self._max_message_bytes, topic)
            self._record_bytes[topic] = min(self._limits.max_record_bytes, allowed)

    # On threads

    async def _wait_for_broker(self) -> None:
        deadline = time.monotonic() + self._limits.start_s
        said = False
        while True:
            try:
                await self._calls(self._admin.list_topics, None, min(self._limits.request_s, self._limits.start_s))
                return
            except UnavailableError as error:
                if time.monotonic() > deadline:
                    raise StartError(
                        f"no broker of ANDON_LOG_URL answered for {self._limits.start_s:g} s: {self._said or error}",
                        field="log_url",
                        cure="start Kafka, or correct ANDON_LOG_URL, ANDON_KAFKA_USERNAME, _PASSWORD and _TLS",
                    ) from error
                if not said:
                    log.warning("waiting for Kafka", extra={"error": error.message})
                said = True
                await self._calls.rest()

    async def _refresh(self) -> None:
        metadata = await self._calls(self._admin.list_topics, None, self._limits.request_s)
        # A topic that was just made may not be told of yet: what is known stays.
        self._partitions |= {
            name: len(topic.partitions)
            for name, topic in metadata.topics.items()
            if name in self._used and topic.error is None and topic.partitions
        }
        self._asked_at = time.monotonic()

    async def _create(self, stream: str, topic: str) -> None:
        count = self._limits.partitions if stream == SENSORS_DATA else 1
        error = await self._calls(self._create_topic, topic, count)
        if error is not None:
            # Another process may have made it, and some brokers make a topic when it is asked for.
            count = await self._calls(self._ask_for, topic)
        if not count:
            raise UnavailableError(
                f"the topic {topic} is missing and cannot be made: {error}",
                cure=f"make it (kafka-topics.sh --create --topic {topic}), or give Andon's user the right to",
            )
        self._partitions[topic] = count
        log.info("made a topic", extra={"topic": topic, "partitions": count})

    def _create_topic(self, topic: str, count: int) -> str | None:
        limits = self._limits
        retain_ms = max(limits.retain_us // 1000, 1)
        config = {
            "retention.ms": str(retain_ms),
            "segment.ms": str(max(retain_ms // _SEGMENTS, 60_000)),
            "max.message.bytes": str(limits.max_record_bytes + (64 << 10)),
            "cleanup.policy": "delete",
            "message.timestamp.type": "LogAppendTime",  # whatever a producer's clock says
        }
        if limits.retain_bytes is not None:
            share = max(limits.retain_bytes // count, _MIN_SEGMENT_BYTES)
            segment = min(max(share // _SEGMENTS, _MIN_SEGMENT_BYTES), _MAX_SEGMENT_BYTES)
            config |= {"retention.bytes": str(share), "segment.bytes": str(segment)}
        wanted = admin_library().NewTopic(topic, count, limits.replication, config=config)
        future = self._admin.create_topics([wanted], operation_timeout=limits.request_s)[topic]
        try:
            future.result(2 * limits.request_s)
        except library().KafkaException as error:
            return str(error.args[0].str())
        except TimeoutError:
            return "the broker does not answer"
        return None

    def _ask_for(self, topic: str) -> int:
        deadline = time.monotonic() + self._limits.request_s
        while time.monotonic() < deadline:
            found = self._admin.list_topics(topic, self._limits.request_s).topics.get(topic)
            if found is not None and found.partitions:
                return len(found.partitions)
            time.sleep(0.1)
        return 0

    def _max_message_bytes(self, topic: str) -> int:
        resource = admin_library().ConfigResource(admin_library().ResourceType.TOPIC, topic)
        try:
            found: Any = self._admin.describe_configs([resource], request_timeout=self._limits.request_s)[resource]
            return int(found.result(2 * self._limits.request_s)["max.message.bytes"].value) - (1 << 10)
        except (library().KafkaException, TimeoutError) as error:
            # Not everybody may look at it: the broker refuses what is too large.
            log.debug("the limit of a topic cannot be read", extra={"topic": topic, "error": str(error)})
            return self._limits.max_record_bytes

    def _ends(self, topic: str, partition: int) -> Ends:
        at = library().TopicPartition(topic, partition)
        return Ends(*self._asking.get_watermark_offsets(at, timeout=self._limits.request_s))

    def _first_from(self, topic: str, at: int, partition: int) -> int:
        """Offset of the first record from a time on; negative when there is none."""
        wanted = library().TopicPartition(topic, partition, max(-(-at // US_PER_MS), 0))
        (found,) = self._asking.offsets_for_times([wanted], timeout=self._limits.request_s)
        if found.error is not None:
            raise library().KafkaException(found.error)
        return int(found.offset)

    def _all_ends(self) -> dict[tuple[str, int], Ends]:
        at = library().TopicPartition
        spec = admin_library().OffsetSpec
        wanted = [at(topic, number) for topic, count in self._partitions.items() for number in range(count)]
        low = self._offsets({each: spec.earliest() for each in wanted})
        high = self._offsets({each: spec.latest() for each in wanted})
        return {(self.stream(topic), number): Ends(low[topic, number], high[topic, number]) for topic, number in high}

    def _offsets(self, wanted: dict[Any, Any]) -> dict[tuple[str, int], int]:
        if not wanted:
            return {}
        found = self._admin.list_offsets(wanted, request_timeout=self._limits.request_s)
        patience = 2 * self._limits.request_s
        return {(at.topic, at.partition): future.result(patience).offset for at, future in found.items()}
