"""The log on Kafka while Kafka is killed, stands still, or moves partitions: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from andon.engines.broker.ports import free_port
from andon.engines.log.consumer import Consumer, ConsumerLimits
from andon.engines.log.kafka.log import KafkaLog
from andon.engines.log.kafka.settings import KafkaAddress
from andon.engines.log.port import SENSORS_DATA
from andon.kit.errors import StartError, TooLargeError, UnavailableError
from andon.kit.samples import SampleBatch, encode
from engines.log.backends import PARTITIONS, QUICK, STREAM, OnKafka
from support.engines import start
from support.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.failure, pytest.mark.timeout(240)]

WITHIN_S = 90
KEYS = [f"device-{i}" for i in range(10)]


@pytest.fixture
def own_kafka() -> Iterator[Kafka]:
    """A broker to be killed."""
    with start(Kafka) as server:
        yield server


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110 (nothing tells when it becomes true)
            await asyncio.sleep(0.02)


class Source:
    """Appends numbered samples of ten devices as ingest does: what was refused is tried again, in order."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log
        self.acknowledged = 0
        self.refused = 0
        self._stopping = False

    async def run(self) -> None:
        while not self._stopping:
            numbers = range(self.acknowledged, self.acknowledged + 50)
            payloads = [encode(SampleBatch.from_rows([(n % 10 + 1, n, float(n), 192, n)])) for n in numbers]
            keys = [KEYS[n % 10] for n in numbers]
            while not self._stopping:
                try:
                    await self._log.append(STREAM, payloads, keys)
                except UnavailableError:
                    self.refused += 1
                    await asyncio.sleep(0.05)
                else:
                    self.acknowledged = numbers.stop
                    break
            await asyncio.sleep(0.002)

    def stop(self) -> None:
        self._stopping = True


class Sink:
    """Remembers what it was given, by device, in order."""

    def __init__(self) -> None:
        self.values: dict[int, list[int]] = defaultdict(list)
        self.active: set[int] = set()
        self.overlaps = 0

    async def __call__(self, batch: SampleBatch, position: int, partition: int) -> None:
        self.overlaps += partition in self.active
        self.active.add(partition)
        await asyncio.sleep(0.001)
        for tag, value in zip(batch.tag_ids.tolist(), batch.values.tolist(), strict=True):
            self.values[tag].append(int(value))
        self.active.discard(partition)

    @property
    def seen(self) -> set[int]:
        return {value for values in self.values.values() for value in values}

    def has_all(self, count: int) -> bool:
        return self.seen >= set(range(count))

    def in_order(self) -> bool:
        """Whether, whatever came again, no device's sample came for the first time after a later one."""
        return all(first == sorted(first) for first in (list(dict.fromkeys(values)) for values in self.values.values()))


@asynccontextmanager
async def running(log: KafkaLog, sink: Sink, group: str = "test") -> AsyncIterator[Consumer]:
    limits = ConsumerLimits(first_pause_s=0.05, longest_pause_s=0.5, wait_s=0.5)
    consumer = Consumer(log, SENSORS_DATA, group, sink, limits=limits)
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        await consumer.stop()
        await task


@asynccontextmanager
async def producing(log: KafkaLog) -> AsyncIterator[Source]:
    source = Source(log)
    task = asyncio.create_task(source.run())
    try:
        yield source
    finally:
        source.stop()
        await task


async def test_a_kafka_that_is_killed_under_load_loses_nothing_acknowledged(own_kafka: Kafka) -> None:
    backend = OnKafka(own_kafka.servers, replace(QUICK, delivery_s=2.0, request_s=2.0))
    async with backend.open() as log:
        sink = Sink()
        async with running(log, sink), producing(log) as source:
            await until(lambda: len(sink.seen) > 2000)
            own_kafka.kill()
            await until(lambda: source.refused > 0)
            assert log.failure is not None
            await asyncio.to_thread(own_kafka.start)
            after = source.acknowledged
            await until(lambda: source.acknowledged > after + 2000)
            assert log.failure is None
            source.stop()
            await until(lambda: sink.has_all(source.acknowledged))
        assert sink.in_order()
        assert sink.overlaps == 0
    # All of it is in Kafka as well, not only in the hands of who was there.
    async with backend.open() as log:
        again = Sink()
        async with running(log, again, "later"):
            await until(lambda: again.has_all(source.acknowledged))
        assert again.in_order()


