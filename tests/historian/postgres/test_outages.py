"""PostgreSQL dies, is cut off, or is a step behind: nothing that the log has is missing or doubled, and it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import psycopg
import pytest

from andon.engines.log.consumer import Consumer, ConsumerLimits
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from andon.kit.errors import UnavailableError
from andon.kit.samples import encode
from historian.postgres.conftest import Opener
from historian.support import T0, S, batch
from support.engines import start
from support.servers import Postgres, Replica, Timescale

ALL = (0, 10**17)
PATIENT = ConsumerLimits(max_records=20, first_pause_s=0.02, longest_pause_s=0.2)
TAGS = 5


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server that may be killed; another kind than PostgreSQL alone when a test asks for it."""
    with start(getattr(request, "param", Postgres)) as server:
        yield server


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    for _ in range(1200):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what}: it does not happen")


@asynccontextmanager
async def following(folder: Path, store: PostgresStore) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog.open(folder / "log.db", LogLimits(min_free_bytes=0))
    consumer = Consumer(log, SENSORS_DATA, "historian", store.write, start_at=store.position, limits=PATIENT)
    task = asyncio.create_task(consumer.run())
    yield log
    await consumer.stop()
    await task
    await log.close()


class Load:
    """Puts samples into the log until told to stop: new ones, and now and then an old one again or corrected."""

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        self.expected: dict[tuple[int, int], float] = {}
        self.position = 0
        self._stopping = False

    async def run(self) -> None:
        number = 0
        while not self._stopping:
            rows = [(tag, T0 + number * S, float(number)) for tag in range(1, TAGS + 1)]
            if number % 3 == 0 and number:
                rows.append((1, T0 + (number // 2) * S, -float(number)))
            number += 1
            self.position = await self._log.append(SENSORS_DATA, [encode(batch(*rows))])
            self.expected |= {(tag, at): value for tag, at, value in rows}
            await asyncio.sleep(0.001)

    def stop(self) -> None:
        self._stopping = True


async def check(store: PostgresStore, load: Load) -> None:
    """Exactly what was put into the log."""

    async def caught_up() -> bool:
        try:
            return await store.position() == load.position
        except UnavailableError:
            return False

    await until(caught_up, "the store catches up")
    found = {}
    for tag in range(1, TAGS + 1):
        columns = await store.read(tag, *ALL, 10**6)
        found |= {
            (tag, at): value for at, value in zip(columns.timestamps.tolist(), columns.values.tolist(), strict=True)
        }
    assert found == load.expected
    assert (await store.size()).samples == len(load.expected)


@pytest.mark.failure
@pytest.mark.parametrize("own_server", [Postgres, Timescale], indirect=True, ids=["native", "timescale"])
async def test_killed_under_load_it_loses_and_doubles_nothing(own_server: Postgres, tmp_path: Path) -> None:
    store = PostgresStore.open(own_server.url, limits=PostgresLimits(connections=3, maintain_interval_s=0.05))
    async with following(tmp_path, store) as log:
        load = Load(log)
        loading = asyncio.create_task(load.run())
        for _ in range(3):
            reached = (await asyncio.to_thread(lambda: load.position)) + 50

            async def some_came(reached: int = reached) -> bool:
                try:
                    return await store.position() > reached
                except UnavailableError:
                    return False

            await until(some_came, "samples come")
            await asyncio.to_thread(own_server.kill)
            with pytest.raises(UnavailableError):
                await store.read(1, *ALL, 1)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(own_server.start)
        load.stop()
        await loading
        await check(store, load)
    await store.close()


@pytest.mark.failure
async def test_connections_that_are_cut_are_made_again(opened: Opener, url: str, tmp_path: Path) -> None:
    store = opened()
    async with following(tmp_path, store) as log:
        load = Load(log)
        loading = asyncio.create_task(load.run())
        with psycopg.connect(url, autocommit=True) as other:
            for _ in range(5):
                await asyncio.sleep(0.1)
                other.execute(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'andon' AND pid <> pg_backend_pid()
                    """
                )
                await store.read(1, *ALL, 1)  # a question is asked again on a new connection
        load.stop()
        await loading
        await check(store, load)


@pytest.mark.failure
async def test_a_server_that_is_full_of_connections_is_waited_for(own_server: Postgres) -> None:
    store = PostgresStore.open(own_server.url, maintenance=False)
    await store.write(batch((1, T0, 1.0)), 1)
    await store._writing.run(lambda connection: connection.close())
    crowd = []
    with pytest.raises(psycopg.OperationalError):
        while True:
            crowd.append(psycopg.connect(own_server.url))
    with pytest.raises(UnavailableError):
        await store.write(batch((1, T0 + S, 2.0)), 2)
    for connection in crowd:
        connection.close()

    async def written() -> bool:
        try:
            return await store.write(batch((1, T0 + S, 2.0)), 2) == 2
        except UnavailableError:
            return False

    await until(written, "there is room again")
    assert (await store.read(1, *ALL, 9)).values.tolist() == [1.0, 2.0]
    await store.close()


async def test_two_processes_that_write_and_maintain_at_once_sum_up_everything_once(opened: Opener) -> None:
    """Samples around the moment before which they count as late, while that moment moves on: a minute in 20 ms."""
    limits = PostgresLimits(connections=3, maintain_interval_s=0.001, late_window_s=0)
    began = time.monotonic_ns()

    def clock() -> int:
        return T0 + (time.monotonic_ns() - began) // 1000 * 3000

    stores = [opened(limits=limits, maintenance=True, clock=clock) for _ in range(2)]

    async def write(number: int) -> None:
        rng = np.random.default_rng(number)
        for position in range(1, 250):
            around = clock() - rng.integers(-60 * S, 180 * S, 20)
            tags = rng.integers(1, 4, 20) + 10 * number
            rows = zip(tags.tolist(), around.tolist(), rng.random(20).tolist(), strict=True)
            await stores[number].write(batch(*rows), position, partition=number)

    await asyncio.gather(write(0), write(1))
    for _ in range(2):
        await stores[0].maintain()
    edges = np.arange(T0 - 600 * S, clock() + 120 * S, 60 * S)
    for tag in (1, 2, 3, 11, 12, 13):
        samples = await stores[1].read(tag, *ALL, 10**6)
        (found,) = await stores[1].series([tag], edges)
        slots = np.searchsorted(edges, samples.timestamps, "right") - 1
        assert found.counts.tolist() == np.unique(slots, return_counts=True)[1].tolist()
        expected = [samples.values[slots == slot].mean() for slot in np.unique(slots)]
        assert found.means.tolist() == pytest.approx(expected)


async def test_history_is_read_from_a_replica_that_follows(own_server: Postgres) -> None:
    with start(Replica, primary=own_server) as replica:
        limits = PostgresLimits(connections=3)
        store = PostgresStore.open(own_server.url, replica_url=replica.url, limits=limits, maintenance=False)
        await store.write(batch((1, T0, 1.0)), 1)

        async def values() -> list[float]:
            return (await store.read(1, *ALL, 10)).values.tolist()

        async def arrived() -> bool:
            return await values() == [1.0]

        await until(arrived, "the replica has it")
        with psycopg.connect(replica.url, autocommit=True) as connection:
            connection.execute("SELECT pg_wal_replay_pause()")
            await store.write(batch((1, T0 + S, 2.0)), 2)
            assert await values() == [1.0], "it is the replica that answers"
            assert await store.position() == 2, "but never where the log stands"
            (sums,) = await store.series([1], np.array([T0, T0 + 10 * S]))
            assert sums.counts.tolist() == [1]
            strict = PostgresStore.open(
                own_server.url,
                replica_url=replica.url,
                limits=PostgresLimits(connections=3, replica_max_lag_s=0),
                maintenance=False,
            )

            async def passed_over() -> bool:
                return (await strict.read(1, *ALL, 10)).values.tolist() == [1.0, 2.0]

            await until(passed_over, "a replica too far behind is not asked")
            await strict.close()
        replica.kill()
        assert await values() == [1.0, 2.0], "the primary answers when the replica is gone"
        replica.start()
        await store.write(batch((1, T0 + 2 * S, 3.0)), 3)

        async def back() -> bool:
            return await values() == [1.0, 2.0, 3.0] and store._reading._good

        await until(back, "the replica is asked again")
        await store.close()
