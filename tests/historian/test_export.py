"""History as a file: CSV, JSON, Parquet and Excel, of one device or many, in little memory."""

from __future__ import annotations

import asyncio
import csv
import io
import socket
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import openpyxl
import openpyxl.utils.escape
import pyarrow.parquet as pq
import pytest
import uvicorn
from fastapi import FastAPI

from andon.api.middleware import RateWindow, RequestMiddleware, RequestStats
from andon.historian.export import Export, FileWriter, file_parts
from andon.historian.export_endpoints import ExportSlots
from andon.historian.export_excel import ExcelWriter
from andon.historian.export_parquet import ParquetWriter
from andon.historian.export_text import CsvWriter, JsonWriter
from andon.historian.limits import QueryLimits
from andon.historian.model import Columns
from andon.historian.selection import Series
from andon.historian.service import Historian, HistorianLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import parse_timestamp
from andon.kit.errors import UnavailableError
from historian.conftest import PRESS
from historian.support import T0, S, batch, directory

RANGE = {"from": "2025-01-11T10:00:00Z", "to": "2025-01-11T11:00:00Z"}


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


async def test_a_parquet_export_opens_with_its_types(client: httpx.AsyncClient) -> None:
    answer = await client.get("/devices/press-1/export", params={**RANGE, "format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"].endswith('.parquet"')
    table = pq.read_table(io.BytesIO(answer.content))
    assert str(table.schema.field("timestamp").type) == "timestamp[us, tz=UTC]"
    rows = table.to_pylist()
    assert len(rows) == 14
    assert rows[0] == {
        "timestamp": datetime(2025, 1, 11, 10, tzinfo=UTC),
        "device": "press-1",
        "tag": "force",
        "value": 0.0,
        "text": None,
        "unit": "kN",
        "quality": "good",
    }
    assert [(row["value"], row["text"]) for row in rows[11:]] == [(None, "=1+2"), (None, 'a,"b"\nc'), (-5.0, None)]


def test_a_parquet_export_comes_in_row_groups(store: LocalStore) -> None:
    writer = ParquetWriter(group_rows=100)
    data = writer.begin()
    columns = Columns(*(np.arange(60) for _ in range(4)))
    parts = [writer.page(Series(PRESS, PRESS.tags[0]), columns) for _ in range(5)]
    assert [bool(part) for part in parts] == [False, True, False, True, False]
    data += b"".join([*parts, *writer.finish()])
    file = pq.ParquetFile(io.BytesIO(data))
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [100, 20, 100, 20, 60]
    assert file.read()["value"].to_pylist() == list(range(60)) * 5


async def test_an_excel_export_has_both_times_and_no_formulas(client: httpx.AsyncClient) -> None:
    answer = await client.get("/devices/press-1/export", params={**RANGE, "format": "xlsx", "timezone": "Asia/Tokyo"})
    assert answer.headers["content-type"].startswith("application/vnd.openxmlformats")
    header, *rows = openpyxl.load_workbook(io.BytesIO(answer.content))["history"].iter_rows(values_only=True)
    assert header == ("time (UTC)", "time (Asia/Tokyo)", "device", "tag", "value", "unit", "quality")
    assert rows[0] == (datetime(2025, 1, 11, 10), datetime(2025, 1, 11, 19), "press-1", "force", 0, "kN", "good")
    assert len(rows) == 14
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content))["history"]
    assert (sheet["E13"].value, sheet["E13"].data_type) == ("=1+2", "s"), "text, which Excel does not run"


async def test_excel_times_follow_the_sites_clock(client: httpx.AsyncClient, store: LocalStore) -> None:
    await store.write(batch((4, T0, 1.0)), 3)
    answer = await client.get("/devices/oven:2/export", params={**RANGE, "format": "xlsx"})
    rows = list(openpyxl.load_workbook(io.BytesIO(answer.content))["history"].iter_rows(values_only=True))
    assert (rows[0][1], rows[1][1]) == ("time (Europe/Berlin)", datetime(2025, 1, 11, 11))


def workbook(*pages: Columns, sheet_rows: int = 1000, zone: str = "UTC", tag_name: str = "force") -> Any:
    """What Excel would show of some pages."""
    series = Series(PRESS, replace(PRESS.tags[0], name=tag_name))
    writer = ExcelWriter(ZoneInfo(zone), sheet_rows)
    parts = [writer.begin(), *(writer.page(series, page) for page in pages), *writer.finish()]
    writer.close()
    return openpyxl.load_workbook(io.BytesIO(b"".join(parts)))


