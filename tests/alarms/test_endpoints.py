"""`/alerts` over HTTP: S1's bodies, filters, permissions, and errors that help."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from alarms.plant import row
from alarms.running import Plant
from andon.alarms.endpoints import router
from andon.api.errors import install_error_handlers
from andon.identity.model import ROLES, Principal
from andon.kit.clock import to_iso


class Site:
    """The endpoints on a plant, and who is signed in."""

    def __init__(self, plant: Plant, client: httpx.AsyncClient, identity: SimpleNamespace) -> None:
        self.plant = plant
        self.client = client
        self._identity = identity

    def sign_in(self, principal: Principal) -> None:
        self._identity.verify = lambda _token: principal

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def site(plant: Plant) -> AsyncIterator[Site]:
    """Two devices in alarm: device-001 critical and lasting, device-002 high and returned."""
    one = plant.add_device("device-001", severity="critical")
    two = plant.add_device("device-002")
    await plant.start()
    await plant.send(row(one, 0, 58.5), row(two, 1, 3.0), row(two, 2, 40.0))
    app = FastAPI()
    app.include_router(router)
    install_error_handlers(app)
    app.state.alarms = app.state.alarm_reader = plant.service
    app.state.identity = identity = SimpleNamespace()
    transport = httpx.ASGITransport(app)
    headers = {"authorization": "Bearer token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://andon", headers=headers) as client:
        made = Site(plant, client, identity)
        made.sign_in(plant.operator)
        yield made


async def test_the_list_has_the_open_alerts_most_urgent_first_and_counts_in_meta(site: Site) -> None:
    body = await site.get("/alerts")
    assert body["success"] is True
    assert [each["id"] for each in body["data"]["alerts"]] == ["alert-001", "alert-002"]
    meta = body["meta"]
    assert meta.pop("timestamp")
    assert meta == {"totalAlerts": 2, "criticalAlerts": 1, "highAlerts": 1, "mediumAlerts": 0, "lowAlerts": 0}


async def test_an_alert_has_the_seeds_fields(site: Site) -> None:
    alert = (await site.get("/alerts/alert-002"))["data"]
    seeds = ("id", "deviceId", "type", "message", "severity", "value", "threshold", "status", "triggeredAt")
    assert {name: alert[name] for name in seeds} == {
        "id": "alert-002",
        "deviceId": "device-002",
        "type": "low_pressure",
        "message": "Pressure sensor reading below threshold",
        "severity": "high",
        "value": 3.0,
        "threshold": 5.0,
        "status": "resolved",
        "triggeredAt": "2025-10-09T08:53:21.000Z",
    }
    assert (alert["state"], alert["lastValue"], alert["acknowledgedAt"]) == ("rtn_unacknowledged", 40.0, None)
    assert alert["resolvedAt"] == "2025-10-09T08:53:22.000Z"
    assert alert["guidance"] == "Find the cause at The device-002 and bring pressure back above 5 psi."


async def test_the_list_is_filtered_by_status_severity_and_device(site: Site) -> None:
    await site.client.put("/alerts/alert-001/acknowledge")
    await site.client.put("/alerts/alert-002/acknowledge")

    async def ids(**query: Any) -> list[str]:
        return [each["id"] for each in (await site.get("/alerts", **query))["data"]["alerts"]]

    assert await ids() == ["alert-001"]  # acknowledged, and its condition lasts
    assert await ids(status="acknowledged") == ["alert-001"]
    assert await ids(status="resolved") == ["alert-002"]
    assert await ids(status="all") == ["alert-002", "alert-001"]
    assert await ids(status="all", severity="critical") == ["alert-001"]
    assert await ids(status="all", deviceId="device-002") == ["alert-002"]
    assert await ids(deviceId="nowhere") == []


async def test_pages_count_all_that_match(site: Site) -> None:
    for query in ({"status": "active"}, {"status": "all"}):
        body = await site.get("/alerts", limit=1, offset=1, **query)
        assert len(body["data"]["alerts"]) == 1
        assert body["meta"]["totalAlerts"] == 2


async def test_history_is_asked_for_by_time(site: Site) -> None:
    begin = site.plant.now
    body = await site.get("/alerts/history", **{"from": to_iso(begin), "to": to_iso(begin + 500_000)})
    assert [each["id"] for each in body["data"]["alerts"]] == ["alert-001"]
    body = await site.get("/alerts/history", **{"from": "-1h"})
    assert body["data"]["alerts"] == []  # they are of 2025


@pytest.mark.parametrize("verb", ["PUT", "POST"])
async def test_acknowledge_and_resolve_with_a_comment(site: Site, verb: str) -> None:
    answer = await site.client.request(verb, "/alerts/alert-001/acknowledge", json={"comment": "on my way"})
    alert = answer.json()["data"]
    assert (alert["status"], alert["acknowledgedBy"]) == ("acknowledged", "jo")
    answer = await site.client.request(verb, "/alerts/alert-001/resolve", json={"comment": "valve <b>replaced</b>"})
    alert = answer.json()["data"]
    assert (alert["status"], alert["state"], alert["resolvedBy"]) == ("resolved", "normal", "jo")
    stored = (await site.get("/alerts/alert-001"))["data"]
    assert [c["text"] for c in stored["comments"]] == ["on my way", "valve <b>replaced</b>"]
    assert stored["acknowledgedBy"] == "jo"


async def test_many_are_acknowledged_at_once_and_failures_say_why(site: Site) -> None:
    answer = await site.client.post(
        "/alerts/acknowledge",
        json={"ids": ["alert-001", "alert-002", "alert-002", "alert-777"], "comment": "shift end"},
    )
    body = answer.json()
    assert [each["id"] for each in body["data"]["alerts"]] == ["alert-001", "alert-002"]
    assert body["data"]["failed"] == [{"id": "alert-777", "reason": "there is no alert 'alert-777'"}]
    assert body["meta"] == {"acknowledged": 2, "failed": 1}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/alerts/alert-001/acknowledge", 409),
        ("/alerts/alert-900/acknowledge", 404),
        ("/alerts/'; DROP TABLE alerts/acknowledge", 404),
    ],
)
async def test_what_cannot_be_acknowledged_says_why(site: Site, path: str, status: int) -> None:
    await site.client.put("/alerts/alert-001/acknowledge")
    answer = await site.client.put(path)
    assert answer.status_code == status
    assert answer.json()["success"] is False


async def test_an_alert_that_is_over_cannot_be_resolved(site: Site) -> None:
    assert (await site.client.put("/alerts/alert-001/resolve")).status_code == 200
    answer = await site.client.put("/alerts/alert-001/resolve")
    assert answer.status_code == 409
    assert "is over" in answer.json()["error"]


@pytest.mark.parametrize(
    "query",
    [{"status": "new"}, {"severity": "awful"}, {"limit": 0}, {"limit": 5000}, {"offset": -1}],
)
async def test_filters_that_make_no_sense_are_refused(site: Site, query: dict[str, Any]) -> None:
    assert (await site.client.get("/alerts", params=query)).status_code == 422


async def test_a_time_that_is_none_is_refused_with_the_field(site: Site) -> None:
    answer = await site.client.get("/alerts/history", params={"from": "yesterday"})
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "from"


@pytest.mark.parametrize("body", [{"ids": []}, {"ids": "alert-001"}, {"ids": ["a"] * 1001}, {"id": ["a"]}])
async def test_a_malformed_list_of_ids_is_refused(site: Site, body: dict[str, Any]) -> None:
    assert (await site.client.post("/alerts/acknowledge", json=body)).status_code == 422


async def test_a_viewer_reads_but_does_not_acknowledge_and_a_guest_does_not_read(site: Site) -> None:
    operator = site.plant.operator
    site.sign_in(replace(operator, role="viewer", permissions=ROLES["viewer"]))
    assert (await site.client.get("/alerts")).status_code == 200
    for path in ("/alerts/alert-001/acknowledge", "/alerts/alert-001/resolve"):
        assert (await site.client.put(path)).status_code == 403
    assert (await site.client.post("/alerts/acknowledge", json={"ids": ["alert-001"]})).status_code == 403
    site.sign_in(replace(operator, role="guest", permissions=ROLES["guest"]))
    for path in ("/alerts", "/alerts/history", "/alerts/alert-001"):
        assert (await site.client.get(path)).status_code == 403


async def test_another_organisation_sees_nothing(site: Site) -> None:
    site.sign_in(replace(site.plant.operator, organisation_id="another"))
    assert (await site.get("/alerts", status="all"))["data"]["alerts"] == []
    assert (await site.client.get("/alerts/alert-001")).status_code == 404
    assert (await site.client.put("/alerts/alert-001/resolve")).status_code == 404
