"""The REST bodies of the monitoring system's document (§4.5, §10.2), to the letter, on a live plant."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import httpx
import pytest

from support.running import RunningAndon, eventually

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]

ISO = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3,6}Z$")
FIVE = {
    "device-001": ("temperature", "celsius", 20, 80, 15, 85),
    "device-002": ("pressure", "psi", 10, 50, 5, 55),
    "device-003": ("vibration", "hz", 0, 100, None, 120),
    "device-004": ("production", "units/hour", 100, 500, 50, None),
    "device-005": ("quality", "percentage", 85, 100, 80, None),
}


@pytest.fixture(scope="module")
def devices(demo_client: httpx.Client) -> dict[str, dict[str, Any]]:
    """The five devices once each has a value."""

    def five() -> dict[str, dict[str, Any]] | None:
        found = {d["deviceId"]: d for d in demo_client.get("/api/devices").json()["data"]["devices"]}
        return found if all(found.get(name, {}).get("lastReading") for name in FIVE) else None

    return eventually(five, within_s=30, what="a value of each of the five devices")


@pytest.fixture(scope="module")
def alert(demo_client: httpx.Client) -> dict[str, Any]:
    """An alarm; 5 % of the demo's samples are outside their limits."""

    def any_alert() -> dict[str, Any] | None:
        alerts = demo_client.get("/api/alerts", params={"status": "all"}).json()["data"]["alerts"]
        return alerts[0] if alerts else None

    return eventually(any_alert, within_s=90, what="an alarm")


@pytest.mark.parametrize("name", FIVE)
def test_the_five_devices_are_the_documents_table(devices: dict[str, Any], name: str) -> None:
    kind, unit, *limits = FIVE[name]
    device = devices[name]
    assert (device["type"], device["unit"]) == (kind, unit)
    assert [device["limits"][key] for key in ("normalMin", "normalMax", "alertMin", "alertMax")] == limits
    assert device["location"]


@pytest.mark.parametrize("name", FIVE)
def test_a_listed_device_has_the_documents_fields(devices: dict[str, Any], name: str) -> None:
    device = devices[name]
    assert {"deviceId", "type", "location", "status", "lastReading", "alertStatus", "stats"} <= set(device)
    assert isinstance(device["lastReading"]["value"], int | float)
    assert ISO.match(device["lastReading"]["timestamp"])
    assert {"avg24h", "trend"} <= set(device["stats"])


def test_the_device_list_counts_in_meta(demo_client: httpx.Client, devices: dict[str, Any]) -> None:
    body = demo_client.get("/api/devices").json()
    assert body["success"] is True
    assert body["meta"]["totalDevices"] == len(body["data"]["devices"])
    assert body["meta"]["activeDevices"] >= len(FIVE)
    assert ISO.match(body["meta"]["timestamp"])


@pytest.mark.parametrize("path", ["/api/devices", "/api/v1/devices"])
def test_both_prefixes_answer(demo_client: httpx.Client, path: str) -> None:
    assert demo_client.get(path).status_code == 200


def test_one_device_and_its_current_values(demo_client: httpx.Client, devices: dict[str, Any]) -> None:
    detail = demo_client.get("/api/devices/device-001").json()["data"]
    assert detail["deviceId"] == "device-001"
    assert detail["tags"][0]["name"] == "temperature"
    current = demo_client.get("/api/devices/device-001/current").json()["data"]
    assert current["unit"] == "celsius"
    assert current["readings"][0]["tag"] == "temperature"


def test_history_has_readings_within_the_range_and_limit(demo_client: httpx.Client, devices: dict[str, Any]) -> None:
    def readings() -> list[dict[str, Any]]:
        answer = demo_client.get("/api/devices/device-003/history", params={"from": "-1h", "to": "now", "limit": 3})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]["readings"]
        return found if len(found) == 3 else []

    for reading in eventually(readings, what="three stored readings"):
        assert {"timestamp", "value", "quality"} <= set(reading)
        assert ISO.match(reading["timestamp"])


def test_a_configuration_change_is_kept(demo_client: httpx.Client, devices: dict[str, Any]) -> None:
    answer = demo_client.put("/api/devices/device-005/config", json={"normalMin": 86})
    assert answer.status_code == 200, answer.text
    assert demo_client.get("/api/devices/device-005").json()["data"]["limits"]["normalMin"] == 86
    demo_client.put("/api/devices/device-005/config", json={"normalMin": 85}).raise_for_status()


