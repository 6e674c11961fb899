"""Points of a chart at any range, and buckets that are filled."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from andon.historian.charting import with_gaps
from andon.historian.limits import QueryLimits
from andon.historian.model import Columns
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import to_iso
from andon.kit.quality import Quality
from historian.support import T0, S, batch

Json = dict[str, Any]
_SECONDS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "1d": 86_400}
SPEED = "/devices/press-1/history?tag=speed"


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Json:
    answer = await client.get(path, params={**dict(httpx.URL(path).params), **params})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def times(count: int, step: int = S) -> dict[str, str]:
    return {"from": to_iso(T0), "to": to_iso(T0 + count * step)}


async def wave(store: LocalStore, count: int, step: int = S) -> None:
    """A slow wave with one spike."""
    rows = [(3, T0 + i * step, float(np.sin(i / 50))) for i in range(count)]
    rows[count // 3] = (3, T0 + count // 3 * step, 99.0)
    await store.write(batch(*rows), 3)


@pytest.mark.parametrize("method", ["lttb", "minmax"])
async def test_points_show_the_shape_and_the_spike(client: httpx.AsyncClient, store: LocalStore, method: str) -> None:
    await wave(store, 3000)
    body = await get(client, SPEED, **times(3000), points=100, method=method)
    readings = body["data"]["readings"]
    assert 80 <= len(readings) <= 100
    assert max(each["value"] for each in readings) == 99.0
    assert set(readings[0]) == {"timestamp", "value", "quality"}
    assert (body["data"]["resolution"], body["data"]["bucketSeconds"], body["meta"]["source"]) == ("raw", None, "raw")
    stamps = [each["timestamp"] for each in readings]
    assert stamps == sorted(set(stamps))
    assert (stamps[0], stamps[-1]) == (to_iso(T0), to_iso(T0 + 2999 * S))


async def test_a_method_alone_means_five_hundred_points(client: httpx.AsyncClient, store: LocalStore) -> None:
    await wave(store, 3000)
    assert (await get(client, SPEED, **times(3000), method="lttb"))["meta"]["count"] == 500


async def test_few_samples_are_all_shown(client: httpx.AsyncClient) -> None:
    body = await get(client, "/devices/press-1/history", **times(20), points=100)
    assert [each["value"] for each in body["data"]["readings"]] == [*range(10), 99]
    assert body["data"]["readings"][-1]["quality"] == "bad"
    good = await get(client, "/devices/press-1/history", **times(20), points=100, quality="good")
    assert good["meta"]["count"] == 10


@pytest.mark.parametrize(
    ("step_s", "resolution"), [(2, "1m"), (7, "5m"), (20, "15m"), (100, "1h"), (600, "6h"), (2_000, "1d")]
)
async def test_over_long_ranges_points_are_extremes_of_minutes_hours_or_days(
    client: httpx.AsyncClient, store: LocalStore, app: FastAPI, step_s: int, resolution: str
) -> None:
    await wave(store, 3000, step_s * S)
    app.state.historian.queries = QueryLimits(chart_rows=1000)
    body = await get(client, SPEED, **times(3000, step_s * S), points=50)
    assert body["data"]["resolution"] == resolution
    assert body["data"]["bucketSeconds"] == _SECONDS[resolution]
    values = [each["value"] for each in body["data"]["readings"]]
    assert len(values) <= 50
    assert max(values) == 99.0
    assert min(values) < -0.9


async def test_where_samples_are_gone_a_chart_shows_their_sums(
    client: httpx.AsyncClient, store: LocalStore, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wave(store, 3000, 20 * S)

    async def some_left(*_: object) -> int:
        return 500

    monkeypatch.setattr(app.state.historian, "rows", some_left)
    body = await get(client, SPEED, **times(3000, 20 * S), points=50)
    assert body["data"]["resolution"] == "15m"
    assert body["data"]["readings"][0]["timestamp"] < to_iso(T0 + 600 * S)


async def test_large_answers_are_the_same_as_small_ones(client: httpx.AsyncClient, store: LocalStore) -> None:
    await wave(store, 5000)
    whole = await get(client, SPEED, **times(5000), limit=5000)
    assert whole["meta"]["count"] == len(whole["data"]["readings"]) == 5000
    some = await get(client, SPEED, **times(5000), limit=10)
    assert whole["data"]["readings"][:10] == some["data"]["readings"]
    buckets = await get(client, SPEED, **times(5000), buckets=2500)
    assert [each["count"] for each in buckets["data"]["readings"]] == [2] * 2500


async def test_many_samples_in_a_short_time_are_summed_up_evenly(
    client: httpx.AsyncClient, store: LocalStore, app: FastAPI
) -> None:
    await wave(store, 3000, S // 1000)
    app.state.historian.queries = QueryLimits(chart_rows=1000)
    body = await get(client, SPEED, **times(3000, S // 1000), points=50)
    assert (body["data"]["resolution"], body["data"]["bucketSeconds"]) == ("buckets", 0.06)
    assert len(body["data"]["readings"]) <= 50


async def test_a_chart_breaks_off_where_nothing_was_measured(client: httpx.AsyncClient, store: LocalStore) -> None:
    rows = [(3, T0 + i * S, 5.0 + i % 3) for i in range(2000) if not 500 <= i < 900]
    await store.write(batch(*rows), 3)
    readings = (await get(client, SPEED, **times(2000), points=100))["data"]["readings"]
    (gap,) = [each for each in readings if each["value"] is None]
    assert gap["quality"] == "stale"
    assert to_iso(T0 + 500 * S) <= gap["timestamp"] < to_iso(T0 + 900 * S)


async def test_a_chart_of_hours_breaks_off_too(client: httpx.AsyncClient, store: LocalStore, app: FastAPI) -> None:
    app.state.historian.queries = QueryLimits(chart_rows=1000)
    rows = [(3, T0 + i * 600 * S, 5.0) for i in range(3000) if not 1000 <= i < 1400]
    await store.write(batch(*rows), 3)
    readings = (await get(client, SPEED, **times(3000, 600 * S), points=50))["data"]["readings"]
    assert [each["value"] for each in readings].count(None) == 1


async def test_a_chart_of_several_series(client: httpx.AsyncClient, store: LocalStore) -> None:
    await wave(store, 3000)
    body = await get(
        client,
        "/history?series=press-1:speed&series=press-1",
        **times(3000),
        points=100,
        series=["press-1:speed", "press-1"],
    )
    assert [len(each["readings"]) for each in body["data"]["series"]] == [100, 11]


def test_gaps_keep_texts_with_their_samples() -> None:
    stamps = np.array([0, 1, 100, 101]) * S
    columns = Columns(stamps, np.full(4, np.nan), np.full(4, 192, np.uint8), stamps, {0: "a", 2: "b", 3: "c"})
    found = with_gaps(columns, 10 * S)
    assert (found.timestamps // S).tolist() == [0, 1, 50, 100, 101]
    assert found.texts == {0: "a", 3: "b", 4: "c"}
    assert found.qualities.tolist() == [192, 192, Quality.STALE, 192, 192]


async def hours(client: httpx.AsyncClient, store: LocalStore, **params: Any) -> list[tuple[Any, ...]]:
    """Values 1 and 3 in the first hour, none in the next two, 5 in the fourth, none in the fifth."""
    await store.write(batch((3, T0, 1.0), (3, T0 + S, 3.0), (3, T0 + 3 * 3600 * S, 5.0)), 3)
    body = await get(client, SPEED, **times(5, 3600 * S), **params)
    return [
        (each["timestamp"][11:13], each["value"], each["quality"], each["count"], each.get("filled", False))
        for each in body["data"]["readings"]
    ]


@pytest.mark.parametrize("shape", [{"bucket": "1h"}, {"buckets": 5}])
async def test_buckets_without_samples_are_absent_listed_repeated_or_interpolated(
    client: httpx.AsyncClient, store: LocalStore, shape: Json
) -> None:
    ten, thirteen = ("10", 2.0, "good", 2, False), ("13", 5.0, "good", 1, False)
    assert await hours(client, store, **shape) == [ten, thirteen]
    assert await hours(client, store, **shape, fill="null") == [
        ten,
        ("11", None, "stale", 0, False),
        ("12", None, "stale", 0, False),
        thirteen,
        ("14", None, "stale", 0, False),
    ]
    assert await hours(client, store, **shape, fill="previous") == [
        ten,
        ("11", 3.0, "stale", 0, True),
        ("12", 3.0, "stale", 0, True),
        thirteen,
        ("14", 5.0, "stale", 0, True),
    ]
    assert await hours(client, store, **shape, fill="linear") == [
        ten,
        ("11", 3.0, "uncertain", 0, True),
        ("12", 4.0, "uncertain", 0, True),
        thirteen,
        ("14", None, "uncertain", 0, False),
    ]


async def test_a_bucket_of_bad_samples_keeps_its_quality_unless_it_is_filled(
    client: httpx.AsyncClient, store: LocalStore
) -> None:
    await store.write(batch((3, T0 + 3600 * S, 9.0, Quality.BAD)), 4)
    assert (await hours(client, store, bucket="1h", fill="null"))[1] == ("11", None, "bad", 0, False)
    assert (await hours(client, store, bucket="1h", fill="linear"))[1] == ("11", 3.0, "uncertain", 0, True)
