"""What somebody sees who looks into InfluxDB without Andon: measurement, tags and fields of a plant."""

from __future__ import annotations

import math
from typing import Any

import pytest

from andon.historian.stores.influx.store import InfluxStore
from andon.kit.errors import InvalidError
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch
from historian.influx.support import opened
from historian.support import T0, S, batch


async def ask(store: InfluxStore, query: str) -> Any:
    """The rows of the only series."""
    answer = (await store._client.query(query))[0]
    return answer[0].values if answer else []


async def test_tags_of_one_device_and_moment_are_one_point(influx_url: str) -> None:
    async with opened(influx_url) as store:
        await store.write(batch((1, T0, 1600.12), (2, T0, 21.5), (3, T0, 2.25)), 1)
        answer = await store._client.query("SELECT * FROM loom GROUP BY *")
        assert answer[0][0].tags == {"device_id": "loom-001", "location": "weaving-line-1", "organisation": "org-1"}
        names = ("time", "bbw_value", "temperature", "vibration", "bbw_value_quality")
        row = dict(zip(answer[0][0].columns, answer[0][0].values[0], strict=True))
        assert [row[name] for name in names] == [T0, 1600.12, 21.5, 2.25, 192]
        assert len(answer[0][0].values) == 1


async def test_the_queries_that_people_know_work(influx_url: str) -> None:
    async with opened(influx_url) as store:
        rows = [(1 + 4 * loom, T0 + i * S, 1600.0 + loom + i) for loom in range(2) for i in range(3)]
        await store.write(batch(*rows), 1)
        assert len(await ask(store, "SELECT bbw_value FROM loom WHERE bbw_value > 1601")) == 3
        assert await ask(store, "SELECT mean(bbw_value) FROM loom GROUP BY location") == [[0, 1601.5]]


async def test_what_must_not_be_averaged_is_in_no_plain_mean(influx_url: str) -> None:
    async with opened(influx_url) as store:
        bad = [(1, T0 + S, 9e9, Quality.BAD), (1, T0 + 2 * S, 8e9, Quality.UNCERTAIN), (1, T0 + 3 * S, math.nan)]
        await store.write(batch((1, T0, 5.0), *bad, (1, T0 + 4 * S, "RUNNING")), 1)
        assert await ask(store, "SELECT mean(bbw_value) FROM loom") == [[0, 5.0]]
        assert len(await ask(store, "SELECT bbw_value_unusable FROM loom")) == 2
        assert await ask(store, "SELECT bbw_value_text FROM loom") == [[T0 + 4 * S, "RUNNING"]]


async def test_a_tag_may_change_between_numbers_and_texts(influx_url: str) -> None:
    """InfluxDB refuses a field that changes its type: so each kind has its own."""
    async with opened(influx_url) as store:
        for position, value in enumerate((1.0, "one", 2.0, math.nan, "two"), 1):
            await store.write(batch((1, T0, value)), position)
            columns = await store.read(1, 0, 10**16, 10)
            held = columns.texts.get(0, columns.values[0])
            assert held == value or (math.isnan(float(held)) and math.isnan(float(value)))
        assert (await store.size()).samples == 1


async def test_infinite_numbers_are_absent_and_huge_ones_break_nothing(influx_url: str) -> None:
    async with opened(influx_url) as store:
        await store.write(batch((1, T0, math.inf), (1, T0 + S, 1.7e308), (1, T0 + 2 * S, 1.7e308)), 1)
        columns = await store.read(1, 0, 10**16, 10)
        assert math.isnan(columns.values[0])
        found = await store.buckets(1, T0, T0 + 10 * S, 1)
        assert (found.counts.tolist(), found.maxima.tolist()) == ([2], [1.7e308])
        assert found.means[0] > 1e300


async def test_samples_beyond_influxdbs_time_are_left_out(influx_url: str) -> None:
    async with opened(influx_url) as store:
        assert await store.write(batch((1, T0, 1.0), (1, 200_000_000_000_000_000, 2.0)), 1) == 1
        assert (await store.read(1, 0, 10**18, 10)).values.tolist() == [1.0]


async def test_a_long_text_is_shortened(influx_url: str) -> None:
    async with opened(influx_url) as store:
        await store.write(batch((1, T0, "é" * 100_000)), 1)
        columns = await store.read(1, 0, 10**16, 10)
        assert columns.texts[0] == "é" * 30_000


async def test_a_field_that_somebody_else_made_is_refused_with_the_reason(influx_url: str) -> None:
    async with opened(influx_url) as store:
        foreign = f'loom,device_id=x bbw_value="text" {T0}'.encode()
        await store._client.write("andon_raw", [foreign])
        with pytest.raises(InvalidError, match=r"field of another type.*bbw_value") as caught:
            await store.write(batch((1, T0, 1.0), (2, T0 + S, 2.0)), 1)
        assert "database of its own" in (caught.value.cure or "")
        assert (await store.read(2, 0, 10**16, 10)).values.tolist() == [2.0], "the others are stored"
        assert await store.position() == 0


async def test_received_is_told_to_the_millisecond_when_it_was_late(influx_url: str) -> None:
    async with opened(influx_url) as store:
        await store.write(SampleBatch.from_rows([(1, T0, 1.0, 192, T0)]), 1)
        rows = [(1, T0 + S, 1.0, 192, T0 + S + 40_000), (1, T0 + 2 * S, 1.0, 192, T0 + 500 * S + 1_400)]
        await store.write(SampleBatch.from_rows(rows), 2)
        received = (await store.read(1, 0, 10**16, 10)).received.tolist()
        assert received == [T0, T0 + S, T0 + 500 * S + 1_000]
