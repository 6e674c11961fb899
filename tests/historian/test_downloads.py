"""Exports that a browser fetches by a link: prepared, fetched once, counted, stopped without a half file."""

from __future__ import annotations

import asyncio
import csv
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from andon.historian.downloads import Downloads
from andon.historian.export import Export
from andon.historian.export_text import CsvWriter
from andon.historian.model import Columns
from andon.identity.model import ROLES, Principal
from andon.kit.clock import US_PER_S
from andon.kit.errors import NotFoundError

from .test_export import serving, until

DAY = {"from": "2025-01-11T00:00:00Z", "to": "2025-01-12T00:00:00Z"}


async def prepared(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post("/history/exports", json={**DAY, **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def local(path: str) -> str:
    return path.removeprefix("/api/v1")


async def test_a_prepared_export_is_fetched_without_a_token_once(client: httpx.AsyncClient) -> None:
    found = await prepared(client, series=["press-1:*"])
    assert (found["state"], found["fileName"]) == ("ready", "press-1_2025-01-11_2025-01-11.csv")
    bare = {"authorization": ""}
    wrong = await client.get(local(found["path"]) + "x", headers=bare)
    assert wrong.status_code == 404
    file = await client.get(local(found["path"]), headers=bare)
    direct = await client.get("/devices/press-1/export", params=DAY)
    assert (file.status_code, file.content) == (200, direct.content)
    assert "attachment" in file.headers["content-disposition"]
    assert (await client.get(local(found["path"]), headers=bare)).status_code == 404, "the ticket is used up"
    done = (await client.get(f"/history/exports/{found['id']}")).json()["data"]
    rows = len(list(csv.reader(file.text.splitlines(keepends=True)))) - 1
    assert (done["state"], done["rows"], done["bytes"]) == ("finished", rows, len(file.content))
    assert rows == done["rowsTotal"] > 0 and "ticket" not in done


async def test_signals_devices_and_types_come_together_each_once(client: httpx.AsyncClient) -> None:
    size = (await client.post("/history/exports/size", json={**DAY, "series": ["press-1:*"]})).json()["data"]
    both = {"series": ["press-1:*"], "device": ["press-1"], "type": ["press"]}
    again = (await client.post("/history/exports/size", json={**DAY, **both})).json()["data"]
    assert again["series"] >= size["series"] > 1 and again["rows"] >= size["rows"] > 0
    assert (await prepared(client, device=["press-1"]))["rowsTotal"] == size["rows"]
    for body, status in (({}, 422), ({"series": ["nobody:x"]}, 404), ({"device": ["press-1"], "from": "later"}, 422)):
        assert (await client.post("/history/exports", json={**DAY, **body})).status_code == status


async def test_others_can_neither_see_nor_stop_it(client: httpx.AsyncClient) -> None:
    found = await prepared(client, device=["press-1"])
    other = {"authorization": "Bearer stranger"}
    for method in ("GET", "DELETE"):
        assert (await client.request(method, f"/history/exports/{found['id']}", headers=other)).status_code == 404
    guest = await client.post(
        "/history/exports", json={"device": ["press-1"]}, headers={"authorization": "Bearer guest"}
    )
    assert guest.status_code == 403


async def test_a_stopped_export_breaks_off_and_gives_its_place_back(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader must not take what it has for the whole."""

    async def endless(tag_id: int, start: int, end: int, limit: int, descending: bool = False) -> Columns:
        await asyncio.sleep(0)
        times = np.arange(start, start + limit, dtype=np.int64)
        return Columns(times, np.ones(limit), np.full(limit, 192, np.uint8), times)

    async def few(*_: object) -> int:
        return 1

    monkeypatch.setattr(app.state.historian._store, "read", endless)
    monkeypatch.setattr(app.state.historian._store, "rows", few)
    found = await prepared(client, series=["press-1:force"])
    async with serving(app) as port, httpx.AsyncClient() as browser:
        with pytest.raises(httpx.RemoteProtocolError):
            async with browser.stream("GET", f"http://127.0.0.1:{port}{local(found['path'])}") as file:
                assert file.status_code == 200
                async for _ in file.aiter_bytes():
                    running = (await client.get(f"/history/exports/{found['id']}")).json()["data"]
                    if running["state"] == "running" and running["rows"]:
                        await client.delete(f"/history/exports/{found['id']}")
        await until(lambda: app.state.export_slots.running == 0)
    stopped = (await client.get(f"/history/exports/{found['id']}")).json()["data"]
    assert stopped["state"] == "stopped"
    assert (await client.delete(f"/history/exports/{found['id']}")).status_code == 409


def test_what_nobody_fetches_in_time_is_good_no_more_and_forgotten_later() -> None:
    now = [0]
    known = Downloads(lambda: now[0])
    user = Principal("u", "viewer", "viewer", ROLES["viewer"], "o")
    made = known.prepare(user, Export("x", [], 0, 1), CsvWriter(), 5)
    now[0] = 61 * US_PER_S
    with pytest.raises(NotFoundError):
        known.fetch(made.id, made.ticket)
    assert known.of(user, made.id).state == "expired"
    now[0] = 2 * 3_600 * US_PER_S
    known.prepare(user, Export("x", [], 0, 1), CsvWriter(), 5)
    with pytest.raises(NotFoundError):
        known.of(user, made.id)
