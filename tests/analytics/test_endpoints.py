"""`/analytics` over HTTP, on a real history store and live state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from alarms.plant import ORG, device, directory, tag
from andon.analytics.endpoints import router
from andon.api.errors import install_error_handlers
from andon.engines.livestate.memory import MemoryLiveState
from andon.historian.service import Historian
from andon.historian.stores.columnar.store import LocalStore
from andon.identity.model import PERMISSIONS, ROLES, Principal
from andon.kit.clock import US_PER_S, now_us
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch

READER = Principal("1", "jo", "viewer", ROLES["viewer"], ORG)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """press-1 rises for an hour, press-2 never sent anything, hall-1 has no tags."""
    found = directory(
        device(tag(1), tag(2, name="speed")), device(tag(3, "press-2")), device(device_id="hall-1", uuid="uuid-hall-1")
    )
    now = now_us()
    batch = SampleBatch.from_rows(
        [(1, now - (3600 - s) * US_PER_S, s / 3600, Quality.GOOD, now) for s in range(0, 3600, 5)]
        + [(1, now, 99.0, Quality.BAD, now)]
    )
    store = LocalStore.open(tmp_path / "history")
    await store.write(batch, 1)
    app = FastAPI()
    app.include_router(router)
    install_error_handlers(app)
    app.state.directory = found
    app.state.historian = Historian(store, found)
    app.state.livestate = livestate = MemoryLiveState()
    livestate.warm(batch)
    app.state.identity = SimpleNamespace(verify=lambda token: READER if token == "reader" else _guest())
    transport = httpx.ASGITransport(app)
    headers = {"authorization": "Bearer reader"}
    async with httpx.AsyncClient(transport=transport, base_url="http://andon", headers=headers) as made:
        yield made
    await store.close()


def _guest() -> Principal:
    return replace(READER, permissions=PERMISSIONS - {"data:read"})


async def test_a_trend_says_where_a_signal_is_going(client: httpx.AsyncClient) -> None:
    body = (await client.get("/analytics/trends/press-1", params={"from": "-1h"})).json()["data"]
    assert (body["deviceId"], body["tag"], body["unit"], body["trend"]) == ("press-1", "pressure", "psi", "increasing")
    assert body["slopePerHour"] == pytest.approx(1.0, abs=0.01)
    assert body["r2"] > 0.99 and body["confidence"] > 0.99
    assert 100 <= len(body["points"]) <= 121
    assert body["start"]["value"] < body["end"]["value"] <= 1.01


async def test_a_signal_without_history_has_no_trend(client: httpx.AsyncClient) -> None:
    body = (await client.get("/analytics/trends/press-1", params={"tag": "speed"})).json()["data"]
    assert body["points"] == []
    assert {body[name] for name in ("trend", "slopePerHour", "r2", "confidence", "start", "end")} == {None}


@pytest.mark.parametrize(
    ("path", "query", "status", "field"),
    [
        ("press-9", {}, 404, "deviceId"),
        ("press-1", {"tag": "colour"}, 404, "tag"),
        ("hall-1", {}, 404, "deviceId"),
        ("press-1", {"from": "soon"}, 422, "from"),
        ("press-1", {"from": "now", "to": "-1h"}, 422, "from"),
    ],
)
async def test_what_cannot_be_analysed_says_why(
    client: httpx.AsyncClient, path: str, query: dict[str, str], status: int, field: str
) -> None:
    answer = await client.get(f"/analytics/trends/{path}", params=query)
    assert answer.status_code == status
    assert answer.json()["details"][0]["field"] == field


async def test_the_summary_has_every_device_and_unknown_is_null(client: httpx.AsyncClient) -> None:
    body = (await client.get("/analytics/summary")).json()["data"]
    devices: dict[str, dict[str, Any]] = {each["deviceId"]: each for each in body["devices"]}
    assert set(devices) == {"press-1", "press-2", "hall-1"}
    pressed = devices["press-1"]
    assert pressed["avg24h"] == pytest.approx(0.5, abs=0.01)
    assert (pressed["min24h"], pressed["samples24h"], pressed["unit"]) == (0.0, 720, "psi")
    assert pressed["max24h"] == pytest.approx(3595 / 3600)
    for name in ("press-2", "hall-1"):
        assert {devices[name][key] for key in ("avg1h", "avg24h", "min24h", "max24h", "trend")} == {None}
    assert body["totals"]["devicesWithData"] == 1
    assert body["totals"]["samples24h"] == 720


@pytest.mark.parametrize("path", ["/analytics/summary", "/analytics/trends/press-1"])
async def test_reading_needs_the_permission(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers={"authorization": "Bearer guest"})).status_code == 403
    assert (await client.get(path, headers={"authorization": ""})).status_code == 401
