"""A consumer handles every sample at least once, in order, and does not let one bad record stop it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from andon.engines.log.consumer import Consumer, ConsumerLimits
from andon.engines.log.port import DEAD_LETTERS, SENSORS_DATA, Log
from andon.kit.errors import UnavailableError
from andon.kit.samples import SampleBatch, encode
from engines.log.backends import KAFKA, Backend, home

LIMITS = ConsumerLimits(attempts=2, first_pause_s=0.001, longest_pause_s=0.01)


pytestmark = pytest.mark.parametrize("backend", ["embedded", KAFKA], indirect=True)


@pytest.fixture
async def log(backend: Backend) -> AsyncIterator[Any]:
    async with backend.open() as log:
        yield log


async def append(log: Log, *payloads: bytes) -> None:
    """To one partition, in order."""
    await log.append(SENSORS_DATA, payloads, ["k"] * len(payloads))


def handled(consumer: Consumer) -> int:
    """Records handled: positions are counted within partitions."""
    return sum(consumer.positions.values())


async def committed(log: Log, group: str) -> int:
    partitions = range(await log.partitions(SENSORS_DATA))
    return sum([await log.committed(group, SENSORS_DATA, each) for each in partitions])


async def letters(log: Log) -> list[dict[str, Any]]:
    return [msgspec.json.decode(record.payload) for record in await log.read(DEAD_LETTERS, 0)]


def samples(*values: float) -> bytes:
    return encode(SampleBatch.from_rows([(1, i, value, 192, i) for i, value in enumerate(values)]))


class Sink:
    """A handler that remembers the values it was given; `fails` decides which batches it refuses."""

    def __init__(self, fails: Callable[[list[float]], Exception | None] = lambda values: None) -> None:
        self.values: list[float] = []
        self.calls: list[tuple[int, int]] = []
        self._fails = fails

    async def __call__(self, batch: SampleBatch, position: int, partition: int) -> None:
        error = self._fails(batch.values.tolist())
        if error is not None:
            raise error
        self.values += batch.values.tolist()
        self.calls.append((len(batch), position))


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator[Consumer]:
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        await consumer.stop()
        await task


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    while True:
        met = condition()
        if met is True or (not isinstance(met, bool) and await met):
            return
        await asyncio.sleep(0.005)


async def test_it_handles_what_is_there_and_what_comes(log: Log) -> None:
    sink = Sink()
    await append(log, samples(1, 2), samples(3))
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=LIMITS)) as consumer:
        await until(lambda: sink.values == [1, 2, 3])
        await append(log, samples(4))
        await until(lambda: handled(consumer) == 3)
        assert await consumer.lag() == 0
    assert sink.values == [1, 2, 3, 4]
    assert (consumer.handled.records, consumer.handled.samples) == (3, 4)


async def test_it_goes_on_where_its_group_committed(log: Log) -> None:
    first, second, other = Sink(), Sink(), Sink()
    await append(log, samples(1))
    async with running(Consumer(log, SENSORS_DATA, "test", first, limits=LIMITS)):
        await until(lambda: first.values == [1])
    await append(log, samples(2))
    async with running(Consumer(log, SENSORS_DATA, "test", second, limits=LIMITS)):
        await until(lambda: second.values == [2])
    async with running(Consumer(log, SENSORS_DATA, "other", other, limits=LIMITS)):
        await until(lambda: other.values == [1, 2])


async def test_it_can_start_at_the_end_or_at_a_position_of_its_own(log: Log) -> None:
    end, own = Sink(), Sink()
    await append(log, samples(1), samples(2))
    at_end = Consumer(log, SENSORS_DATA, "end", end, start_at="end", limits=LIMITS)
    at_own = Consumer(log, SENSORS_DATA, "own", own, start_at=1, commit=False, limits=LIMITS)
    assert await at_end.seek(await home(log, "k")) == 2
    async with running(at_end), running(at_own):
        await until(lambda: own.values == [2])
        await until(lambda: sum(at_end.positions.values()) == 2)
        await append(log, samples(3))
        await until(lambda: end.values == [3] and own.values == [2, 3])
    groups = {group.group for stream in (await log.status()).streams for group in stream.groups}
    assert groups == {"end"}, "a consumer that keeps its own position leaves none in the log"


async def test_a_log_that_was_replaced_is_handled_from_its_beginning(log: Log) -> None:
    sink = Sink()
    await append(log, samples(1))
    async with running(Consumer(log, SENSORS_DATA, "test", sink, start_at=900, limits=LIMITS)):
        await until(lambda: sink.values == [1])


async def test_a_handler_that_fails_for_a_moment_loses_nothing(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    failures = iter([RuntimeError("hiccup"), None, None])
    sink = Sink(lambda values: next(failures))
    await append(log, samples(1), samples(2))
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=LIMITS)) as consumer:
        await until(lambda: sink.values == [1, 2])
    assert consumer.handled.failures == 1
    assert await log.end(DEAD_LETTERS) == 0


@pytest.mark.parametrize("error", [UnavailableError("the database is away"), ConnectionError("refused")])
async def test_what_is_away_is_waited_for_however_long_and_said_once(
    log: Log, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    failures = iter([error] * 20)
    sink = Sink(lambda values: next(failures, None))
    await append(log, samples(1))
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=LIMITS)):
        await until(lambda: sink.values == [1])
    assert await log.end(DEAD_LETTERS) == 0
    assert len([r for r in caplog.records if r.levelname == "WARNING"]) == 1


async def test_a_poisoned_record_is_set_aside_and_the_rest_handled_in_order(log: Log) -> None:
    sink = Sink(lambda values: ValueError("no sevens") if 7 in values else None)
    await append(log, *[samples(i) for i in range(10)])
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=LIMITS)) as consumer:
        await until(lambda: handled(consumer) == 10)
    assert sink.values == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    (letter,) = await letters(log)
    assert letter["reason"] == "handler_failed"
    assert "no sevens" in letter["detail"]
    assert (letter["topic"], letter["position"]) == (SENSORS_DATA, 8)
    assert base64.b64decode(letter["payload"]) == samples(7)
    assert await committed(log, "test") == 10


async def test_a_record_that_is_no_batch_is_set_aside_at_once(log: Log) -> None:
    sink = Sink()
    await append(log, samples(1), b"garbage", samples(2))
    patient = replace(LIMITS, attempts=1000, first_pause_s=60, longest_pause_s=60)
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=patient)) as consumer:
        await until(lambda: handled(consumer) == 3)
    assert sink.values == [1, 2]
    assert consumer.handled.dead_letters == 1


async def test_stopping_while_something_is_away_skips_nothing(log: Log) -> None:
    sink = Sink(lambda values: UnavailableError("away"))
    await append(log, samples(1), samples(2))
    slow = replace(LIMITS, first_pause_s=60, longest_pause_s=60)
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=slow)) as consumer:
        await until(lambda: consumer.handled.failures == 1)
    assert await committed(log, "test") == 0


async def test_a_busy_stream_is_handled_in_larger_batches(log: Log) -> None:
    sink = Sink()
    paced = replace(LIMITS, min_interval_s=0.1)
    clock = asyncio.get_running_loop().time
    began = clock()
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=paced)):
        for i in range(20):
            await append(log, samples(i))
        await until(lambda: len(sink.values) == 20)
        intervals = (clock() - began) / paced.min_interval_s
    assert len(sink.calls) <= 2 + intervals, "the first at once, the others gathered"


@pytest.mark.parametrize("limit", [{"max_records": 2}, {"max_bytes": 100}])
async def test_a_backlog_is_worked_off_without_pauses(log: Log, limit: dict[str, int]) -> None:
    sink = Sink()
    await append(log, *[samples(i) for i in range(8)])
    paced = replace(LIMITS, min_interval_s=3600, **limit)
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=paced)):
        await until(lambda: len(sink.values) == 8)
    assert len(sink.calls) > 1


async def test_it_waits_for_a_log_that_cannot_be_read(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink()
    read = log.read
    refusals = iter([UnavailableError("the disk is away")] * 3)

    async def unreliable(*arguments: object) -> object:
        with contextlib.suppress(StopIteration):
            raise next(refusals)
        return await read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(log, "read", unreliable)
    await append(log, samples(1))
    async with running(Consumer(log, SENSORS_DATA, "test", sink, limits=LIMITS)):
        await until(lambda: sink.values == [1])
