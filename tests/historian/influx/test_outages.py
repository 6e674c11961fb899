"""InfluxDB may go at any moment: nothing that was acknowledged is missing or doubled, and the log is the spool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from andon.engines.log.consumer import Consumer
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.historian.service import Historian, HistorianLimits
from andon.historian.stores.influx.store import InfluxStore
from andon.kit.errors import StartError, UnavailableError
from andon.kit.samples import SampleBatch, encode
from historian.influx.support import QUICK, opened
from historian.support import T0, S, directory
from support.engines import start
from support.servers import Influx

pytestmark = pytest.mark.failure
TAGS = np.arange(1, 41, dtype=np.int32)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Influx]:
    with start(Influx, tmp_path / "influx") as running:
        yield running


def second(number: int) -> SampleBatch:
    """All tags once: the value tells which second it was."""
    times = np.full(len(TAGS), T0 + number * S)
    return SampleBatch(TAGS, times, np.full(len(TAGS), float(number)), np.full(len(TAGS), 192, np.uint8), times)


async def until(condition: Callable[[], bool], what: str, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"it does not happen: {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def following(folder: Path, url: str) -> AsyncIterator[tuple[EmbeddedLog, Consumer, InfluxStore]]:
    """A log, and a historian that follows it into InfluxDB."""
    log = EmbeddedLog.open(folder / "log.db", LogLimits(min_free_bytes=0))
    async with opened(url) as store:
        historian = Historian(store, directory(), HistorianLimits(flush_interval_s=0.01, flush_records=20))
        consumer = await historian.follow(log)
        task = asyncio.create_task(consumer.run())
        yield log, consumer, store
        await consumer.stop()
        await task
    await log.close()


async def check(store: InfluxStore, seconds: int) -> None:
    """Every second of every tag is there, once and right."""
    assert await store.rows(TAGS.tolist(), 0, 10**16) == seconds * len(TAGS)
    for tag in (1, 17, 40):
        columns = await store.read(tag, 0, 10**16, 10**6)
        assert columns.values.tolist() == [float(number) for number in range(seconds)]
    assert (await store.size()).samples == seconds * len(TAGS)


async def test_killed_under_load_nothing_is_missing_or_doubled(server: Influx, tmp_path: Path) -> None:
    async with following(tmp_path, f"{server.url}/plant") as (log, consumer, store):
        count = 0
        for _ in range(3):
            for _ in range(100):
                await log.append(SENSORS_DATA, [encode(second(count))])
                count += 1
            await until(lambda: consumer.handled.batches > 0, "it is being written")
            await asyncio.to_thread(server.kill)
            for _ in range(50):  # while it is away the log takes everything
                await log.append(SENSORS_DATA, [encode(second(count))])
                count += 1
            await until(lambda: consumer.handled.failures > 0, "it noticed")
            assert await consumer.lag() > 0
            consumer.handled.batches = consumer.handled.failures = 0
            await asyncio.to_thread(server.start)
        await until(lambda: consumer.positions == {0: count}, "it caught up")
        await check(store, count)
        assert consumer.handled.dead_letters == 0


async def test_andon_is_killed_and_writes_the_last_batches_again(server: Influx, tmp_path: Path) -> None:
    url = f"{server.url}/plant"
    async with opened(url) as store:
        for number in range(10):
            assert await store.write(second(number), number + 1) == number + 1
        # As if it had been killed after the samples and before the position.
        await store._client.query('DELETE FROM "andon_position"')
        await store._positions.take(0, 7)
    async with opened(url) as store:
        position = await store.position()
        assert position == 7
        for number in range(position, 10):
            await store.write(second(number), number + 1)
        await check(store, 10)


async def test_an_influx_that_stands_still_is_waited_for(server: Influx) -> None:
    async with opened(f"{server.url}/plant", QUICK) as store:
        await store.write(second(0), 1)
        server.suspend()
        writing = asyncio.create_task(store.write(second(1), 2))
        await asyncio.sleep(0.5)
        assert not writing.done()
        server.resume()
        assert await writing == 2
        await check(store, 2)


async def test_away_is_said_with_a_cure(server: Influx) -> None:
    async with opened(f"{server.url}/plant") as store:
        await asyncio.to_thread(server.kill)
        for work in (store.write(second(0), 1), store.read(1, 0, 10, 10), store.position(), store.storage()):
            with pytest.raises(UnavailableError, match="cannot be reached") as caught:
                await work
            assert caught.value.cure == "start it, or correct ANDON_INFLUX_URL"
        await asyncio.to_thread(server.start)
        assert await store.write(second(0), 1) == 1


async def test_without_influx_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be reached"):
        async with opened("http://127.0.0.1:9/plant", replace(QUICK, start_wait_s=0.1)):
            raise AssertionError


async def test_a_database_that_was_dropped_is_made_again(server: Influx) -> None:
    async with opened(f"{server.url}/plant") as store:
        await store.write(second(0), 1)
        await store._client.query('DROP DATABASE "plant"')
        assert await store.write(second(1), 2) == 2
        assert (await store.read(1, 0, 10**16, 10)).values.tolist() == [1.0]
