"""Sums of minutes and hours: made once an hour is over, mended when something is late, asked instead of samples."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.influx.planner import Piece, plan
from andon.historian.stores.influx.store import InfluxStore
from andon.kit.clock import US_PER_DAY, US_PER_HOUR
from andon.kit.quality import Quality
from andon.kit.samples import PINNED
from historian.influx.support import QUICK, opened
from historian.support import S, batch

H = US_PER_HOUR
DAY = 20_000 * US_PER_DAY
MINUTE = 60 * S


class Now:
    """A clock that stands where it is put."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at


async def rows(store: InfluxStore, tier: str) -> list[Any]:
    """(start, number of samples, mean) of the first tag's sums."""
    query = f'SELECT bbw_value_total, bbw_value_mean FROM andon_{tier}."loom:{tier}"'
    answer = (await store._client.query(query))[0]
    return answer[0].values if answer else []


async def test_sums_are_made_when_the_hour_is_over(influx_url: str) -> None:
    now = Now(DAY + H)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY + 1, 1.0), (1, DAY + 2, 3.0), (1, DAY + MINUTE, 5.0)), 1)
        assert await store.maintain() == 0, "what comes within the late window belongs to it"
        now.at += 120 * S
        assert await store.maintain() == 1
        assert await rows(store, "minute") == [[DAY, 2, 2.0], [DAY + MINUTE, 1, 5.0]]
        assert await rows(store, "hour") == [[DAY, 3, 3.0]]
        assert await store.maintain() == 0


async def test_late_samples_and_corrections_mend_the_sums(influx_url: str) -> None:
    now = Now(DAY + 5 * H)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY, 1.0), (1, DAY + MINUTE, 5.0)), 1)
        await store.maintain()
        await store.write(batch((1, DAY + 1, 3.0), (1, DAY + MINUTE, 9e9, Quality.BAD)), 2)
        edges = np.array([DAY, DAY + H], np.int64)
        found = (await store.series([1], edges))[0]
        assert (found.source, found.counts.tolist(), found.means.tolist()) == ("raw", [2], [2.0]), "before it is mended"
        assert await store.maintain() == 1
        assert await rows(store, "minute") == [[DAY, 2, 2.0], [DAY + MINUTE, 1, None]]
        found = (await store.series([1], edges))[0]
        assert (found.source, found.counts.tolist(), found.qualities.tolist()) == ("hour", [2], [0])
        assert found.good_shares.tolist() == [2 / 3]


async def test_what_has_to_be_mended_is_known_after_a_restart(influx_url: str) -> None:
    now = Now(DAY + 5 * H)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY, 1.0)), 1)
    async with opened(influx_url, clock=now) as store:
        assert await store.maintain() == 1
        assert await rows(store, "hour") == [[DAY, 1, 1.0]]


async def test_sums_stand_for_samples_that_are_gone(influx_url: str) -> None:
    now = Now(DAY + 10 * US_PER_DAY + H)
    async with opened(influx_url, clock=now) as store:
        await store.write(
            batch(*((1, DAY + i * MINUTE, float(i)) for i in range(90)), (5, DAY + 9 * US_PER_DAY, 1.0)), 1
        )
        dropped = await store.retain(RetentionPolicies(Retention(7, 90, 730)), now())
        assert [(each.tier, each.start, each.rows) for each in dropped] == [("raw", DAY, 90)]
        assert len(await store.read(1, 0, 10**16, 1000)) == 0
        found = await store.buckets(1, DAY, DAY + 2 * H, 2)
        assert (found.source, found.counts.tolist(), found.means.tolist()) == ("minute", [60, 30], [29.5, 74.5])
        statistics = await store.statistics(1, DAY, DAY + 2 * H)
        assert statistics is not None
        assert (statistics.count, statistics.approximate, statistics.median) == (90, True, 44)
        assert (await store.latest([1])).values.tolist() == [89.0], "the newest value is remembered"
        assert (await store.size()).samples == 1
        assert await store.retain(RetentionPolicies(Retention(7, 90, 730)), now()) == []


async def test_a_minute_counts_as_often_as_it_has_samples(influx_url: str) -> None:
    async with opened(influx_url, replace(QUICK, statistics_samples=10), Now(DAY + H)) as store:
        await store.write(batch(*((1, DAY + i * S, 1.0) for i in range(59))), 1)
        await store.write(batch(*((1, DAY + i * MINUTE, 100.0) for i in range(1, 4))), 2)
        found = await store.statistics(1, DAY, DAY + H)
        assert found is not None
        assert (found.count, found.approximate, found.p5, found.median, found.p95) == (62, True, 1, 1, 1)


async def test_devices_are_kept_for_different_times(influx_url: str) -> None:
    now = Now(DAY + 10 * US_PER_DAY)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY, 1.0), (2, DAY, 2.0), (5, DAY, 5.0), (1000, DAY, 9.0)), 1)
        short, long = Retention(1, 1, 1), Retention(None, None, None)
        await store.retain(RetentionPolicies(short, {2: long, 1000: long}), now())
        held = {tag: len(await store.read(tag, 0, 10**16, 10)) for tag in (1, 2, 5, 1000)}
        assert held == {1: 1, 2: 1, 5: 0, 1000: 1}, (
            "InfluxDB cannot drop one field of a device: the longest time counts"
        )
        assert (await store.buckets(5, DAY, DAY + H, 1)).counts.tolist() == []


