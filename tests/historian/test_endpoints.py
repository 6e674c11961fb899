"""History, statistics and export over HTTP."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from andon.api.errors import install_error_handlers
from andon.historian.endpoints import router
from andon.historian.export import csv_lines
from andon.historian.service import Historian, HistorianLimits
from andon.historian.stores.local import LocalStore
from andon.identity.model import ROLES, Principal
from andon.kit.errors import UnauthenticatedError
from andon.kit.quality import Quality
from historian.support import ORGANISATION, T0, S, batch, device, directory, tag

PRESS = device(
    "press-1",
    [
        tag(1, "press-1", "force", unit="kN"),
        tag(2, "press-1", "=cmd()", unit="+1", kind="text"),
        tag(3, "press-1", "speed", unit="rpm"),
    ],
)
BARE = device("=bare 1", [])
FOREIGN = device("foreign", [tag(9, "foreign", "secret")], organisation_id="org-2")
RANGE = {"from": "2025-01-11T10:00:00Z", "to": "2025-01-11T11:00:00Z"}


def verify(token: str) -> Principal:
    if token not in ROLES:
        raise UnauthenticatedError("unknown")
    return Principal("u", token, token, ROLES[token], ORGANISATION)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = LocalStore.open(tmp_path / "history.db")
    rows = [(1, T0 + i * S, float(i)) for i in range(10)]
    await store.write(batch(*rows, (1, T0 + 10 * S + 1, 99.0, Quality.BAD), (9, T0, 1.0)), 1)
    await store.write(batch((2, T0, "=1+2"), (2, T0 + S, 'a,"b"\nc'), (2, T0 + 2 * S, -5.0)), 2)
    yield store
    await store.close()


@pytest.fixture
async def client(store: LocalStore) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router)
    install_error_handlers(app)
    app.state.directory = directory(PRESS, BARE, FOREIGN)
    app.state.historian = Historian(store, app.state.directory, HistorianLimits(page_rows=4))
    app.state.identity = SimpleNamespace(verify=verify)
    headers = {"authorization": "Bearer viewer"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://andon", headers=headers
    ) as client:
        yield client


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
    assert body["meta"] == {"count": 11, "truncated": False, "nextFrom": None}
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
        ("press-1/export", {"format": "xlsx"}, 422, "format"),
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


async def test_a_csv_export_has_all_tags_and_opens_safely_in_a_spreadsheet(client: httpx.AsyncClient) -> None:
    answer = await client.get("/devices/press-1/export", params=RANGE)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="press-1_2025-01-11_2025-01-11.csv"'
    header, *rows = csv.reader(io.StringIO(answer.text))
    assert header == ["timestamp", "device", "tag", "value", "unit", "quality"]
    assert rows[0] == ["2025-01-11T10:00:00.000Z", "press-1", "force", "0.0", "kN", "good"]
    assert len(rows) == 14
    assert rows[11][2:5] == ["'=cmd()", "'=1+2", "'+1"]
    assert rows[12][3] == 'a,"b"\nc'
    assert rows[13][3] == "-5.0", "a number stays a number"


async def test_a_json_export_is_one_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/devices/press-1/export", params={**RANGE, "format": "json", "tag": "force"})
    body = answer.json()
    assert body["deviceId"] == "press-1"
    assert [reading["value"] for reading in body["readings"]] == [*range(10), 99]
    assert body["readings"][0] == {
        "timestamp": "2025-01-11T10:00:00.000Z",
        "tag": "force",
        "value": 0.0,
        "unit": "kN",
        "quality": "good",
    }


@pytest.mark.parametrize("format", ["csv", "json"])
async def test_an_export_of_nothing_is_an_empty_file(client: httpx.AsyncClient, format: str) -> None:
    answer = await client.get("/devices/%3Dbare%201/export", params={"format": format})
    assert answer.status_code == 200
    assert 'filename="_bare_1_' in answer.headers["content-disposition"]
    if format == "json":
        assert answer.json() == {"deviceId": "=bare 1", "readings": []}
    else:
        assert answer.text == "timestamp,device,tag,value,unit,quality\r\n"


async def test_a_large_export_takes_little_memory(store: LocalStore) -> None:
    count = 60_000
    await store.write(batch(*((3, T0 + i * S, i / 7) for i in range(count))), 3)
    historian = Historian(store, directory(PRESS), HistorianLimits(page_rows=500))
    tracemalloc.start()
    size = lines = 0
    async for part in csv_lines(historian, PRESS, PRESS.tags[2:], T0, T0 + count * S):
        size += len(part)
        lines += part.count(b"\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines == count + 1
    assert peak < 1_000_000 < size
