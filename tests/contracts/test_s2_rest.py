"""The REST endpoints of the loom system's document, on a live plant."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]

ISO = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3,6}Z$")
COLUMNS = {"time", "loom_id", "sensor_id", "bbw_value", "temperature", "vibration", "quality_flag"}
LOOM = "/api/v1/looms/loom-001"


@pytest.fixture(scope="module")
def rows(demo_client: httpx.Client) -> list[dict[str, Any]]:
    """Stored measurements, oldest first."""

    def measured() -> list[dict[str, Any]] | None:
        answer = demo_client.get(f"{LOOM}/measurements")
        assert answer.status_code == 200, answer.text
        found = answer.json()["data"]["measurements"]
        return found if len(found) >= 4 else None

    return eventually(measured, within_s=30, what="four stored measurements")


@pytest.mark.parametrize("prefix", ["/api", "/api/v1"])
def test_the_looms_are_listed_with_their_newest_measurement(
    demo_client: httpx.Client, rows: list[dict[str, Any]], prefix: str
) -> None:
    body = demo_client.get(f"{prefix}/looms").json()
    assert [loom["id"] for loom in body["data"]["looms"]] == ["loom-001", "loom-002", "loom-003"]
    assert body["meta"]["total"] == 3
    loom = body["data"]["looms"][0]
    assert (loom["name"], loom["status"]) == ("Loom 1", "active")
    assert ISO.match(loom["time"])
    assert all(isinstance(loom[name], float) for name in ("bbw_value", "temperature", "vibration"))
    assert loom["quality_flag"] in (0, 1, 2)
    assert loom["limits"]["bbw_value"] == {"normalMin": 1590, "normalMax": 1610, "alertMin": 1585, "alertMax": 1615}


def test_one_loom(demo_client: httpx.Client, rows: list[dict[str, Any]]) -> None:
    assert demo_client.get(LOOM).json()["data"]["id"] == "loom-001"


@pytest.mark.parametrize("path", ["device-001", "nobody", "device-001/measurements"])
def test_what_is_no_loom_is_not_found(demo_client: httpx.Client, path: str) -> None:
    answer = demo_client.get(f"/api/v1/looms/{path}")
    assert answer.status_code == 404
    assert answer.json()["details"][0]["cure"]


def test_measurements_are_rows_of_the_documents_table(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert row.keys() == COLUMNS
        assert row["loom_id"] == "loom-001"
        assert ISO.match(row["time"])
        assert all(isinstance(row[name], float) for name in ("bbw_value", "temperature", "vibration")), row
        assert row["quality_flag"] in (0, 1, 2)
    times = [row["time"] for row in rows]
    assert times == sorted(set(times))


def test_measurements_are_limited_to_a_range_and_a_number(
    demo_client: httpx.Client, rows: list[dict[str, Any]]
) -> None:
    times = [row["time"] for row in rows]
    within = {"from": times[1], "to": times[3]}
    found = demo_client.get(f"{LOOM}/measurements", params=within).json()
    assert found["data"]["measurements"] == rows[1:3]
    assert found["meta"] == {"count": 2, "truncated": False, "nextFrom": None}
    first = demo_client.get(f"{LOOM}/measurements", params={**within, "limit": 1}).json()
    assert (first["data"]["measurements"], first["meta"]["nextFrom"]) == (rows[1:2], times[2])
    newest = demo_client.get(f"{LOOM}/measurements", params={**within, "limit": 1, "order": "desc"}).json()
    assert (newest["data"]["measurements"], newest["meta"]["nextTo"]) == (rows[2:3], times[2])


def test_a_loom_is_configured(demo_client: httpx.Client) -> None:
    changed = demo_client.post(f"{LOOM}/config", json={"name": "Loom one", "alertMax": 1616})
    assert changed.status_code == 200, changed.text
    assert changed.json()["data"]["name"] == "Loom one"
    device = demo_client.get("/api/v1/devices/loom-001").json()["data"]
    assert (device["name"], device["limits"]["alertMax"]) == ("Loom one", 1616)
    demo_client.post(f"{LOOM}/config", json={"name": "Loom 1", "alertMax": 1615}).raise_for_status()
    assert demo_client.post("/api/v1/looms/device-001/config", json={"name": "x"}).status_code == 404


def test_a_viewer_reads_looms_and_changes_nothing(demo: RunningAndon, demo_client: httpx.Client) -> None:
    user = {"username": "loom-viewer", "password": "four unrelated words here", "role": "viewer"}
    demo_client.post("/api/v1/users", json=user).raise_for_status()
    with demo.client("loom-viewer", user["password"]) as viewer:
        assert viewer.get(f"{LOOM}/measurements").status_code == 200
        assert viewer.post(f"{LOOM}/config", json={"name": "mine"}).status_code == 403
    assert httpx.get(demo.url + LOOM).status_code == 401


def test_alerts_are_acknowledged_by_post_too(demo_client: httpx.Client) -> None:
    answer = demo_client.post("/api/v1/alerts/alert-999999/acknowledge", json={})
    assert answer.status_code == 404
    assert demo_client.get("/api/v1/analytics/summary").status_code == 200
