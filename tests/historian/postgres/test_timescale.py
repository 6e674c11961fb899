"""With TimescaleDB history lies in chunks that are compressed once their day is over, and whoever comes late is in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.samples import SampleBatch
from historian.support import S, batch
from support.servers import Timescale

DAY = 20_000 * US_PER_DAY
LIMITS = PostgresLimits(connections=3, compact_every_s=0)
STEP = S // 2
COUNT = US_PER_DAY // STEP


class Clock:
    """The day after the next, so that the first day is over for long enough."""

    def __init__(self) -> None:
        self.now = DAY + 2 * US_PER_DAY + US_PER_HOUR

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def url(timescale_server: Timescale) -> Iterator[str]:
    """An empty database with the extension."""
    with timescale_server.database() as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(url: str, clock: Clock) -> AsyncIterator[PostgresStore]:
    """A whole day of one tag, twice a second, and a little of another."""
    store = PostgresStore.open(url, limits=LIMITS, clock=clock, maintenance=False)
    times = DAY + np.arange(COUNT, dtype=np.int64) * STEP
    values = np.sin(np.arange(COUNT) / 100).round(3)
    tags, qualities = np.full(COUNT, 1, np.int32), np.full(COUNT, 192, np.uint8)
    await store.write(SampleBatch(tags, times, values, qualities, times), 1)
    await store.write(batch(*((2, DAY + i * US_PER_HOUR, float(i)) for i in range(24))), 2)
    yield store
    await store.close()


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()


def chunks(url: str, table: str = "samples") -> list[tuple[bool, bool]]:
    """Of each chunk: whether it is compressed, and whether rows have come to it since."""
    query = f"""
        SELECT c.is_compressed, k.status & 8 <> 0 FROM timescaledb_information.chunks c
        JOIN _timescaledb_catalog.chunk k ON k.schema_name = c.chunk_schema AND k.table_name = c.chunk_name
        WHERE c.hypertable_name = '{table}' ORDER BY c.range_start
    """
    return ask(url, query)


async def values(store: PostgresStore, tag: int) -> list[float]:
    return (await store.read(tag, DAY, DAY + US_PER_DAY, 2 * COUNT)).values.tolist()


async def test_tables_are_hypertables_with_a_chunk_a_day(store: PostgresStore, url: str) -> None:
    await store.write(batch((1, DAY + US_PER_DAY, 1.0)), 3)
    found = ask(url, "SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1")
    assert [row[0] for row in found if row[0].startswith("samples")] == ["samples", "samples_1h", "samples_1min"]
    assert chunks(url) == [(False, False), (False, False)]


async def test_a_day_that_is_over_is_compressed_and_read_as_before(store: PostgresStore, url: str) -> None:
    before = await values(store, 1)
    raw = (await store.storage()).tiers[0]
    await store.maintain()
    assert chunks(url) == [(True, False)]
    compressed = (await store.storage()).tiers[0]
    assert compressed.rows == raw.rows == COUNT + 24
    assert compressed.bytes < raw.bytes / 5
    assert await values(store, 1) == before
    assert (await store.latest([2])).values.tolist() == [23.0]


async def test_corrections_of_a_compressed_day_may_unpack_more_than_the_extension_allows(
    store: PostgresStore, url: str
) -> None:
    await store.maintain()
    expected = np.array(await values(store, 1))
    places = np.arange(0, COUNT, 500)
    with psycopg.connect(url, autocommit=True) as connection, pytest.raises(psycopg.Error, match="limit exceeded"):
        connection.execute("UPDATE samples SET value = 0 WHERE tag_id = 1")
    corrected = [(1, DAY + int(place) * STEP, 100.0 + place) for place in places]
    await store.write(batch(*corrected, (1, DAY + 1, -1.0), (3, DAY + US_PER_HOUR, 7.0)), 3)
    expected[places] = 100.0 + places
    expected = np.insert(expected, 1, -1.0)
    assert (await store.size()).samples == COUNT + 26
    assert chunks(url) == [(True, True)]
    for _ in range(2):
        assert await values(store, 1) == expected.tolist()
        assert await values(store, 3) == [7.0]
        (found,) = await store.series([1], np.array([DAY, DAY + US_PER_DAY]))
        assert (found.counts[0], found.maxima[0]) == (COUNT + 1, 100.0 + places[-1])
        await store.maintain()
    assert chunks(url) == [(True, False)], "it is compressed again"


async def test_days_are_summed_up_by_themselves_and_late_samples_are_in_them(store: PostgresStore, url: str) -> None:
    await store.maintain()
    query = "SELECT start, count, min, max, first, last, mean FROM samples_1d WHERE tag_id = 2"
    assert [row[1:] for row in ask(url, query)] == [(24, 0.0, 23.0, 0.0, 23.0, 11.5)]
    await store.write(batch((2, DAY + US_PER_DAY - 1, 47.0), (2, DAY, -24.0)), 3)
    await store.maintain()
    ((_, count, least, most, first, last, mean),) = ask(url, query)
    assert (count, least, most, first, last) == (25, -24.0, 47.0, -24.0, 47.0)
    assert mean == pytest.approx((23 * 24 / 2 - 24 + 47) / 25)


async def test_retention_drops_chunks_and_thins_compressed_ones(store: PostgresStore, url: str, clock: Clock) -> None:
    await store.maintain()
    keep, short = Retention(None, None, None), Retention(1, 1, 1)
    clock.now = DAY + 70 * US_PER_DAY
    dropped = await store.retain(RetentionPolicies(short, {2: keep}), clock.now)
    assert {each.tier: each.rows for each in dropped} == {"raw": COUNT, "minute": 1440, "hour": 24}
    assert (await values(store, 1), len(await values(store, 2))) == ([], 24)
    assert (await store.size()).samples == 24
    await store.maintain()
    assert ask(url, "SELECT tag_id FROM samples_1d") == [(2,)], "nor are their days kept"
    await store.retain(RetentionPolicies(short), clock.now)
    assert [chunks(url, table) for table in ("samples", "samples_1min", "samples_1h")] == [[], [], []]
    await store.maintain()
    assert ask(url, "SELECT tag_id FROM samples_1d") == []
    assert (await store.latest([1, 2])).tag_ids.tolist() == [1, 2], "the last samples are known although they are gone"