async def test_a_kafka_that_stands_still_holds_its_writers_back(own_kafka: Kafka) -> None:
    """What waits in memory is bounded however long it takes, and goes on by itself."""
    limits = replace(QUICK, delivery_s=60.0, queue_bytes=1 << 20, request_s=2.0)
    async with OnKafka(own_kafka.servers, limits).open() as log:
        await log.append(STREAM, [b"first"])
        own_kafka.suspend()
        payload = b"x" * 100_000
        appends = [asyncio.create_task(log.append(STREAM, [payload], [f"{i}"])) for i in range(100)]
        await until(lambda: log.queued_bytes >= limits.queue_bytes)
        await asyncio.sleep(0.2)
        assert log.queued_bytes <= limits.queue_bytes + len(payload)
        assert not any(each.done() for each in appends)
        own_kafka.resume()
        await asyncio.gather(*appends)
        ends = [await log.end(STREAM, each) for each in range(PARTITIONS)]
        assert sum(ends) == 101
        assert log.queued_bytes == 0


async def test_two_members_share_the_partitions_and_take_over_from_each_other(kafka_server: Kafka) -> None:
    backend = OnKafka(kafka_server.servers)
    one, two, three = Sink(), Sink(), Sink()
    async with backend.open() as log, backend.open() as other, producing(log) as source:
        async with running(log, one) as first:
            await until(lambda: len(first.positions) == PARTITIONS and len(one.seen) > 500)
            async with running(other, two) as second:
                await until(lambda: len(second.positions) == PARTITIONS // 2 and len(two.seen) > 500)
                assert set(first.positions).isdisjoint(second.positions)
                assert len(first.positions) == PARTITIONS // 2
            await until(lambda: len(first.positions) == PARTITIONS)
        # The first has left too; another process takes up where both ended.
        async with running(other, three):
            reached = source.acknowledged
            await until(lambda: source.acknowledged > reached + 500)
            source.stop()
            sinks = (one, two, three)
            await until(lambda: set().union(*(sink.seen for sink in sinks)) >= set(range(source.acknowledged)))
    assert all(sink.in_order() and not sink.overlaps for sink in sinks)
    # Members that leave in peace commit what they have handled: nothing is handled twice.
    handled = sorted(itertools.chain(*(values for sink in sinks for values in sink.values.values())))
    assert len(handled) == len(set(handled))


async def test_a_member_that_is_killed_is_replaced_after_its_session(kafka_server: Kafka) -> None:
    backend = OnKafka(kafka_server.servers, replace(QUICK, session_s=2.0))
    heir = Sink()
    async with backend.open() as log, producing(log) as source:
        member = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _MEMBER, kafka_server.servers, backend.address.prefix),
            stdout=asyncio.subprocess.PIPE,
        )
        assert member.stdout is not None
        lines = [await member.stdout.readline() for _ in range(500)]
        member.kill()
        lines += (await member.stdout.read()).splitlines(keepends=True)
        await member.wait()
        seen = {int(line) for line in lines if line.endswith(b"\n")}
        async with running(log, heir):
            await until(lambda: len(heir.seen) > 500)
            source.stop()
            await until(lambda: seen | heir.seen >= set(range(source.acknowledged)))
    assert heir.in_order()


_MEMBER = """
import asyncio, sys
from andon.engines.log.consumer import Consumer
from andon.engines.log.kafka.log import KafkaLog
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits

async def handle(batch, position, partition):
    for value in batch.values.tolist():
        print(int(value), flush=True)

async def main():
    log = await KafkaLog.open(KafkaAddress(sys.argv[1], sys.argv[2]), KafkaLimits(session_s=2.0))
    await Consumer(log, "sensors-data", "test", handle).run()

asyncio.run(main())
"""


