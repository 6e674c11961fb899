"""Several signals at once, pages by cursor, buckets of the calendar, filters of quality."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from andon.historian.service import Historian
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_HOUR, parse_timestamp
from andon.kit.quality import Quality
from historian.support import T0, S, batch

RANGE = {"from": "2025-01-11T10:00:00Z", "to": "2025-01-11T11:00:00Z"}
PRESS = "/devices/press-1/history"
Json = dict[str, Any]
_STRANGER = {"authorization": "Bearer stranger"}


async def get(client: httpx.AsyncClient, path: str, params: Any) -> Json:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def refused(client: httpx.AsyncClient, path: str, params: Any, status: int = 422) -> Json:
    answer = await client.get(path, params=params)
    assert answer.status_code == status, answer.text
    detail: Json = answer.json()["details"][0]
    return detail


def values(series: Json) -> list[Any]:
    return [reading["value"] for reading in series["readings"]]


async def pages(client: httpx.AsyncClient, path: str, params: Json) -> list[Json]:
    """All pages of a question."""
    found = [await get(client, path, params)]
    while found[-1]["meta"]["nextCursor"]:
        found.append(await get(client, path, {**params, "cursor": found[-1]["meta"]["nextCursor"]}))
        assert len(found) < 50
    return found


async def test_several_tags_of_a_device_at_once(client: httpx.AsyncClient, store: LocalStore) -> None:
    await store.write(batch((3, T0, 50.0)), 3)
    body = await get(client, PRESS, {**RANGE, "tag": ["speed", "force"]})
    assert body["data"]["readings"] == []
    speed, force = body["data"]["series"]
    assert (speed["tag"], speed["unit"], values(speed)) == ("speed", "rpm", [50.0])
    assert (force["deviceId"], force["tag"], len(force["readings"])) == ("press-1", "force", 11)
    assert body["meta"]["count"] == 12


async def test_series_of_several_devices(client: httpx.AsyncClient, store: LocalStore) -> None:
    await store.write(batch((4, T0, 7.0), (5, T0, 8.0)), 3)
    body = await get(client, "/history", {**RANGE, "series": ["oven:2:temp:core", "press-1", "oven:2:speed"]})
    assert [(each["deviceId"], each["tag"]) for each in body["data"]["series"]] == [
        ("oven:2", "temp:core"),
        ("press-1", "force"),
        ("oven:2", "speed"),
    ]
    assert values(body["data"]["series"][0]) == [7.0]
    every = await get(client, "/history", {**RANGE, "series": "oven:2:*"})
    assert [each["tag"] for each in every["data"]["series"]] == ["temp:core", "speed"]


@pytest.mark.parametrize(
    ("series", "status", "field"),
    [
        ([], 422, "series"),
        (["nobody"], 404, "deviceId"),
        (["foreign:secret"], 404, "deviceId"),
        (["foreign"], 404, "deviceId"),
        (["press-1:colour"], 404, "tag"),
        (["=bare 1"], 404, "tag"),
        (["press-1:*", "oven:2:*", "press-1", "oven:2"], 200, ""),
    ],
)
async def test_series_that_there_are_not(client: httpx.AsyncClient, series: list[str], status: int, field: str) -> None:
    answer = await client.get("/history", params={**RANGE, "series": series})
    assert answer.status_code == status
    if field:
        assert answer.json()["details"][0]["field"] == field


async def test_more_series_than_the_limit_are_refused(client: httpx.AsyncClient, app: FastAPI) -> None:
    historian: Historian = app.state.historian
    assert historian.queries.max_series == 5
    detail = await refused(client, "/history", {"series": ["press-1:*", "oven:2:*"], "limit": 5000})
    assert "history_max_answer" in detail["message"]
    app.state.historian.queries = type(historian.queries)(max_series=4)
    detail = await refused(client, "/history", {"series": ["press-1:*", "oven:2:*"]})
    assert (detail["field"], "history_max_series" in detail["message"]) == ("series", True)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_by_cursor_give_each_sample_once(client: httpx.AsyncClient, order: str) -> None:
    found = await pages(client, PRESS, {**RANGE, "limit": 4, "order": order})
    seen = [value for page in found for value in values(page["data"])]
    assert seen == [*range(10), 99] if order == "asc" else [99, *reversed(range(10))]
    assert [page["meta"]["truncated"] for page in found] == [True, True, False]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_of_several_series_cover_the_same_time(
    client: httpx.AsyncClient, store: LocalStore, order: str
) -> None:
    await store.write(batch((3, T0 + 2 * S, 1.0), (3, T0 + 500 * S, 2.0)), 3)
    found = await pages(client, PRESS, {**RANGE, "limit": 4, "order": order, "tag": ["force", "speed"]})
    together: list[list[Any]] = [[], []]
    for page in found:
        stamps = [reading["timestamp"] for each in page["data"]["series"] for reading in each["readings"]]
        assert all(page["data"]["from"] <= stamp < page["data"]["to"] for stamp in stamps)
        for every, each in zip(together, page["data"]["series"], strict=True):
            every += values(each)
    assert together == ([[*range(10), 99], [1, 2]] if order == "asc" else [[99, *reversed(range(10))], [2, 1]])


async def test_pages_are_stable_while_new_samples_arrive(client: httpx.AsyncClient, store: LocalStore) -> None:
    question = {"from": "2025-01-11T10:00:00Z", "to": "now", "limit": 6, "order": "desc"}
    first = await get(client, PRESS, question)
    await store.write(batch(*((1, T0 + i * S, 1000.0 + i) for i in range(20, 40))), 3)
    second = await get(client, PRESS, {**question, "cursor": first["meta"]["nextCursor"]})
    assert values(first["data"]) + values(second["data"]) == [99, *reversed(range(10))]


@pytest.mark.parametrize("cursor", ["x", "%00", "a" * 300, "AAAA", "é", "kwEC", ""])
async def test_what_is_no_cursor_is_refused_with_the_cure(client: httpx.AsyncClient, cursor: str) -> None:
    detail = await refused(client, PRESS, {**RANGE, "cursor": cursor})
    assert detail["field"] == "cursor"
    assert "without cursor" in detail["cure"]


@pytest.mark.parametrize("other", [{"order": "desc"}, {"tag": "speed"}, {"quality": "good"}])
async def test_a_cursor_belongs_to_its_question(client: httpx.AsyncClient, other: Json) -> None:
    cursor = (await get(client, PRESS, {**RANGE, "limit": 4}))["meta"]["nextCursor"]
    detail = await refused(client, PRESS, {**RANGE, "limit": 4, "cursor": cursor, **other})
    assert (detail["field"], detail["message"]) == ("cursor", "cursor belongs to another question")


async def test_a_cursor_gives_no_rights(client: httpx.AsyncClient) -> None:
    cursor = (await get(client, PRESS, {**RANGE, "limit": 4}))["meta"]["nextCursor"]
    answer = await client.get(PRESS, params={"limit": 4, "cursor": cursor}, headers=_STRANGER)
    assert answer.status_code == 404


@pytest.mark.parametrize(("quality", "expected"), [("all", 12), ("usable", 11), ("good", 10)])
async def test_samples_are_filtered_by_quality(
    client: httpx.AsyncClient, store: LocalStore, quality: str, expected: int
) -> None:
    await store.write(batch((1, T0 + 20 * S, 5.0, Quality.UNCERTAIN_CLOCK)), 3)
    found = await pages(client, PRESS, {**RANGE, "quality": quality, "limit": 3})
    assert sum(page["meta"]["count"] for page in found) == expected


async def test_a_page_that_a_filter_keeps_empty_says_where_to_go_on(
    client: httpx.AsyncClient, store: LocalStore, app: FastAPI
) -> None:
    await store.write(batch(*((3, T0 + i * S, 1.0, Quality.BAD) for i in range(50)), (3, T0 + 60 * S, 2.0)), 3)
    app.state.historian.queries = type(app.state.historian.queries)(scan_rows=10)
    for order in ("asc", "desc"):
        question = {**RANGE, "quality": "good", "limit": 3, "tag": "speed", "order": order}
        found = await pages(client, PRESS, question)
        assert len(found) > 3, "no page looks at more samples than the limit"
        assert [value for page in found for value in values(page["data"])] == [2.0]


async def days(client: httpx.AsyncClient, store: LocalStore, start: str, end: str, **params: Any) -> Json:
    """A sample each half hour of UTC, its value the hour's number; then the answer in buckets of Berlin."""
    first, last = parse_timestamp(start), parse_timestamp(end)
    rows = [(4, at, (at - first) / US_PER_HOUR) for at in range(first, last, US_PER_HOUR // 2)]
    await store.write(batch(*rows), 3)
    return await get(client, "/devices/oven:2/history", {"from": start, "to": end, **params})


async def test_a_day_of_23_hours_and_its_hours(client: httpx.AsyncClient, store: LocalStore) -> None:
    body = await days(client, store, "2025-03-28T23:00:00Z", "2025-03-31T22:00:00Z", bucket="1d")
    data = body["data"]
    assert (data["bucket"], data["timezone"], data["bucketSeconds"]) == ("1d", "Europe/Berlin", 86_400)
    assert [(each["timestamp"], each["count"]) for each in data["readings"]] == [
        ("2025-03-28T23:00:00.000Z", 48),
        ("2025-03-29T23:00:00.000Z", 46),
        ("2025-03-30T22:00:00.000Z", 48),
    ]
    hours = await get(
        client,
        "/devices/oven:2/history",
        {"from": "2025-03-29T23:00:00Z", "to": "2025-03-30T22:00:00Z", "bucket": "1h"},
    )
    assert len(hours["data"]["readings"]) == 23


async def test_a_day_of_25_hours(client: httpx.AsyncClient, store: LocalStore) -> None:
    body = await days(client, store, "2025-10-24T22:00:00Z", "2025-10-27T23:00:00Z", bucket="1d")
    assert [each["count"] for each in body["data"]["readings"]] == [48, 50, 48]


async def test_another_time_zone_has_other_days(client: httpx.AsyncClient, store: LocalStore) -> None:
    body = await days(
        client, store, "2025-03-28T23:00:00Z", "2025-03-31T22:00:00Z", bucket="1d", timezone="Asia/Kolkata"
    )
    first = body["data"]["readings"][0]
    assert first["timestamp"] == "2025-03-28T18:30:00.000Z"
    assert first["count"] == 2 * 19.5, "the range cuts the first day off"


async def test_a_bucket_of_the_calendar_says_all_of_its_sums(client: httpx.AsyncClient) -> None:
    body = await get(client, PRESS, {**RANGE, "bucket": "1h"})
    (reading,) = body["data"]["readings"]
    assert reading == {
        "timestamp": "2025-01-11T10:00:00.000Z",
        "value": 4.5,
        "quality": "bad",
        "min": 0.0,
        "max": 9.0,
        "count": 10,
        "sd": pytest.approx(3.0277, abs=1e-4),
        "first": 0.0,
        "last": 9.0,
        "goodShare": pytest.approx(10 / 11),
    }


async def test_buckets_of_good_samples_alone(client: httpx.AsyncClient, store: LocalStore, app: FastAPI) -> None:
    await store.write(batch((1, T0 + 20 * S, 50.0, Quality.UNCERTAIN_CLOCK), (1, T0 + 3700 * S, 1.0, Quality.BAD)), 3)
    asked = {"from": RANGE["from"], "to": "2025-01-11T12:00:00Z", "bucket": "1h"}
    every = (await get(client, PRESS, asked))["data"]["readings"]
    usable = (await get(client, PRESS, {**asked, "quality": "usable"}))["data"]["readings"]
    good = (await get(client, PRESS, {**asked, "quality": "good"}))["data"]["readings"]
    assert [each["count"] for each in every] == [11, 0]
    assert [each["count"] for each in usable] == [11]
    assert [(each["count"], each["value"], each["quality"]) for each in good] == [(10, 4.5, "good")]
    app.state.historian.queries = type(app.state.historian.queries)(scan_rows=5)
    detail = await refused(client, PRESS, {**asked, "quality": "good"}, 413)
    assert detail["field"] == "quality"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"buckets": 5, "bucket": "1h"}, "bucket"),
        ({"bucket": "1h", "points": 500}, "points"),
        ({"bucket": "1h", "method": "lttb"}, "points"),
        ({"bucket": "1 parsec"}, "bucket"),
        ({"bucket": "1s", "from": "-30d"}, "bucket"),
        ({"bucket": "1d", "timezone": "Mars/Olympus"}, "timezone"),
        ({"fill": "null"}, "fill"),
        ({"fill": "previous", "points": 10}, "fill"),
        ({"fill": "nothing", "bucket": "1h"}, "fill"),
        ({"points": 3}, "points"),
        ({"points": 5001}, "points"),
        ({"quality": "best"}, "quality"),
        ({"buckets": 5, "cursor": "x"}, "cursor"),
        ({"limit": 0}, "limit"),
    ],
)
async def test_a_question_that_makes_no_sense_names_the_parameter(
    client: httpx.AsyncClient, params: Json, field: str
) -> None:
    detail = await refused(client, PRESS, {"from": "-1h", **params})
    assert detail["field"] == field
    assert detail["cure"]


