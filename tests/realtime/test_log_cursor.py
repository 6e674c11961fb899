"""Clients come back with one number, also where the log has several partitions and another process answers."""

from __future__ import annotations

import numpy as np
import pytest

from andon.engines.log.consumer import Consumer
from andon.engines.log.port import SENSORS_DATA, Log
from andon.kit.samples import SampleBatch, encode
from andon.realtime.catchup import CatchUpLimits, Missed, missed_between
from andon.realtime.log_cursor import LogCursor
from engines.log.backends import OnKafka
from realtime.harness import AT, row
from support.servers import Kafka

LIMITS = CatchUpLimits(1000, 1000, 16 << 20)
TAGS = np.arange(1, 9, dtype=np.int32)


async def append(log: Log, *values: float) -> None:
    """Value n is a sample of tag n, in the partition of its own key."""
    for value in values:
        batch = SampleBatch.from_rows([row(int(value), value, AT, received=AT + int(value))])
        await log.append(SENSORS_DATA, [encode(batch)], [f"device-{value}"])


async def follow(log: Log, cursor: LogCursor, count: int) -> None:
    """As the realtime service does, until so many samples were handled."""
    left = count

    async def handle(batch: SampleBatch, position: int, partition: int) -> None:
        nonlocal left
        cursor.advance(position, partition)
        left -= len(batch)
        if left <= 0:
            await consumer.stop()

    consumer = Consumer(log, SENSORS_DATA, "realtime", handle, start_at=dict(cursor.positions), commit=False)
    await consumer.run()


async def missed(log: Log, cursor: LogCursor, number: int, limits: CatchUpLimits = LIMITS) -> Missed:
    positions = await cursor.after_number(number)
    assert positions is not None
    return await missed_between(log, positions, cursor.positions, TAGS, limits)


async def test_a_number_leads_back_to_where_all_partitions_stood(kafka_server: Kafka) -> None:
    async with OnKafka(kafka_server.servers).open() as log:
        cursor = LogCursor(log)
        await append(log, 1, 2)
        await cursor.start()
        numbers = [cursor.number]
        for value in range(3, 9):
            await append(log, value)
            await follow(log, cursor, 1)
            numbers.append(cursor.number)
        assert numbers == sorted(set(numbers)), "it grows"
        found = [(await missed(log, cursor, number)).batch.values.tolist() for number in numbers]
        # Positions are remembered every tenth of a second: a little may come twice, nothing is missing.
        for index, values in enumerate(found):
            assert values == sorted(values)
            assert set(values) >= set(range(3 + index, 9))
        assert found[0] == [3, 4, 5, 6, 7, 8]


async def test_a_number_of_another_process_is_looked_up_by_its_time(kafka_server: Kafka) -> None:
    backend = OnKafka(kafka_server.servers)
    async with backend.open() as log, backend.open() as other:
        theirs = LogCursor(other)
        await theirs.start()
        await append(log, 1, 2, 3)
        await follow(other, theirs, 3)
        await append(log, 4, 5)
        ours = LogCursor(log)
        await ours.start()
        assert set((await missed(log, ours, theirs.number)).batch.values.tolist()) >= {4, 5}


async def test_too_much_is_cut_to_the_newest_of_all_partitions(kafka_server: Kafka) -> None:
    async with OnKafka(kafka_server.servers).open() as log:
        cursor = LogCursor(log)
        await cursor.start()
        number = cursor.number
        await append(log, *range(1, 9))
        await follow(log, cursor, 8)
        found = await missed(log, cursor, number, CatchUpLimits(3, 1000, 16 << 20))
        assert (found.batch.values.tolist(), found.truncated) == ([6, 7, 8], True)


async def test_a_number_from_the_future_is_of_another_log(kafka_server: Kafka) -> None:
    async with OnKafka(kafka_server.servers).open() as log:
        cursor = LogCursor(log)
        await cursor.start()
        assert await cursor.after_number(cursor.number + 10**12) is None


@pytest.mark.parametrize("number", [0, 4711])
async def test_a_number_of_a_log_of_one_partition_gives_the_newest(kafka_server: Kafka, number: int) -> None:
    async with OnKafka(kafka_server.servers).open() as log:
        cursor = LogCursor(log)
        await append(log, 1, 2, 3)
        await cursor.start()
        assert sorted((await missed(log, cursor, number)).batch.values.tolist()) == [1, 2, 3]
