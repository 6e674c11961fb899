"""The local store holds the last write of each (tag, timestamp), and tells it as samples, buckets and statistics."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY
from andon.kit.errors import StartError, UnavailableError
from andon.kit.quality import Quality
from historian.support import T0, S, batch


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = LocalStore.open(tmp_path / "history")
    yield store
    await store.close()


async def values(store: LocalStore, tag: int = 1, start: int = 0, end: int = 10**17) -> list[float]:
    return (await store.read(tag, start, end, 10_000)).values.tolist()


async def test_samples_come_back_as_they_were(store: LocalStore) -> None:
    await store.write(batch((1, T0, 75.2), (2, T0, -0.1, Quality.UNCERTAIN), (1, T0 + S, 1e-9)), 7)
    columns = await store.read(1, T0, T0 + 2 * S, 10)
    assert columns.timestamps.tolist() == [T0, T0 + S]
    assert columns.values.tolist() == [75.2, 1e-9]
    assert columns.qualities.tolist() == [192, 192]
    assert columns.received.tolist() == [T0 + 5, T0 + S + 5]
    assert (await store.read(2, T0, T0 + 1, 10)).qualities.tolist() == [Quality.UNCERTAIN]
    assert await store.position() == 0
    await store.seal()
    assert await store.position() == 7


async def test_numbers_keep_every_bit(store: LocalStore) -> None:
    numbers = np.random.default_rng(1).normal(0, 1, 2000) * 10.0 ** np.random.default_rng(2).integers(-25, 25, 2000)
    await store.write(batch(*((1, i, float(number)) for i, number in enumerate(numbers))), 1)
    assert await values(store) == numbers.tolist()


async def test_texts_and_numbers_live_side_by_side(store: LocalStore) -> None:
    odd = 'ru"nning\n\u2028é✓, 1'
    await store.write(batch((1, 1, odd), (1, 2, 5.0), (1, 3, ""), (1, 4, math.nan), (2, 1, "nul\0 here")), 1)
    columns = await store.read(1, 0, 10, 10)
    assert columns.texts == {0: odd, 2: ""}
    assert np.isnan(columns.values).tolist() == [True, False, True, True]
    assert (await store.read(1, 0, 10, 10, newest_first=True)).texts == {3: odd, 1: ""}
    assert (await store.read(2, 0, 10, 10)).texts == {0: "nul\0 here"}
    await store.seal()
    assert (await store.read(1, 0, 10, 10)).texts == {0: odd, 2: ""}
    assert (await store.read(2, 0, 10, 10)).texts == {0: "nul\0 here"}


async def test_the_same_samples_again_change_nothing(store: LocalStore) -> None:
    samples = batch((1, T0, 1.0), (1, T0 + S, 2.0))
    await store.write(samples, 1)
    await store.write(samples, 2)
    assert await values(store) == [1, 2]
    await store.seal()
    assert (await store.size()).samples == 2


async def test_a_correction_replaces_even_within_one_batch(store: LocalStore) -> None:
    await store.write(batch((1, T0, 1.0), (1, T0, 2.0), (1, T0, 3.0)), 1)
    assert await values(store) == [3]
    await store.write(batch((1, T0, "off")), 2)
    columns = await store.read(1, 0, 10**17, 10)
    assert (len(columns), columns.texts) == (1, {0: "off"})
    await store.write(batch((1, T0, 4.0)), 3)
    assert (await store.read(1, 0, 10**17, 10)).texts == {}
    await store.seal()
    assert (await store.size()).samples == 1


async def test_late_data_lands_where_it_belongs(store: LocalStore) -> None:
    await store.write(batch((1, T0 + 5 * S, 5.0)), 1)
    await store.write(batch((1, T0 + 9 * S, 9.0), (1, T0 + 1 * S, 1.0)), 2)
    assert await values(store) == [1, 5, 9]
    assert (await store.size()).samples == 3
    assert (await store.latest([1])).values.tolist() == [9]


async def test_a_range_takes_its_start_and_leaves_its_end(store: LocalStore) -> None:
    await store.write(batch(*((1, i, float(i)) for i in range(10))), 1)
    assert await values(store, start=2, end=5) == [2, 3, 4]
    assert (await store.read(1, 2, 9, 3)).values.tolist() == [2, 3, 4]
    assert (await store.read(1, 2, 9, 3, newest_first=True)).values.tolist() == [8, 7, 6]
    assert len(await store.read(1, 10, 20, 5)) == 0
    assert len(await store.read(99, 0, 20, 5)) == 0


async def test_the_latest_sample_of_each_tag(store: LocalStore) -> None:
    await store.write(batch((1, 1, 1.0), (1, 2, 2.0), (2, 1, "on"), (3, 9, 9.0)), 1)
    latest = await store.latest([2, 1, 1, 77])
    assert list(latest.rows()) == [(1, 2, 2.0, 192, 7), (2, 1, "on", 192, 6)]
    assert len(await store.latest([])) == 0


async def test_buckets_sum_up_what_may_be_averaged(store: LocalStore) -> None:
    rows = [(1, 0, 4.0), (1, 1, 2.0), (1, 9, 6.0), (1, 30, 8.0), (1, 31, 100.0, Quality.BAD)]
    await store.write(batch(*rows, (1, 45, 7.0, Quality.STALE), (1, 100, 5.0)), 1)
    found = await store.buckets(1, 0, 100, 10)
    assert found.width_us == 10
    assert found.starts.tolist() == [0, 30, 40], "empty buckets are absent, and the end is not included"
    assert found.counts.tolist() == [3, 1, 0]
    assert found.minima.tolist()[:2] == [2, 8]
    assert found.maxima.tolist()[:2] == [6, 8]
    assert found.means.tolist()[:2] == [4, 8]
    assert found.firsts.tolist()[:2] == [4, 8]
    assert found.lasts.tolist()[:2] == [6, 8]
    assert found.qualities.tolist() == [192, 0, 20]
    for column in (found.minima, found.maxima, found.means, found.firsts, found.lasts):
        assert math.isnan(column[2]), "nothing usable is never 0"


async def test_a_last_bucket_does_not_reach_beyond_the_range(store: LocalStore) -> None:
    await store.write(batch(*((1, i, 1.0) for i in range(20))), 1)
    found = await store.buckets(1, 0, 11, 4)
    assert (found.width_us, found.starts.tolist(), found.counts.tolist()) == (3, [0, 3, 6, 9], [3, 3, 3, 2])


async def test_many_buckets_are_worked_out_in_parts_and_come_in_order(store: LocalStore) -> None:
    await store.write(batch(*((1, i, float(i)) for i in range(0, 1000, 2))), 1)
    found = await store.buckets(1, 0, 1001, 143)
    assert (found.width_us, found.starts.tolist()) == (7, list(range(0, 1000, 7)))
    assert found.firsts.tolist() == [start + start % 2 for start in range(0, 1000, 7)]
    assert sum(found.counts) == 500


async def test_buckets_of_texts_and_of_nothing(store: LocalStore) -> None:
    await store.write(batch((1, 5, "on")), 1)
    assert (await store.buckets(1, 0, 10, 1)).counts.tolist() == [0]
    assert len(await store.buckets(2, 0, 10, 5)) == 0


async def test_enormous_numbers_do_not_break_a_chart(store: LocalStore) -> None:
    await store.write(batch((1, 0, 1.7e308), (1, 1, -1.7e308), (1, 2, math.inf)), 1)
    for _ in range(2):
        found = await store.buckets(1, 0, 10, 1)
        assert (found.counts.tolist(), found.maxima.tolist()) == ([2], [1.7e308]), "an infinite number is none"
        await store.seal()
        await store.maintain()


async def test_statistics_of_a_range(store: LocalStore) -> None:
    await store.write(batch(*((1, i, float(i)) for i in range(1, 101)), (1, 101, 1e6, Quality.BAD), (1, 102, "x")), 1)
    found = await store.statistics(1, 0, 1000)
    assert found is not None
    assert (found.count, found.mean, found.median, found.min, found.max) == (100, 50.5, 50.5, 1, 100)
    assert found.sd == pytest.approx(29.011491975882016)
    assert (found.p5, found.p95) == pytest.approx((5.95, 95.05))
    assert (found.first, found.last) == (1, 100)
    assert found.good_share == pytest.approx(101 / 102)
    assert await store.statistics(1, 2000, 3000) is None
    assert await store.statistics(1, 101, 103) is None


async def test_percentiles_of_too_many_samples_are_those_of_the_minutes(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "history", LocalStoreLimits(statistics_samples=95, maintenance=False))
    await store.write(batch(*((1, i * S, float(i)) for i in range(1000))), 1)
    exact = await store.statistics(1, 0, 90 * S)
    assert exact is not None
    assert (exact.count, exact.last, exact.approximate) == (90, 89, False)
    found = await store.statistics(1, 0, 1000 * S)
    assert found is not None
    assert (found.count, found.mean, found.min, found.max, found.approximate) == (1000, 499.5, 0, 999, True)
    assert found.sd == pytest.approx(np.arange(1000).std(ddof=1))
    assert (found.p5, found.median, found.p95) == pytest.approx((49.5, 499.5, 949.5), abs=60)
    await store.close()


async def test_a_minute_counts_as_often_as_it_has_samples(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "history", LocalStoreLimits(statistics_samples=10, maintenance=False))
    await store.write(batch(*((1, i * S, 1.0) for i in range(59))), 1)
    await store.write(batch(*((1, i * 60 * S, 100.0) for i in range(1, 4))), 2)
    found = await store.statistics(1, 0, 1000 * S)
    assert found is not None
    assert (found.count, found.approximate, found.p5, found.median, found.p95) == (62, True, 1, 1, 1)
    await store.close()


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "history", LocalStoreLimits(maintenance=False))
    assert await store.write(batch((5, T0, 1.0), (9, T0 + S, 2.0)), 41) == 0
    await store.close()
    store = LocalStore.open(tmp_path / "history", LocalStoreLimits(maintenance=False))
    assert await store.position() == 41
    assert await store.write(batch((5, T0, 1.5), (9, T0 + 2 * S, 3.0)), 42) == 41, "not in files yet"
    assert await values(store, 5) == [1.5]
    await store.seal()
    assert await store.position() == 42
    await store.maintain(everything=True)
    assert (await store.size()).samples == 3
    assert await values(store, 5) == [1.5]
    await store.close()


async def test_memory_is_sealed_when_it_is_full(tmp_path: Path) -> None:
    limits = LocalStoreLimits(unsealed_samples=1000, maintenance=False)
    store = LocalStore.open(tmp_path / "history", limits)
    for i in range(20):
        await store.write(batch(*((1, i * 300 + k, float(k)) for k in range(300))), i)
        assert (await store.storage()).unsealed < 2300
    assert await store.position() >= 10
    assert len(await values(store)) == 6000
    await store.close()


async def test_a_full_disk_refuses_with_a_reason_and_keeps_what_it_has(tmp_path: Path) -> None:
    limits = LocalStoreLimits(unsealed_samples=2000, min_free_bytes=1 << 60, maintenance=False)
    store = LocalStore.open(tmp_path / "history", limits)
    written = 0
    with pytest.raises(UnavailableError, match="the disk has only") as caught:
        while written < 100:
            await store.write(batch(*((1, written * 1000 + i, 1.0) for i in range(1000))), written + 1)
            written += 1
    assert "make room" in (caught.value.cure or "")
    assert 0 < written < 100
    assert await store.position() == 0, "the log must keep it all"
    assert len(await store.read(1, 0, 10**9, 10**6)) == written * 1000
    assert "the disk has only" in ((await store.storage()).full or "")
    await store.close()
    store = LocalStore.open(tmp_path / "history", LocalStoreLimits(maintenance=False))
    assert len(await values(store)) == 0, "nothing half written is left"
    await store.close()


async def test_a_disk_with_room_again_takes_what_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = LocalStore.open(tmp_path / "history", LocalStoreLimits(maintenance=False))
    await store.write(batch((1, T0, 1.0)), 7)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(UnavailableError):
            await store.seal()
    await store.write(batch((1, T0, 2.0), (1, T0 + S, 3.0)), 8)
    assert await values(store) == [2, 3]
    await store.seal()
    assert (await store.position(), (await store.storage()).full) == (8, None)
    assert await values(store) == [2, 3]
    await store.close()


async def test_what_one_signal_keeps_for_longer_is_not_called_due(tmp_path: Path) -> None:
    day = T0 // US_PER_DAY * US_PER_DAY
    store = LocalStore.open(tmp_path / "history", clock=lambda: day + 9 * US_PER_DAY)
    await store.write(batch((1, day, 1.0), (2, day, 2.0), (1, day + 5 * US_PER_DAY, 3.0)), 1)
    await store.seal()
    policies = RetentionPolicies(Retention(7, None, None), {2: Retention(None, None, None)})
    await store.retain(policies, day + 9 * US_PER_DAY)
    raw = (await store.storage()).tiers[0]
    assert (raw.oldest, raw.next_drop) == (day, day + 13 * US_PER_DAY)
    await store.close()


async def test_readers_and_the_writer_do_not_wait_for_each_other(store: LocalStore) -> None:
    async def write() -> None:
        for i in range(30):
            await store.write(batch(*((1, i * 100 + k, float(k)) for k in range(100))), i)

    async def read() -> None:
        for _ in range(30):
            assert len(await store.read(1, 0, 10**9, 10**6)) % 100 == 0, "a batch is seen whole or not at all"

    await asyncio.gather(write(), read(), read())
    assert (await store.size()).samples == 3000


async def test_a_file_that_is_no_history_is_not_started_on(tmp_path: Path) -> None:
    (tmp_path / "history").write_bytes(b"not a database" * 1000)
    with pytest.raises(StartError, match="cannot be opened"):
        LocalStore.open(tmp_path / "history")


async def test_a_closed_store_refuses(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "history")
    await store.close()
    await store.close()
    with pytest.raises(UnavailableError):
        await store.read(1, 0, 1, 1)