async def test_the_latest_of_all_signals(client: httpx.AsyncClient, store: LocalStore) -> None:
    await store.write(batch((4, T0, 7.0), (3, T0, 8.0, Quality.STALE)), 3)
    body = await get(client, "/history/latest", {})
    found = {(each["deviceId"], each["tag"]): each for each in body["data"]["latest"]}
    assert list(found) == [("oven:2", "temp:core"), ("press-1", "force"), ("press-1", "=cmd()"), ("press-1", "speed")]
    assert found["press-1", "force"] == {
        "deviceId": "press-1",
        "tag": "force",
        "unit": "kN",
        "timestamp": "2025-01-11T10:00:10.000001Z",
        "value": 99.0,
        "quality": "bad",
        "receivedAt": "2025-01-11T10:00:10.000006Z",
    }
    assert found["press-1", "speed"]["quality"] == "stale"
    assert body["meta"] == {"count": 4, "truncated": False}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"device": "press-1", "tag": "force"}, [("press-1", "force")]),
        ({"type": "oven"}, [("oven:2", "temp:core")]),
        ({"primary": True}, [("oven:2", "temp:core"), ("press-1", "force")]),
        ({"tag": "no such"}, []),
    ],
)
async def test_the_latest_of_some(
    client: httpx.AsyncClient, store: LocalStore, params: Json, expected: list[tuple[str, str]]
) -> None:
    await store.write(batch((4, T0, 7.0)), 3)
    body = await get(client, "/history/latest", params)
    assert [(each["deviceId"], each["tag"]) for each in body["data"]["latest"]] == expected