def test_an_excel_export_goes_on_in_another_sheet() -> None:
    page = Columns(*(np.arange(60) for _ in range(4)))
    book = workbook(page, page, sheet_rows=25)
    assert [(sheet.title, sheet.max_row) for sheet in book] == [
        ("history", 26),
        ("history 2", 26),
        ("history 3", 26),
        ("history 4", 26),
        ("history 5", 21),
    ]
    values = [row[4] for sheet in book for row in list(sheet.iter_rows(values_only=True))[1:]]
    assert values == [*range(60), *range(60)]


def test_an_excel_export_of_nothing_opens() -> None:
    (sheet,) = workbook()
    assert sheet.max_row == 1


def test_excel_shows_texts_as_they_are() -> None:
    texts = ["=1+2", '<b>&"', "tab\tline\nend", "bell\x07 nul\x00", "_x0041_", "ünï 漢 🏭", " x ", "long " * 10_000]
    stamps = np.arange(len(texts), dtype=np.int64)
    columns = Columns(
        stamps, np.full(len(texts), np.nan), np.full(len(texts), 192, np.uint8), stamps, dict(enumerate(texts))
    )
    sheet = workbook(columns, tag_name="a <&> _x0042_")["history"]
    shown = [openpyxl.utils.escape.unescape(row[4]) for row in list(sheet.iter_rows(values_only=True))[1:]]
    assert shown == [*texts[:7], texts[7][:32_767]]
    assert sheet["D2"].value == "a <&> _x0042_"
    assert {sheet.cell(row, 5).data_type for row in range(2, 10)} <= {"s", "inlineStr"}


def test_excel_times_are_right_to_the_millisecond_through_a_change_of_the_clock() -> None:
    moments = ["2025-03-30T00:59:59.999Z", "2025-03-30T01:00:00Z", "2025-10-26T00:59:59.999Z", "2025-10-26T01:00:00Z"]
    stamps = np.array([parse_timestamp(each) for each in moments], np.int64)
    book = workbook(
        Columns(stamps, np.array([1.5, np.nan, np.inf, -2e300]), np.zeros(4, np.uint8), stamps), zone="Europe/Berlin"
    )
    rows = list(book["history"].iter_rows(values_only=True))[1:]
    assert [(row[0].isoformat(timespec="milliseconds"), row[1].isoformat(timespec="milliseconds")) for row in rows] == [
        ("2025-03-30T00:59:59.999", "2025-03-30T01:59:59.999"),
        ("2025-03-30T01:00:00.000", "2025-03-30T03:00:00.000"),
        ("2025-10-26T00:59:59.999", "2025-10-26T02:59:59.999"),
        ("2025-10-26T01:00:00.000", "2025-10-26T02:00:00.000"),
    ]
    assert [row[4] for row in rows] == [1.5, None, None, -2e300]


async def test_an_excel_file_of_too_many_rows_is_refused_before_it_begins(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    app.state.historian.queries = QueryLimits(excel_rows=10)
    answer = await client.get("/devices/press-1/export", params={**RANGE, "format": "xlsx"})
    assert answer.status_code == 413
    assert "export_excel_rows" in answer.text
    assert "parquet" in answer.json()["details"][0]["cure"]
    assert (await client.get("/devices/press-1/export", params={**RANGE, "format": "csv"})).status_code == 200


async def test_an_export_of_more_rows_than_the_limit_is_refused(client: httpx.AsyncClient, app: FastAPI) -> None:
    app.state.historian.queries = QueryLimits(export_rows=10)
    answer = await client.get("/devices/press-1/export", params=RANGE)
    assert answer.status_code == 413
    assert "export_max_rows" in answer.text


async def test_an_export_of_several_devices(client: httpx.AsyncClient, store: LocalStore) -> None:
    await store.write(batch((4, T0, 7.0), (5, T0, 8.0)), 3)
    answer = await client.get("/history/export", params={**RANGE, "series": ["oven:2:*", "press-1"]})
    assert answer.headers["content-disposition"] == 'attachment; filename="history_2025-01-11_2025-01-11.csv"'
    assert answer.headers["x-total-rows"] == "13"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["device"], row["tag"]) for row in rows[:3]] == [
        ("oven:2", "temp:core"),
        ("oven:2", "speed"),
        ("press-1", "force"),
    ]
    body = (await client.get("/history/export", params={**RANGE, "type": "oven", "format": "json"})).json()
    assert body["deviceId"] is None
    assert [(row["deviceId"], row["value"]) for row in body["readings"]] == [("oven:2", 7.0), ("oven:2", 8.0)]
    every = await client.get("/history/export", params={**RANGE, "device": ["oven:2", "press-1"]})
    assert len(every.text.splitlines()) == 1 + 16 + 1, "one text holds a line break"


