"""Changes to devices over HTTP."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from andon.registry.directory import Directory

DEVICES = "/api/v1/devices"
SENSOR = {"deviceId": "device-006", "type": "temperature", "location": "assembly-line-2", "unit": "celsius"}


def as_role(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {role}"}


def test_a_device_is_registered_with_its_one_signal(client: TestClient) -> None:
    answer = client.post(DEVICES, json={**SENSOR, "normalMin": 20, "normalMax": 80, "alertMin": 15, "alertMax": 85})
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert (data["deviceId"], data["name"], data["type"]) == ("device-006", "device-006", "temperature")
    assert (data["unit"], data["primaryTag"], data["location"]) == ("celsius", "temperature", "assembly-line-2")
    assert data["limits"] == {"normalMin": 20, "normalMax": 80, "alertMin": 15, "alertMax": 85}
    assert [tag["name"] for tag in data["tags"]] == ["temperature"]
    assert data["area"] == "Main site / Unassigned devices"


def test_a_device_is_registered_with_many_signals(client: TestClient) -> None:
    tags = [
        {"name": "speed", "unit": "rpm", "alertMax": 3000, "severity": "critical", "onDelaySeconds": 2},
        {"name": "running", "kind": "boolean"},
    ]
    data = client.post(DEVICES, json={"deviceId": "mill-1", "type": "mill", "tags": tags}).json()["data"]
    assert [(tag["name"], tag["kind"], tag["isPrimary"]) for tag in data["tags"]] == [
        ("speed", "number", True),
        ("running", "boolean", False),
    ]
    assert data["tags"][0]["severity"] == "critical"
    assert data["tags"][0]["onDelaySeconds"] == 2


def test_a_device_may_wait_for_its_signals(client: TestClient) -> None:
    data = client.post(DEVICES, json={"deviceId": "press-9", "type": "press", "tags": []}).json()["data"]
    assert (data["tags"], data["primaryTag"], data["unit"]) == ([], None, "")


def test_a_device_is_there_once_the_answer_is(client: TestClient, directory: Directory, organisation: str) -> None:
    client.post(DEVICES, json=SENSOR)
    assert directory.device(organisation, "device-006") is not None


def test_an_id_that_is_taken_is_409(client: TestClient) -> None:
    client.post(DEVICES, json=SENSOR)
    answer = client.post(DEVICES, json=SENSOR)
    assert answer.status_code == 409
    assert answer.json()["details"][0]["field"] == "deviceId"


@pytest.mark.parametrize("device_id", ["discovered", "new"])
def test_a_device_cannot_hide_behind_an_address_of_andon(client: TestClient, device_id: str) -> None:
    answer = client.post(DEVICES, json={**SENSOR, "deviceId": device_id})
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "deviceId"


MALFORMED = {
    "deviceId": {**SENSOR, "deviceId": "../etc/passwd"},
    "type": {"deviceId": "d", "unit": "celsius"},
    "alertMax": {**SENSOR, "alertMax": "85"},
    "normalMin": {**SENSOR, "normalMin": True},
    "normalMax": {**SENSOR, "normalMin": 80, "normalMax": 20},
    "unit": {**SENSOR, "unit": None},
    "name": {**SENSOR, "name": "x" * 201},
    "location": {**SENSOR, "location": 7},
    "alertmax": {**SENSOR, "alertmax": 85},
    "decimals": {**SENSOR, "decimals": 1.5},
    "tags": {**SENSOR, "tags": [{"name": "temperature"}]},
    "tags.b.unit": {"deviceId": "d", "type": "x", "tags": [{"name": "a"}, {"name": "b", "unit": None}]},
    "tags.0.name": {"deviceId": "d", "type": "x", "tags": [{}]},
}


@pytest.mark.parametrize("field", MALFORMED)
def test_a_malformed_device_is_422_and_names_field_and_cure(client: TestClient, field: str) -> None:
    answer = client.post(DEVICES, json=MALFORMED[field])
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    assert answer.json()["details"][0]["cure"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_limit_must_be_finite(client: TestClient, number: str) -> None:
    body = json.dumps(SENSOR)[:-1] + f', "alertMax": {number}}}'
    answer = client.post(DEVICES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "alertMax"


def test_broken_text_is_422(client: TestClient) -> None:
    body = json.dumps({**SENSOR, "name": "\ud800"})
    answer = client.post(DEVICES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "name"


def test_configuring_changes_what_is_named_and_leaves_the_rest(client: TestClient) -> None:
    client.post(DEVICES, json={**SENSOR, "normalMax": 80, "alertMax": 85})
    answer = client.put(f"{DEVICES}/device-006/config", json={"name": "Oven 2", "alertMax": 84.5})
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["name"], data["location"], data["unit"]) == ("Oven 2", "assembly-line-2", "celsius")
    assert data["limits"] == {"normalMin": None, "normalMax": 80, "alertMin": None, "alertMax": 84.5}


def test_null_takes_a_limit_away(client: TestClient) -> None:
    client.post(DEVICES, json={**SENSOR, "normalMax": 80, "alertMax": 85})
    data = client.put(f"{DEVICES}/device-006/config", json={"alertMax": None}).json()["data"]
    assert data["limits"]["alertMax"] is None


def test_signals_are_configured_by_their_name(client: TestClient) -> None:
    tags = [{"name": "speed", "unit": "rpm"}, {"name": "oil", "unit": "celsius"}]
    client.post(DEVICES, json={"deviceId": "mill-1", "type": "mill", "tags": tags})
    body = {"offlineAfterSeconds": 90, "tags": {"oil": {"alertMax": 95, "decimals": 1, "offDelaySeconds": 5}}}
    data = client.put(f"{DEVICES}/mill-1/config", json=body).json()["data"]
    oil = next(tag for tag in data["tags"] if tag["name"] == "oil")
    assert (oil["limits"]["alertMax"], oil["decimals"], oil["offDelaySeconds"]) == (95, 1, 5)
    assert data["offlineAfterSeconds"] == 90


BAD_CONFIG = {
    "name": {"name": None},
    "status": {"status": "deleted"},
    "deviceId": {"deviceId": "another"},
    "alertMax": {"alertMax": "high"},
    "tags.speed": {"tags": {"speed": {"alertMax": 1}}},
    "tags.temperature.alertMax": {"tags": {"temperature": {"alertMin": 5, "alertMax": 1}}},
}


@pytest.mark.parametrize("field", BAD_CONFIG)
def test_a_bad_configuration_is_422_and_names_field_and_cure(client: TestClient, field: str) -> None:
    client.post(DEVICES, json=SENSOR)
    answer = client.put(f"{DEVICES}/device-006/config", json=BAD_CONFIG[field])
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == field
    assert answer.json()["details"][0]["cure"]


def test_a_device_is_deleted_once(client: TestClient) -> None:
    client.post(DEVICES, json=SENSOR)
    assert client.delete(f"{DEVICES}/device-006").json()["data"] == {"deviceId": "device-006", "deleted": True}
    assert client.delete(f"{DEVICES}/device-006").status_code == 404


@pytest.mark.parametrize("device_id", ["nobody", "%00", "%ED%A0%80", "'; DROP TABLE devices; --", "x" * 5000])
def test_a_device_that_is_not_there_is_404(client: TestClient, device_id: str) -> None:
    assert client.put(f"{DEVICES}/{device_id}/config", json={"name": "x"}).status_code == 404
    assert client.delete(f"{DEVICES}/{device_id}").status_code == 404


@pytest.mark.parametrize(
    ("role", "create", "configure", "delete"),
    [("guest", 403, 403, 403), ("viewer", 403, 403, 403), ("operator", 201, 200, 403), ("admin", 201, 200, 200)],
)
def test_who_may_change_devices(client: TestClient, role: str, create: int, configure: int, delete: int) -> None:
    headers = as_role(role)
    assert client.post(DEVICES, json=SENSOR, headers=headers).status_code == create
    client.post(DEVICES, json=SENSOR)
    answer = client.put(f"{DEVICES}/device-006/config", json={"name": "x"}, headers=headers)
    assert answer.status_code == configure
    assert client.delete(f"{DEVICES}/device-006", headers=headers).status_code == delete


def test_nobody_changes_devices_without_signing_in(client: TestClient) -> None:
    assert client.post(DEVICES, json=SENSOR, headers={"Authorization": ""}).status_code == 401