async def test_what_comes_late_is_kept_for_as_long_as_is_wanted_now(influx_url: str) -> None:
    now = Now(DAY + 10 * US_PER_DAY)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY, 1.0), (1, DAY + MINUTE, 2.0)), 1)
        await store.retain(RetentionPolicies(Retention(7, 7, 730)), now())
        await store.write(batch((1, DAY + MINUTE, 3.0)), 2)
        await store.retain(RetentionPolicies(Retention(30, 90, 730)), now())
        assert (await store.read(1, 0, 10**16, 10)).values.tolist() == [3.0]
        await store.retain(RetentionPolicies(Retention(7, 90, 730)), now())
        assert len(await store.read(1, 0, 10**16, 10)) == 0


async def test_pinned_days_stay(influx_url: str) -> None:
    now = Now(DAY + 100 * US_PER_DAY)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY, 1.0)).with_marks(PINNED), 1)
        await store.write(batch((1, DAY + US_PER_DAY, 2.0), (5, DAY, 3.0)), 2)
    async with opened(influx_url, clock=now) as store:
        await store.retain(RetentionPolicies(Retention(7, 90, 730)), now())
        assert (await store.read(1, 0, 10**16, 10)).values.tolist() == [1.0]
        assert len(await store.read(5, 0, 10**16, 10)) == 0
        assert (await store.storage()).pinned == 1


async def test_storage_tells_what_each_tier_takes(influx_url: str) -> None:
    now = Now(DAY + 3 * H)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch(*((1, DAY + i * MINUTE, float(i)) for i in range(90))), 7, 2)
        await store.maintain()
        await store.retain(RetentionPolicies(), now())
        report = await store.storage()
        raw, minute, hour = report.tiers
        assert [(tier.tier, tier.rows, tier.files) for tier in (raw, minute, hour)] == [
            ("raw", 90, 1),
            ("minute", 90, 1),
            ("hour", 2, 1),
        ]
        assert (raw.oldest, raw.next_drop) == (DAY, DAY + 8 * US_PER_DAY)
        assert raw.bytes > 0
        assert (report.samples, report.durable) == (90, {2: 7})


EDGES = [0, H, 2 * H, 3 * H]


@pytest.mark.parametrize(
    ("edges", "raw_floor", "minute_floor", "touched", "expected"),
    [
        (EDGES, 0, 0, [], [("hour", 0, 3 * H)]),
        (EDGES, 0, 0, [H], [("hour", 0, H), ("raw", H, 2 * H), ("hour", 2 * H, 3 * H)]),
        (EDGES, 2 * H, H, [], [("hour", 0, H), ("minute", H, 2 * H), ("hour", 2 * H, 3 * H)]),
        (EDGES, 9 * H, -(1 << 62), [], [("minute", 0, 3 * H)]),
        ([0, 90 * MINUTE, 3 * H], 0, 0, [], [("minute", 0, 3 * H)]),
        ([0, 90 * S, 3 * H], 0, 0, [], [("raw", 0, 3 * H)]),
        ([S, H, 2 * H, 2 * H + S], 0, 0, [], [("raw", S, H), ("hour", H, 2 * H), ("raw", 2 * H, 2 * H + S)]),
        ([S, 2 * S], 0, 0, [], [("raw", S, 2 * S)]),
        ([0, 40 * H], 0, 0, [i * H for i in range(0, 40, 2)], [("raw", 0, H), ("hour", H, 2 * H)]),
    ],
)
def test_the_coarsest_sums_that_fit_are_asked(
    edges: list[int], raw_floor: int, minute_floor: int, touched: list[int], expected: list[tuple[str, int, int]]
) -> None:
    pieces = plan(np.array(edges, np.int64), raw_floor, minute_floor, touched)
    assert list(pieces[: len(expected)]) == [Piece(*each) for each in expected]  # type: ignore[arg-type]
    assert (pieces[0].start, pieces[-1].end) == (edges[0], edges[-1])
    assert all(one.end == other.start for one, other in pairwise(pieces))
    assert len(pieces) <= 20


async def test_what_comes_late_is_not_taken_for_the_newest(influx_url: str) -> None:
    now = Now(DAY + 20 * US_PER_DAY)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY + 10 * S, 10.0)), 1)
        await store.retain(RetentionPolicies(), now())
        await store.write(batch((1, DAY + 5 * S, 5.0)), 2)
        assert (await store.latest([1])).values.tolist() == [10.0]
        await store.write(batch((1, DAY + 10 * S, 11.0)), 3)
        assert (await store.latest([1])).values.tolist() == [11.0]
        await store.retain(RetentionPolicies(), now())
        assert (await store.latest([1])).values.tolist() == [11.0]


async def test_what_one_device_keeps_for_longer_is_not_called_due(influx_url: str) -> None:
    now = Now(DAY + 9 * US_PER_DAY)
    async with opened(influx_url, clock=now) as store:
        await store.write(batch((1, DAY, 1.0), (5, DAY, 2.0), (1, DAY + 5 * US_PER_DAY, 3.0)), 1)
        for_ever = Retention(None, None, None)
        await store.retain(RetentionPolicies(Retention(7, None, None), dict.fromkeys((5, 6, 7, 8), for_ever)), now())
        raw, *sums = (await store.storage()).tiers
        assert (raw.oldest, raw.next_drop) == (DAY, DAY + 13 * US_PER_DAY)
        assert [each.next_drop for each in sums] == [None, None]