async def test_a_handler_that_does_not_end_holds_a_rebalance_up_for_a_bounded_time(kafka_server: Kafka) -> None:
    backend = OnKafka(kafka_server.servers, replace(QUICK, revoke_s=1.0))
    stuck = asyncio.Event()

    async def handle(batch: SampleBatch, position: int, partition: int) -> None:
        await stuck.wait()

    async with backend.open() as log, backend.open() as other:
        payload = encode(SampleBatch.from_rows([(1, 1, 1.0, 192, 1)]))
        await log.append(STREAM, [payload] * 40, [f"{i}" for i in range(40)])
        consumer = Consumer(log, SENSORS_DATA, "test", handle)  # type: ignore[arg-type]
        task = asyncio.create_task(consumer.run())
        await until(lambda: len(consumer.positions) == PARTITIONS)
        sink = Sink()
        async with running(other, sink) as second:
            await until(lambda: len(second.positions) == PARTITIONS // 2)
            stuck.set()
        await consumer.stop()
        await task


async def test_a_start_without_a_broker_ends_and_names_the_setting() -> None:
    address = KafkaAddress.parse(f"kafka://127.0.0.1:{free_port()}")
    began = time.monotonic()
    with pytest.raises(StartError, match="ANDON_LOG_URL") as caught:
        await KafkaLog.open(address, replace(QUICK, start_s=1.0))
    assert time.monotonic() - began < 20
    assert "start Kafka" in (caught.value.cure or "")


async def test_a_start_waits_for_a_broker_that_comes_up(tmp_path: Path) -> None:
    port = free_port()
    opening = asyncio.create_task(KafkaLog.open(KafkaAddress(f"127.0.0.1:{port}"), replace(QUICK, start_s=120.0)))
    await asyncio.sleep(0.5)
    with start(Kafka, tmp_path / "kafka", port=port):
        log = await asyncio.wait_for(opening, WITHIN_S)
        await log.append(STREAM, [b"a"])
        await log.close()


async def test_a_topic_that_cannot_be_made_is_said_with_the_cure(kafka_server: Kafka) -> None:
    backend = OnKafka(kafka_server.servers, replace(QUICK, replication=3, request_s=2.0))
    with pytest.raises(StartError, match="sensors-data is missing and cannot be made") as caught:
        await backend._open()
    assert "kafka-topics.sh --create" in (caught.value.cure or "")


async def test_topics_of_others_are_taken_as_they_are(kafka_server: Kafka) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    backend = OnKafka(kafka_server.servers)
    admin = AdminClient({"bootstrap.servers": kafka_server.servers})
    topic = NewTopic(backend.address.prefix + STREAM, 3, 1, config={"max.message.bytes": "50000"})
    for future in admin.create_topics([topic]).values():
        future.result(30)
    async with backend.open() as log:
        assert await log.partitions(STREAM) == 3
        assert log.record_limit(STREAM) < 50_000
        with pytest.raises(TooLargeError, match="over what the topic"):
            await log.append(STREAM, [b"x" * 60_000])
        await log.append(STREAM, [b"x" * log.record_limit(STREAM)])


async def test_records_that_retention_took_before_they_were_read_are_told(
    kafka_server: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    backend = OnKafka(kafka_server.servers)
    async with backend.open() as log:
        await log.append("dead-letters", [b"%d" % i for i in range(10)])
        assert (await log.read("dead-letters", 0, max_records=2))[-1].position == 2
        admin = AdminClient({"bootstrap.servers": kafka_server.servers})
        gone = TopicPartition(backend.address.prefix + "dead-letters", 0, 6)
        for future in admin.delete_records([gone]).values():
            await asyncio.to_thread(future.result, 30)
    async with backend.open() as log:
        with caplog.at_level(logging.ERROR):
            records = await log.read("dead-letters", 2)
        assert [int(record.payload) for record in records] == [6, 7, 8, 9]
        (said,) = [record for record in caplog.records if "deleted before they were read" in record.message]
        assert said.__dict__["records"] == 4
        assert [int(record.payload) for record in await log.read("dead-letters", 0)] == [6, 7, 8, 9]
        status = next(each for each in (await log.status()).streams if each.stream == "dead-letters")
        assert (status.first, status.end) == (7, 10)


async def test_while_kafka_is_away_calls_fail_soon_and_closing_ends(own_kafka: Kafka) -> None:
    limits = replace(QUICK, delivery_s=2.0, request_s=1.0)
    log = await OnKafka(own_kafka.servers, limits)._open()
    sink = Sink()
    async with running(log, sink):  # type: ignore[arg-type]
        await log.append(STREAM, [encode(SampleBatch.from_rows([(1, 1, 1.0, 192, 1)]))])
        await until(lambda: sink.seen == {1})
        own_kafka.kill()
        for call in (lambda: log.append(STREAM, [b"a"]), lambda: log.end(STREAM), log.status):
            with pytest.raises(UnavailableError):
                await asyncio.wait_for(call(), WITHIN_S)
    await asyncio.wait_for(log.close(), WITHIN_S)