async def test_the_latest_says_when_the_limit_cut_it(client: httpx.AsyncClient) -> None:
    body = await get(client, "/history/latest", {"device": "press-1", "limit": 1})
    assert body["meta"] == {"count": 1, "truncated": True}
    assert (await refused(client, "/history/latest", {"limit": 100_000}))["field"] == "limit"


async def ranked(client: httpx.AsyncClient, **params: Any) -> list[tuple[str, float | None]]:
    body = await get(client, "/history/top", {**RANGE, **params})
    return [(each["tag"], each["value"]) for each in body["data"]["top"]]


async def test_the_top_by_a_statistic(client: httpx.AsyncClient, store: LocalStore) -> None:
    rows = [(3, T0, 100.0), (3, T0 + S, 300.0), (4, T0, 4.0), (5, T0, 500.0, Quality.BAD)]
    await store.write(batch(*rows), 3)
    assert await ranked(client) == [("speed", 200.0), ("force", 4.5), ("temp:core", 4.0), ("=cmd()", -5.0)]
    assert await ranked(client, n=1, order="asc") == [("=cmd()", -5.0)]
    assert await ranked(client, statistic="range", n=1) == [("speed", 200.0)]
    assert await ranked(client, statistic="max", unit="rpm") == [("speed", 300.0)]
    assert await ranked(client, statistic="count", type="oven") == [("temp:core", 1.0)]
    assert (await ranked(client, statistic="goodShare", device="press-1", order="asc"))[0][0] == "force"


async def test_the_top_names_what_was_ranked(client: httpx.AsyncClient) -> None:
    body = await get(client, "/history/top", RANGE)
    assert body["data"]["top"][0] == {
        "rank": 1,
        "deviceId": "press-1",
        "name": "press-1",
        "tag": "force",
        "unit": "kN",
        "value": 4.5,
    }
    assert body["meta"] == {
        "statistic": "mean",
        "order": "desc",
        "from": "2025-01-11T10:00:00.000Z",
        "to": "2025-01-11T11:00:00.000Z",
        "signals": 5,
    }


@pytest.mark.parametrize("params", [{"n": 0}, {"n": 100_000}, {"statistic": "mode"}, {"order": "up"}])
async def test_a_ranking_that_makes_no_sense_is_refused(client: httpx.AsyncClient, params: Json) -> None:
    assert (await refused(client, "/history/top", params))["field"] == next(iter(params))


@pytest.mark.parametrize("path", ["/history", "/history/latest", "/history/top", "/history/export"])
async def test_other_organisations_and_guests_see_nothing(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers={"authorization": "Bearer guest"})).status_code == 403
    answer = await client.get(path, params={"device": "press-1", "series": "press-1"}, headers=_STRANGER)
    assert answer.status_code == 404