async def test_an_export_of_nothing_chosen_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/history/export", params=RANGE)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "series")


async def test_an_export_of_some_tags_and_good_samples(client: httpx.AsyncClient) -> None:
    query = {**RANGE, "tag": ["=cmd()", "force"], "quality": "good"}
    rows = list(csv.DictReader(io.StringIO((await client.get("/devices/press-1/export", params=query)).text)))
    assert [row["tag"] for row in rows] == ["'=cmd()"] * 3 + ["force"] * 10


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "xlsx"])
async def test_a_large_export_takes_little_memory(store: LocalStore, kind: str) -> None:
    count = 60_000
    await store.write(batch(*((3, T0 + i * S, i / 7) for i in range(count))), 3)
    historian = Historian(store, directory(PRESS), HistorianLimits(page_rows=500))
    writers: dict[str, FileWriter] = {
        "csv": CsvWriter(),
        "json": JsonWriter("press-1"),
        "parquet": ParquetWriter(group_rows=2000),
        "xlsx": ExcelWriter(ZoneInfo("UTC")),
    }
    export = Export("press-1", [Series(PRESS, PRESS.tags[2])], T0, T0 + count * S)
    await take(historian, Export("", [], 0, 1), ParquetWriter())  # what is imported at the first use
    tracemalloc.start()
    size = await take(historian, export, writers[kind])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_500_000
    assert size > 200_000


async def take(historian: Historian, export: Export, writer: FileWriter) -> int:
    """Bytes of the file."""
    return sum([len(part) async for part in file_parts(historian, export, writer, never)])


async def never() -> bool:
    return False


async def test_only_so_many_exports_run_at_once(client: httpx.AsyncClient, app: FastAPI) -> None:
    slots = app.state.export_slots = ExportSlots(1)
    slots.take()
    answer = await client.get("/devices/press-1/export", params=RANGE)
    assert answer.status_code == 503
    assert "export_max_running" in answer.text
    slots.give_back()
    for kind in ("csv", "json", "parquet", "xlsx"):
        assert (await client.get("/devices/press-1/export", params={"format": kind, **RANGE})).status_code == 200
    assert slots.running == 0


async def test_a_failed_export_gives_its_place_back(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: CsvWriter) -> bytes:
        raise UnavailableError("the disk is gone")

    monkeypatch.setattr(CsvWriter, "begin", broken)
    assert (await client.get("/devices/press-1/export", params=RANGE)).status_code == 503
    assert app.state.export_slots.running == 0


@pytest.mark.parametrize("kind", ["csv", "parquet", "xlsx"])
async def test_closing_the_connection_ends_the_reading(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Over a real server: an endless history is exported until the client goes."""
    reads = 0

    async def endless(tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
        nonlocal reads
        reads += 1
        times = np.arange(start, start + limit, dtype=np.int64)
        return Columns(times, np.ones(limit), np.full(limit, 192, np.uint8), times)

    async def few(*_: object) -> int:
        return 1

    monkeypatch.setattr(app.state.historian._store, "read", endless)
    monkeypatch.setattr(app.state.historian._store, "rows", few)
    app.add_middleware(RequestMiddleware, stats=RequestStats(), rate=RateWindow(0), max_request_bytes=1000)
    async with serving(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        path = f"/devices/press-1/export?format={kind}&tag=force&from=2025-01-11T10:00:00Z&to=2026-01-11T10:00:00Z"
        writer.write(f"GET {path} HTTP/1.1\r\nhost: andon\r\nauthorization: Bearer viewer\r\n\r\n".encode())
        taking = asyncio.create_task(_take_all(reader))
        await until(lambda: reads >= 5)
        assert app.state.export_slots.running == 1
        taking.cancel()
        writer.close()
        await until(lambda: app.state.export_slots.running == 0)
        ended = reads
        await asyncio.sleep(0.1)
        assert reads == ended


async def _take_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (another task brings it about)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[int]:
    """uvicorn as Andon runs it, on a free port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None, http="httptools"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        task = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        await task
