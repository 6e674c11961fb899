"""History and statistics over HTTP: what the first clients ask, and who may."""

from __future__ import annotations

import httpx
import pytest

RANGE = {"from": "2025-01-11T10:00:00Z", "to": "2025-01-11T11:00:00Z"}


async def test_history_gives_the_primary_tag_oldest_first(client: httpx.AsyncClient) -> None:
    body = (await client.get("/devices/press-1/history", params=RANGE)).json()
    assert body["success"] is True
    readings = body["data"].pop("readings")
    assert body["data"] == {
        "deviceId": "press-1",
        "tag": "force",
        "unit": "kN",
        "from": "2025-01-11T10:00:00.000Z",
        "to": "2025-01-11T11:00:00.000Z",
        "resolution": "raw",
        "bucketSeconds": None,
    }
    assert body["meta"] == {
        "count": 11,
        "truncated": False,
        "nextFrom": None,
        "nextCursor": None,
        "source": "raw",
    }
    assert readings[0] == {"timestamp": "2025-01-11T10:00:00.000Z", "value": 0.0, "quality": "good"}
    assert readings[10] == {"timestamp": "2025-01-11T10:00:10.000001Z", "value": 99.0, "quality": "bad"}


async def test_a_limited_history_says_where_to_go_on(client: httpx.AsyncClient) -> None:
    values, start = [], RANGE["from"]
    for _ in range(10):
        query = {**RANGE, "from": start, "limit": 4}
        body = (await client.get("/devices/press-1/history", params=query)).json()
        values += [reading["value"] for reading in body["data"]["readings"]]
        start = body["meta"]["nextFrom"]
        if not body["meta"]["truncated"]:
            break
    assert values == [*range(10), 99]
    assert start is None


async def test_history_newest_first_goes_back_page_by_page(client: httpx.AsyncClient) -> None:
    values, end = [], RANGE["to"]
    for _ in range(10):
        query = {**RANGE, "to": end, "limit": 4, "order": "desc"}
        body = (await client.get("/devices/press-1/history", params=query)).json()
        values += [reading["value"] for reading in body["data"]["readings"]]
        end = body["meta"]["nextTo"]
        if not body["meta"]["truncated"]:
            break
    assert values == [99, *reversed(range(10))]
    assert end is None


async def test_history_of_texts(client: httpx.AsyncClient) -> None:
    body = (await client.get("/devices/press-1/history", params={**RANGE, "tag": "=cmd()"})).json()
    assert [reading["value"] for reading in body["data"]["readings"]] == ["=1+2", 'a,"b"\nc', -5.0]


async def test_history_in_buckets(client: httpx.AsyncClient) -> None:
    query = {"from": "2025-01-11T10:00:00Z", "to": "2025-01-11T10:00:20Z", "buckets": 4}
    body = (await client.get("/devices/press-1/history", params=query)).json()
    assert (body["data"]["resolution"], body["data"]["bucketSeconds"]) == ("buckets", 5)
    first, second, third = body["data"]["readings"]
    assert first == {
        "timestamp": "2025-01-11T10:00:00.000Z",
        "value": 2.0,
        "quality": "good",
        "min": 0.0,
        "max": 4.0,
        "count": 5,
    }
    assert second["value"] == 7.0
    assert third == {**third, "value": None, "min": None, "max": None, "count": 0, "quality": "bad"}
    assert body["meta"]["count"] == 3


async def test_no_samples_are_an_empty_list_not_an_error(client: httpx.AsyncClient) -> None:
    body = (await client.get("/devices/press-1/history")).json()
    assert body["data"]["readings"] == []


async def test_statistics(client: httpx.AsyncClient) -> None:
    data = (await client.get("/devices/press-1/statistics", params=RANGE)).json()["data"]
    assert (data["count"], data["mean"], data["median"], data["min"], data["max"]) == (10, 4.5, 4.5, 0, 9)
    assert (data["first"], data["last"]) == (0, 9)
    assert data["goodShare"] == pytest.approx(10 / 11)
    assert (data["deviceId"], data["tag"], data["unit"]) == ("press-1", "force", "kN")


async def test_statistics_of_nothing_are_null_not_zero(client: httpx.AsyncClient) -> None:
    data = (await client.get("/devices/press-1/statistics", params={**RANGE, "tag": "speed"})).json()["data"]
    assert data["count"] == 0
    for name in ("mean", "median", "sd", "min", "max", "p5", "p95", "first", "last", "goodShare"):
        assert data[name] is None


@pytest.mark.parametrize(
    ("path", "query", "status", "field"),
    [
        ("press-9/history", {}, 404, "deviceId"),
        ("foreign/history", {}, 404, "deviceId"),
        ("foreign/export", {}, 404, "deviceId"),
        ("press-1/history", {"tag": "colour"}, 404, "tag"),
        ("%3Dbare%201/history", {}, 404, "tag"),
        ("press-1/history", {"from": "yesterday"}, 422, "from"),
        ("press-1/export", {"to": "-2d"}, 422, "from"),
        ("press-1/history", {"limit": "10001"}, 422, "limit"),
        ("press-1/history", {"buckets": "5001"}, 422, "buckets"),
        ("press-1/export", {"format": "docx"}, 422, "format"),
    ],
)
async def test_a_bad_request_names_what_is_wrong(
    client: httpx.AsyncClient, path: str, query: dict[str, str], status: int, field: str
) -> None:
    answer = await client.get(f"/devices/{path}", params=query)
    assert answer.status_code == status
    assert field in answer.text


@pytest.mark.parametrize(("token", "status"), [("guest", 403), ("nobody", 401), ("viewer", 200)])
@pytest.mark.parametrize("path", ["history", "statistics", "export"])
async def test_history_is_for_those_who_may_read_data(
    client: httpx.AsyncClient, path: str, token: str, status: int
) -> None:
    answer = await client.get(f"/devices/press-1/{path}", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == status
