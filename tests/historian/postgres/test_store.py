"""The store on PostgreSQL holds the last write of each key, and tells it as samples, buckets and statistics."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import psycopg
import pytest

from andon.historian.model import bucket_edges
from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.postgres import schema
from andon.historian.stores.postgres.store import PostgresLimits, PostgresStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.errors import StartError, TooLargeError, UnavailableError
from andon.kit.quality import Quality
from andon.kit.samples import PINNED
from historian.postgres.conftest import Opener
from historian.support import T0, S, batch

MINUTE = 60 * S
ALL = (0, 10**17)


async def values(store: PostgresStore, tag: int = 1) -> list[float]:
    return (await store.read(tag, *ALL, 100_000)).values.tolist()


async def test_samples_come_back_as_they_were(store: PostgresStore) -> None:
    await store.write(batch((1, T0, 75.2), (2, T0, -0.1, Quality.UNCERTAIN), (1, T0 + S, 1e-9)), 7)
    columns = await store.read(1, T0, T0 + 2 * S, 10)
    assert columns.timestamps.tolist() == [T0, T0 + S]
    assert columns.values.tolist() == [75.2, 1e-9]
    assert columns.qualities.tolist() == [192, 192]
    assert columns.received.tolist() == [T0 + 5, T0 + S + 5]
    assert (await store.read(2, T0, T0 + 1, 10)).qualities.tolist() == [Quality.UNCERTAIN]
    assert await store.position() == 7


async def test_numbers_keep_every_bit(store: PostgresStore) -> None:
    numbers = np.random.default_rng(1).normal(0, 1, 2000) * 10.0 ** np.random.default_rng(2).integers(-290, 290, 2000)
    await store.write(batch(*((1, T0 + i, float(number)) for i, number in enumerate(numbers))), 1)
    assert await values(store) == numbers.tolist()
    await store.write(batch(*((1, T0 + i, float(number)) for i, number in enumerate(-numbers))), 2)
    assert await values(store) == (-numbers).tolist(), "upserted as well as appended"


async def test_texts_and_numbers_live_side_by_side(store: PostgresStore) -> None:
    odd = 'ru"nning\n\u2028é✓, 1'
    await store.write(batch((1, 1, odd), (1, 2, 5.0), (1, 3, ""), (1, 4, math.nan), (2, 1, "nul\0 here")), 1)
    columns = await store.read(1, 0, 10, 10)
    assert columns.texts == {0: odd, 2: ""}
    assert np.isnan(columns.values).tolist() == [True, False, True, True]
    assert (await store.read(1, 0, 10, 10, newest_first=True)).texts == {3: odd, 1: ""}
    assert (await store.read(2, 0, 10, 10)).texts == {0: "nul\ufffd here"}


async def test_infinite_numbers_are_kept_as_absent(store: PostgresStore) -> None:
    await store.write(batch((1, T0, math.inf), (1, T0 + 1, -math.inf), (1, T0 + 2, 1.0)), 1)
    assert np.isnan(await values(store)).tolist() == [True, True, False]


async def test_enormous_numbers_break_neither_charts_nor_sums(opened: Opener) -> None:
    now = [T0]
    store = opened(clock=lambda: now[0])
    await store.write(batch((1, T0, 1.7e308), (1, T0 + 1, 1.7e308)), 1)
    now[0] += 3 * US_PER_HOUR
    for _ in range(2):
        (found,) = await store.series([1], np.array([T0, T0 + US_PER_HOUR]))
        assert found.counts.tolist() == [2]
        await store.maintain()


async def test_a_correction_replaces_even_within_one_batch(store: PostgresStore) -> None:
    await store.write(batch((1, T0, 1.0), (1, T0, 2.0), (1, T0, 3.0)), 1)
    assert await values(store) == [3]
    await store.write(batch((1, T0, "off")), 2)
    assert (await store.read(1, *ALL, 10)).texts == {0: "off"}
    await store.write(batch((1, T0, 4.0)), 3)
    assert (await store.read(1, *ALL, 10)).texts == {}
    assert (await store.size()).samples == 1


async def test_new_samples_are_appended_and_only_the_others_upserted(store: PostgresStore) -> None:
    await store.write(batch((1, T0, 1.0), (2, T0 + 9 * S, 2.0)), 1)
    await store.write(batch((1, T0 + S, 1.0), (2, T0 + 5 * S, 2.0), (1, T0, 3.0), (1, T0 + 2 * S, "x")), 2)
    written = store._writer.written
    assert (written.appended, written.upserted, written.repeated) == (3, 3, 0)
    assert await values(store, 1) == pytest.approx([3.0, 1.0, math.nan], nan_ok=True)


async def test_what_another_process_wrote_meanwhile_is_upserted(opened: Opener) -> None:
    one, other = opened(), opened()
    await one.write(batch((1, T0, 1.0)), 1)
    await other.position()
    await other.write(batch((1, T0 + S, 2.0), (1, T0 + 2 * S, 3.0)), 2)
    assert await one.position() == 2
    await one.write(batch((1, T0 + 2 * S, 3.5), (1, T0 + 3 * S, 4.0)), 3)
    assert one._writer.written.repeated == 1, "it was taken for new first"
    assert await values(one) == [1.0, 2.0, 3.5, 4.0]
    assert (await other.size()).samples == 4


async def test_who_lost_its_partition_does_not_undo_what_came_after(opened: Opener) -> None:
    stopped, successor = opened(), opened()
    await stopped.write(batch((1, T0, 1.0)), 1)
    assert await successor.position() == 1
    await successor.write(batch((1, T0 + S, 2.0)), 2)
    await successor.write(batch((1, T0 + S, 2.5)), 3)
    assert await stopped.write(batch((1, T0 + S, 2.0)), 2) == 2
    assert await values(successor) == [1.0, 2.5]
    assert await successor.position() == 3


async def test_a_log_that_begins_anew_is_followed_anew(store: PostgresStore) -> None:
    await store.write(batch((1, T0, 1.0)), 900)
    assert await store.position() == 900
    await store.write(batch((1, T0 + S, 2.0)), 1)
    assert (await store.position(), await values(store)) == (1, [1.0, 2.0])


async def test_partitions_of_the_log_keep_their_own_positions(store: PostgresStore) -> None:
    batches = [batch(*((tag, T0 + i * S, float(tag)) for i in range(100))) for tag in range(1, 9)]
    written = await asyncio.gather(*(store.write(each, 10 + i, partition=i) for i, each in enumerate(batches)))
    assert written == [10 + i for i in range(8)]
    assert [await store.position(i) for i in range(8)] == written
    assert (await store.size()).samples == 800
    assert (await store.storage()).durable == dict(enumerate(written))


async def test_a_batch_that_cannot_be_written_does_not_hold_up_others(store: PostgresStore) -> None:
    good = batch((1, T0, 1.0))
    bad = batch((2, 2**62, 1.0))  # a moment that no calendar has
    outcomes = await asyncio.gather(
        store.write(good, 1, 0), store.write(bad, 1, 1), store.write(good, 1, 2), return_exceptions=True
    )
    assert [isinstance(each, Exception) for each in outcomes] == [False, True, False]
    assert not isinstance(outcomes[1], UnavailableError), "it is not tried for ever"
    assert [await store.position(i) for i in range(3)] == [1, 0, 1]


async def test_clocks_that_are_far_off_make_no_flood_of_partitions(opened: Opener) -> None:
    store = opened(limits=PostgresLimits(connections=3, max_partitions=40))
    with pytest.raises(TooLargeError, match="max_partitions"):
        await store.write(batch(*((1, T0 - i * 31 * US_PER_DAY, 1.0) for i in range(60))), 1)
    assert (await store.size()).samples == 0
    await store.write(batch((1, T0, 1.0)), 2)
    assert await values(store) == [1.0]


async def test_imported_years_take_a_partition_a_month(opened: Opener, url: str) -> None:
    now = T0 + 400 * US_PER_DAY
    store = opened(clock=lambda: now)
    await store.write(batch(*((1, T0 + i * US_PER_DAY, float(i)) for i in range(400))), 1)
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT count(*) FROM history.partitions WHERE tier = 'raw'").fetchall()
    assert rows[0][0] < 12 + 70
    assert await values(store) == [float(i) for i in range(400)]


async def test_the_latest_sample_of_each_tag(store: PostgresStore) -> None:
    await store.write(batch((1, 1, 1.0), (1, 2, 2.0), (2, 1, "on"), (3, 9, 9.0)), 1)
    latest = await store.latest([2, 1, 1, 77])
    assert list(latest.rows()) == [(1, 2, 2.0, 192, 7), (2, 1, "on", 192, 6)]
    assert len(await store.latest([])) == 0
    assert len(await store.latest([77])) == 0


@pytest.mark.parametrize("maintained", [False, True])
async def test_buckets_sum_up_what_may_be_averaged(opened: Opener, maintained: bool) -> None:
    store = opened(clock=lambda: T0 + US_PER_DAY)
    rows = [(1, 0, 4.0), (1, 1, 2.0), (1, 9, 6.0), (1, 30, 8.0), (1, 31, 100.0, Quality.BAD)]
    shifted = [(row[0], T0 + row[1] * MINUTE, *row[2:]) for row in rows]
    await store.write(batch(*shifted, (1, T0 + 45 * MINUTE, 7.0, Quality.STALE), (1, T0 + 100 * MINUTE, 5.0)), 1)
    if maintained:
        await store.maintain()
    found = await store.buckets(1, T0, T0 + 100 * MINUTE, 10)
    assert found.width_us == 10 * MINUTE
    assert [(at - T0) // MINUTE for at in found.starts.tolist()] == [0, 30, 40]
    assert found.counts.tolist() == [3, 1, 0]
    assert found.minima.tolist()[:2] == [2, 8]
    assert found.maxima.tolist()[:2] == [6, 8]
    assert found.means.tolist()[:2] == [4, 8]
    assert found.firsts.tolist()[:2] == [4, 8]
    assert found.lasts.tolist()[:2] == [6, 8]
    assert found.qualities.tolist() == [192, 0, 20]
    assert np.isnan(found.means[2])


async def test_a_chart_of_days_is_made_from_hours_and_ends_exactly(opened: Opener) -> None:
    store = opened(clock=lambda: T0 + 3 * US_PER_DAY)
    await store.write(batch(*((1, T0 + i * 10 * S, float(i)) for i in range(8640))), 1)
    await store.maintain()
    start, end = T0 + 90 * S, T0 + 80_001 * S
    (found,) = await store.series([1], np.array([start, end]))
    inside = [float(i) for i in range(8640) if start <= T0 + i * 10 * S < end]
    assert (found.counts[0], found.firsts[0], found.lasts[0]) == (len(inside), inside[0], inside[-1])
    assert found.means[0] == pytest.approx(np.mean(inside))
    assert found.sds[0] == pytest.approx(np.std(inside, ddof=1))
    assert found.source == "hour"
    assert (await store.buckets(1, T0, T0 + 60 * S, 6)).source == "raw"


async def test_what_comes_late_is_in_the_sums_at_once_and_once(opened: Opener) -> None:
    store = opened(clock=lambda: T0 + US_PER_DAY)
    samples = [(1, T0 + i * MINUTE, 1.0) for i in range(180)]
    await store.write(batch(*samples), 1)
    await store.maintain()
    edges = bucket_edges(T0, T0 + 3 * US_PER_HOUR, 3)

    async def sums() -> list[tuple[int, float]]:
        (found,) = await store.series([1], edges)
        return list(zip(found.counts.tolist(), (found.means * found.counts).tolist(), strict=True))

    late = batch((1, T0 + 61 * MINUTE + S, 5.0), (1, T0 + 61 * MINUTE, 3.0), *samples[:5])
    for position in (2, 3):
        await store.write(late, position)
        assert await sums() == [(60, 60.0), (61, 67.0), (60, 60.0)], "before sums are made anew"
        await store.maintain()
        assert await sums() == [(60, 60.0), (61, 67.0), (60, 60.0)], "and after"


async def test_statistics_of_a_range(store: PostgresStore) -> None:
    rows = [(1, i, float(i)) for i in range(1, 101)]
    await store.write(batch(*rows, (1, 101, 1e6, Quality.BAD), (1, 102, "x")), 1)
    found = await store.statistics(1, 0, 1000)
    assert found is not None
    assert (found.count, found.mean, found.median, found.min, found.max) == (100, 50.5, 50.5, 1, 100)
    assert found.sd == pytest.approx(29.011491975882016)
    assert (found.p5, found.p95) == pytest.approx((5.95, 95.05))
    assert found.good_share == pytest.approx(101 / 102)
    assert not found.approximate
    assert await store.statistics(1, 2000, 3000) is None
    assert await store.statistics(1, 101, 103) is None


async def test_percentiles_of_too_many_samples_are_approximate(opened: Opener) -> None:
    store = opened(limits=PostgresLimits(connections=3, statistics_samples=100), clock=lambda: T0 + US_PER_DAY)
    await store.write(batch(*((1, T0 + i * 30 * S, float(i)) for i in range(1000))), 1)
    await store.maintain()
    found = await store.statistics(1, T0, T0 + US_PER_DAY)
    assert found is not None
    assert found.approximate
    assert (found.count, found.mean, found.min, found.max) == (1000, 499.5, 0, 999)
    assert found.median == pytest.approx(499.5, abs=2)


async def test_a_minute_counts_as_often_as_it_has_samples(opened: Opener) -> None:
    store = opened(limits=PostgresLimits(connections=3, statistics_samples=10), clock=lambda: T0 + US_PER_DAY)
    await store.write(batch(*((1, T0 + i * S, 1.0) for i in range(59))), 1)
    await store.write(batch(*((1, T0 + i * MINUTE, 100.0) for i in range(1, 4))), 2)
    found = await store.statistics(1, T0, T0 + US_PER_DAY)
    assert found is not None
    assert (found.count, found.approximate, found.p5, found.median, found.p95) == (62, True, 1, 1, 1)


async def test_everything_is_there_after_a_restart(opened: Opener) -> None:
    first = opened()
    await first.write(batch((5, T0, 1.0), (9, T0 + S, 2.0)), 41)
    await first.close()
    store = opened()
    assert await store.position() == 41
    await store.write(batch((5, T0, 1.5), (9, T0 + 2 * S, 3.0)), 42)
    assert (await store.size()).samples == 3, "a correction is known as one after a restart too"
    assert await values(store, 5) == [1.5]


async def test_retention_takes_whole_days_and_leaves_sums_and_what_is_pinned(opened: Opener) -> None:
    now = [T0]
    store = opened(clock=lambda: now[0])
    samples = batch(*((tag, T0 + i * MINUTE, float(i)) for tag in (1, 2, 3) for i in range(60)))
    await store.write(samples, 1)
    await store.write(batch(*((4, T0 + i * MINUTE, 1.0) for i in range(60))).with_marks(PINNED), 2)
    now[0] = T0 + 10 * US_PER_DAY
    keep = Retention(None, None, None)
    dropped = await store.retain(RetentionPolicies(Retention(7, 90, 730), {2: keep}), now[0])
    assert [(each.tier, each.rows) for each in dropped] == [("raw", 120)]
    assert [len(await values(store, tag)) for tag in (1, 2, 3, 4)] == [0, 60, 0, 60]
    (found,) = await store.series([1], np.array([T0, T0 + US_PER_HOUR]))
    assert (found.counts.tolist(), found.means.tolist()) == ([60], [29.5])
    assert (await store.latest([1])).values.tolist() == [59.0], "the last sample is known although it is gone"
    assert (await store.size()).samples == 120
    assert (await store.storage()).pinned == 60
    assert await store.retain(RetentionPolicies(Retention(7, 90, 730), {2: keep}), now[0]) == []
    dropped = await store.retain(RetentionPolicies(Retention(1, 1, None)), now[0])
    assert {each.tier for each in dropped} == {"raw", "minute"}
    assert [len(await values(store, tag)) for tag in (1, 2, 3, 4)] == [0, 0, 0, 60]


async def test_storage_says_what_is_there_and_what_goes_next(opened: Opener) -> None:
    now = T0 + 2 * US_PER_HOUR
    store = opened(clock=lambda: now)
    await store.write(batch(*((1, T0 - US_PER_DAY + i * S, 1.0) for i in range(1000)), (1, T0, 1.0)), 1)
    await store.maintain()
    await store.retain(RetentionPolicies(Retention(7, 90, 730)), now)
    report = await store.storage()
    raw, minute, hour = report.tiers
    assert (report.samples, raw.rows, raw.files) == (1001, 1001, 2)
    assert (raw.oldest, raw.newest) == (T0 - US_PER_DAY, T0)
    assert raw.next_drop == (T0 // US_PER_DAY + 7) * US_PER_DAY
    assert (minute.rows, hour.rows) == (18, 2)
    assert raw.bytes > 0
    assert raw.next_drop_bytes > 0
    assert report.unsealed == 0


async def test_what_one_signal_keeps_for_longer_is_not_called_due(opened: Opener) -> None:
    day = T0 // US_PER_DAY * US_PER_DAY
    now = day + 9 * US_PER_DAY
    store = opened(clock=lambda: now)
    await store.write(batch((1, day, 1.0), (2, day, 2.0), (1, day + 5 * US_PER_DAY, 3.0)), 1)
    await store.maintain()
    await store.retain(RetentionPolicies(Retention(7, None, None), {2: Retention(None, None, None)}), now)
    raw, *sums = (await store.storage()).tiers
    assert (raw.oldest, raw.next_drop) == (day, day + 13 * US_PER_DAY)
    assert [each.next_drop for each in sums] == [None, None]


async def test_questions_do_not_wait_for_writes(store: PostgresStore) -> None:
    async def write() -> None:
        for i in range(30):
            await store.write(batch(*((1, T0 + i * 100 + k, float(k)) for k in range(100))), i + 1)

    async def read() -> None:
        for _ in range(30):
            assert len(await store.read(1, *ALL, 10**6)) % 100 == 0, "a batch is seen whole or not at all"

    await asyncio.gather(write(), read(), read())
    assert (await store.size()).samples == 3000


async def test_a_closed_store_refuses(opened: Opener) -> None:
    store = opened()
    await store.close()
    await store.close()
    with pytest.raises(UnavailableError):
        await store.read(1, 0, 1, 1)
    with pytest.raises(UnavailableError):
        await store.write(batch((1, T0, 1.0)), 1)


def test_a_server_that_is_not_there_is_one_clear_error(opened: Opener) -> None:
    with pytest.raises(StartError, match="cannot be opened"):
        opened(url="postgresql://andon@127.0.0.1:9/none")


async def test_tables_of_a_newer_andon_are_left_alone(opened: Opener, url: str) -> None:
    await opened().close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE history.meta SET version = 99")
    with pytest.raises(StartError, match="version 99"):
        opened()


async def test_tables_of_an_older_andon_are_brought_up_to_date_once(opened: Opener, url: str) -> None:
    store = opened()
    await store.write(batch((1, T0, 1.0)), 1)
    await store.close()
    done: list[int] = []

    def step(connection: psycopg.Connection[tuple[object, ...]], now: int) -> None:
        connection.execute("ALTER TABLE history.meta ADD COLUMN added integer DEFAULT 1")
        done.append(now)

    for _ in range(2):
        with psycopg.connect(url, autocommit=True) as connection:
            schema.ensure(connection, 7, (*schema.STEPS, step))
            assert connection.execute("SELECT version, added FROM history.meta").fetchone() == (2, 1)
    assert done == [7]