def test_a_listed_alert_has_the_documents_fields(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"alert-\d{3,}", alert["id"])
    assert alert["severity"] in ("critical", "high", "medium", "low")
    assert alert["status"] in ("active", "acknowledged", "resolved")
    for key in ("deviceId", "type", "message", "value", "threshold"):
        assert alert[key] is not None, key
    assert ISO.match(alert["triggeredAt"])
    assert {"acknowledgedAt", "resolvedAt"} <= set(alert)


def test_the_alert_list_counts_by_severity_in_meta(demo_client: httpx.Client) -> None:
    body = demo_client.get("/api/alerts").json()
    meta = body["meta"]
    by_severity = meta["criticalAlerts"] + meta["highAlerts"] + meta["mediumAlerts"] + meta["lowAlerts"]
    assert meta["totalAlerts"] == by_severity


def test_one_alert_by_its_id(demo_client: httpx.Client, alert: dict[str, Any]) -> None:
    found = demo_client.get(f"/api/alerts/{alert['id']}").json()["data"]
    assert found["id"] == alert["id"]


def test_the_alert_history_lists_what_was(demo_client: httpx.Client, alert: dict[str, Any]) -> None:
    alerts = demo_client.get("/api/alerts/history").json()["data"]["alerts"]
    assert alert["id"] in [each["id"] for each in alerts]


def test_an_alert_is_acknowledged_then_resolved(demo: RunningAndon, demo_client: httpx.Client) -> None:
    def active() -> dict[str, Any] | None:
        alerts = demo_client.get("/api/alerts", params={"status": "active"}).json()["data"]["alerts"]
        return next((each for each in alerts if each["acknowledgedAt"] is None), None)

    found = eventually(active, within_s=90, what="an unacknowledged alarm")
    path = f"/api/alerts/{found['id']}"
    acknowledged = demo_client.put(f"{path}/acknowledge", json={"comment": "on my way"}).json()["data"]
    assert acknowledged["acknowledgedBy"] == "admin"
    assert ISO.match(acknowledged["acknowledgedAt"])
    demo_client.put(f"{path}/resolve", json={"comment": "valve replaced"})
    resolved = demo_client.get(path).json()["data"]
    assert resolved["status"] == "resolved"
    assert ISO.match(resolved["resolvedAt"])
    assert "on my way" in [comment["text"] for comment in resolved["comments"]]


def test_dashboard_metrics(demo_client: httpx.Client, devices: dict[str, Any]) -> None:
    data = demo_client.get("/api/metrics/dashboard").json()["data"]
    assert data["totalDevices"] == 9  # five, three looms, one press
    assert data["activeDevices"] >= len(FIVE)
    assert data["dataPointsLastHour"] > 0
    assert isinstance(data["activeAlertsCount"], int)
    assert data["systemHealth"] in ("healthy", "degraded", "unhealthy")


def test_system_metrics_and_status(demo_client: httpx.Client) -> None:
    system = demo_client.get("/api/metrics/system").json()["data"]
    assert {role["name"] for role in system["roles"]} >= {"broker", "ingest", "historian", "alerts", "realtime", "api"}
    assert demo_client.get("/api/status").json()["data"]["status"] in ("healthy", "degraded")


def test_trends_and_summary(demo_client: httpx.Client, devices: dict[str, Any]) -> None:
    trend = demo_client.get("/api/analytics/trends/device-001").json()["data"]
    assert trend["deviceId"] == "device-001"
    summary = demo_client.get("/api/analytics/summary").json()["data"]
    assert {device["deviceId"] for device in summary["devices"]} >= set(FIVE)


@pytest.mark.parametrize("path", ["/health", "/api/health", "/api/v1/health"])
def test_health_has_the_documents_body_and_needs_no_sign_in(demo: RunningAndon, path: str) -> None:
    body = httpx.get(demo.url + path).json()
    assert body["status"] in ("healthy", "degraded")
    assert ISO.match(body["timestamp"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", body["version"])
    for dependency in body["dependencies"].values():
        assert dependency["status"] == "healthy"
        assert dependency["responseTime"] >= 0
    assert {"uptime", "requestsPerMinute", "errorRate"} == set(body["metrics"])
    datetime.fromisoformat(body["timestamp"])


@pytest.mark.parametrize(
    "path", ["devices", "alerts", "metrics/dashboard", "metrics/system", "analytics/summary", "status", "auth/me"]
)
def test_nothing_is_read_without_signing_in(demo: RunningAndon, path: str) -> None:
    answer = httpx.get(f"{demo.url}/api/v1/{path}")
    assert answer.status_code == 401
    assert answer.json()["success"] is False
