"""The error body, the health endpoints and the headers of the productivity dashboard's document."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest

from support.running import RunningAndon

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/devices/nobody", None, 404),
        ("GET", "/api/v1/nothing-here", None, 404),
        ("POST", "/api/v1/nothing-here", {}, 404),
        ("DELETE", "/api/v1/alerts", None, 405),
        ("GET", "/api/v1/devices/device-001/config", None, 405),
        ("POST", "/api/v1/devices", {"type": "temperature"}, 422),
        ("POST", "/api/v1/devices", {"deviceId": "device-001", "type": "temperature", "unit": "celsius"}, 409),
        ("GET", "/api/v1/devices/device-001/history?from=soon", None, 422),
        ("GET", "/api/v1/devices/device-001/history?fom=-24h", None, 422),
    ],
)
def test_an_error_has_the_documents_body(
    demo_client: httpx.Client, method: str, path: str, body: object, status: int
) -> None:
    answer = demo_client.request(method, path, json=body)
    assert answer.status_code == status
    error = answer.json()
    assert set(error) - {"details"} == {"success", "error", "status", "timestamp", "path", "request_id"}
    assert (error["status"], error["path"], error["success"]) == (status, path.split("?")[0], False)
    assert isinstance(error["error"], str) and error["error"]
    assert abs((datetime.fromisoformat(error["timestamp"]) - datetime.now(UTC)).total_seconds()) < 60
    assert re.fullmatch(r"req-\w+", error["request_id"])
    assert answer.headers["x-request-id"] == error["request_id"]


def test_no_sign_in_is_an_error_of_that_form_too(demo: RunningAndon) -> None:
    answer = httpx.get(f"{demo.url}/api/v1/devices")
    assert (answer.status_code, answer.json()["status"]) == (401, 401)


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/health/live"])
def test_health_is_at_the_root_and_open(demo: RunningAndon, path: str) -> None:
    answer = httpx.get(demo.url + path)
    assert answer.status_code == 200
    assert answer.json()["status"] in ("healthy", "degraded", "ready", "alive")


def test_answers_carry_the_documents_security_headers(demo_client: httpx.Client) -> None:
    headers = demo_client.get("/api/v1/devices").headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
