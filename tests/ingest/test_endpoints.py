"""The HTTP side: pushes that are durable when answered, discovered devices, dead letters, and who may do what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from andon.api.errors import install_error_handlers
from andon.identity.model import ROLES, Principal
from andon.ingest.endpoints import router
from andon.kit.clock import parse_timestamp
from andon.kit.errors import UnauthenticatedError
from andon.kit.quality import Quality

from .conftest import DATA, Plant, iso, s1


class Tokens:
    """Stands for the identity service: the token is the role."""

    def __init__(self, organisation: str) -> None:
        self._organisation = organisation

    def verify(self, token: str) -> Principal:
        if token not in ROLES:
            raise UnauthenticatedError("no such token")
        return Principal(token, token, token, ROLES[token], self._organisation)


@pytest.fixture
async def client(plant: Plant) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.state.ingest = plant.ingest
    app.state.identity = Tokens(plant.organisation)
    app.include_router(router, prefix="/api/v1")
    install_error_handlers(app)
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": "Bearer admin"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test/api/v1", headers=headers) as opened:
        yield opened


SAMPLES = "/devices/device-001/samples"


async def test_a_push_is_in_the_log_when_it_is_answered(plant: Plant, client: httpx.AsyncClient) -> None:
    at = iso(-3)
    answer = await client.post(SAMPLES, json={"samples": [{"timestamp": at, "value": 71.5, "quality": "good"}]})
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "data": {"accepted": 1, "rejected": []}}
    ((_, timestamp, value, quality, _),) = await plant.rows()
    assert (timestamp, value, quality) == (parse_timestamp(at), 71.5, Quality.GOOD)


async def test_samples_without_times_are_all_kept(plant: Plant, client: httpx.AsyncClient) -> None:
    samples = [{"value": value} for value in (1, 2, 3)]
    assert (await client.post(SAMPLES, json={"samples": samples})).json()["data"]["accepted"] == 3
    rows = await plant.rows()
    assert [value for _, _, value, _, _ in rows] == [1, 2, 3]
    assert len({timestamp for _, timestamp, _, _, _ in rows}) == 3, "a tag has one value at a time"


async def test_bad_samples_do_not_hold_up_good_ones(plant: Plant, client: httpx.AsyncClient) -> None:
    samples: list[dict[str, Any]] = [
        {"timestamp": iso(-9), "value": 1},
        {"timestamp": iso(-8), "value": "warm"},
        {"timestamp": iso(600), "value": 2},
        {"timestamp": "2000-01-01T00:00:00Z", "value": 3},
        {"timestamp": "never", "value": 4},
        {"timestamp": iso(-7)},
        {"timestamp": iso(-6), "value": 5, "quality": "fine"},
        {"timestamp": iso(-5), "value": 6, "colour": "red"},
        {"timestamp": iso(-4), "value": 7, "unit": "kilogram"},
        {"timestamp": iso(-3), "value": [8]},
        {"timestamp": iso(-2), "value": 9},
    ]
    data = (await client.post(SAMPLES, json={"samples": samples})).json()["data"]
    assert data["accepted"] == 2
    assert [(entry["index"], entry["reason"]) for entry in data["rejected"]] == [
        (1, "not_a_number"),
        (2, "timestamp_in_future"),
        (3, "timestamp_too_old"),
        (4, "invalid_timestamp"),
        (5, "missing_field"),
        (6, "invalid_quality"),
        (7, "unknown_field"),
        (8, "unit_mismatch"),
        (9, "wrong_type"),
    ]
    assert await plant.values("device-001") == [1, 9]
    letters = await plant.letters()
    assert {letter["source"] for letter in letters} == {"http"}
    assert {letter["device"] for letter in letters} == {"device-001"}


async def test_samples_of_the_past_day_are_good(plant: Plant, client: httpx.AsyncClient) -> None:
    samples = [{"timestamp": iso(-3600 * hour), "value": hour} for hour in range(24)]
    assert (await client.post(SAMPLES, json={"samples": samples})).json()["data"]["accepted"] == 24
    assert {row[3] for row in await plant.rows()} == {Quality.GOOD}


async def test_historical_pushes_may_be_of_any_age(plant: Plant, client: httpx.AsyncClient) -> None:
    body = {"historical": True, "samples": [{"timestamp": "2013-12-02T21:15:00Z", "value": 1}]}
    assert (await client.post(SAMPLES, json=body)).json()["data"]["accepted"] == 1


async def test_samples_of_a_new_tag_register_it(plant: Plant, client: httpx.AsyncClient) -> None:
    samples = [{"value": 1.5, "tag": "humidity", "unit": "percent"}, {"value": 2.5, "tag": "humidity"}]
    assert (await client.post(SAMPLES, json={"samples": samples})).json()["data"]["accepted"] == 2
    assert await plant.values("device-001", "humidity") == [1.5, 2.5]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"samples": 1}', b'{"samples": [1]}', b'{"samples": [{"value": NaN}]}', b'{"sample": []}'],
)
async def test_a_body_that_cannot_be_read_names_what_is_expected(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post(SAMPLES, content=body)
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "samples"


async def test_more_samples_than_allowed_are_refused(plant: Plant, client: httpx.AsyncClient) -> None:
    answer = await client.post(SAMPLES, json={"samples": [{"value": 1}] * 10_001})
    assert answer.status_code == 413
    assert await plant.rows() == []


async def test_an_unknown_device_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.post("/devices/nobody/samples", json={"samples": [{"value": 1}]})
    assert answer.status_code == 404


async def test_a_refused_sample_can_be_replayed_as_a_letter(plant: Plant, client: httpx.AsyncClient) -> None:
    limits = plant.registry._limits
    plant.registry._limits = type(limits)(max_tags_per_device=1)
    body = {"samples": [{"timestamp": iso(), "value": 1, "tag": "extra"}]}
    assert (await client.post(SAMPLES, json=body)).json()["data"]["accepted"] == 0
    plant.registry._limits = limits
    await plant.settle()
    letter = (await client.get("/system/dead-letters")).json()["data"]["deadLetters"][0]
    answer = await client.post("/system/dead-letters/replay", json={"ids": [letter["id"]]})
    assert answer.json()["data"] == {"replayed": 1, "failed": []}
    assert await plant.values("device-001", "extra") == [1]


async def test_dead_letters_are_listed_with_reason_and_preview(plant: Plant, client: httpx.AsyncClient) -> None:
    plant.send(DATA, b'{"value": "<script>"}')
    await plant.settle()
    body = (await client.get("/system/dead-letters", params={"limit": 10})).json()
    (letter,) = body["data"]["deadLetters"]
    assert body["meta"] == {"total": 1}
    assert letter["topic"] == DATA
    assert letter["reason"] == "not_a_number"
    assert letter["preview"] == '{"value": "<script>"}'
    assert letter["replayable"] is True
    assert set(letter) >= {"id", "at", "source", "detail", "size"}


async def test_discovered_devices_are_listed_adopted_and_dismissed(plant: Plant, client: httpx.AsyncClient) -> None:
    for name in ("pump-7", "pump-8"):
        plant.send(f"factory-plus/devices/{name}/data", s1(name))
    listed = (await client.get("/devices/discovered")).json()["data"]["discovered"]
    by_id = {entry["deviceId"]: entry for entry in listed}
    assert set(by_id) == {"pump-7", "pump-8"}
    (signal,) = by_id["pump-7"]["signals"]
    assert (signal["name"], signal["unit"], signal["lastValue"], signal["count"]) == ("temperature", "celsius", 75.2, 1)
    assert signal["suggested"] == {"normalMin": None, "normalMax": None, "alertMin": None, "alertMax": None}
    answer = await client.post(
        f"/devices/discovered/{by_id['pump-7']['key']}/adopt",
        json={"name": "Pump 7", "signals": {"temperature": {"alertMax": 90}}},
    )
    assert answer.status_code == 201
    assert answer.json()["data"]["deviceId"] == "pump-7"
    primary = plant.device("pump-7").primary
    assert primary is not None and primary.limits.alert_max == 90
    assert (await client.delete(f"/devices/discovered/{by_id['pump-8']['key']}")).status_code == 200
    assert (await client.delete(f"/devices/discovered/{by_id['pump-8']['key']}")).status_code == 404
    assert (await client.get("/devices/discovered")).json()["data"]["discovered"] == []


async def test_a_device_is_adopted_without_a_body(plant: Plant, client: httpx.AsyncClient) -> None:
    plant.send("factory-plus/devices/pump-7/data", s1("pump-7"))
    (found,) = plant.ingest.discovery.devices(plant.organisation)
    assert (await client.post(f"/devices/discovered/{found.key}/adopt")).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("POST", SAMPLES, "operator"),
        ("GET", "/devices/discovered", "viewer"),
        ("POST", "/devices/discovered/x/adopt", "operator"),
        ("DELETE", "/devices/discovered/x", "operator"),
        ("GET", "/system/dead-letters", "operator"),
        ("POST", "/system/dead-letters/replay", "admin"),
    ],
)
async def test_each_door_asks_for_its_permission(client: httpx.AsyncClient, method: str, path: str, least: str) -> None:
    ladder = ["guest", "viewer", "operator", "admin"]
    for role in ladder:
        answer = await client.request(
            method, path, json={"ids": [], "samples": []}, headers={"Authorization": f"Bearer {role}"}
        )
        assert (answer.status_code == 403) == (ladder.index(role) < ladder.index(least)), role
    answer = await client.request(method, path, headers={"Authorization": "Bearer nobody"})
    assert answer.status_code == 401
