"""What a live plant answers is what the OpenAPI document promises: no field more, none less."""

from __future__ import annotations

import httpx
import pytest
from fastapi.routing import APIRoute

from andon.api.routers import ROUTERS
from andon.api.schemas import Error
from andon.kit.contract import contract_of
from support.running import PASSWORD, eventually

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]

ROUTES = {
    (method, route.path_format): route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
}
# Of what has to be there first; each has a test of its own.
OWN = ("{alert_id}", "{import_id}", "{export_id}", "{file_id}")
READS = sorted(path for method, path in ROUTES if method == "GET" and not any(name in path for name in OWN))
PARAMS = {
    "/devices/{device_id}/export": {"format": "json", "from": "-1h"},
    "/history": {"series": "device-001", "from": "-1h"},
    "/history/export": {"series": "device-001", "format": "json", "from": "-1h"},
}
DEVICES = ("device-001", "loom-001", "press-1")


def check(method: str, path: str, answer: httpx.Response) -> None:
    """Fails when the answer is not of the declared status and shape."""
    route = ROUTES[method, path]
    contract = contract_of(route.endpoint)
    assert contract is not None
    assert answer.status_code == (route.status_code or 200), answer.text
    body = answer.json()
    if contract.bare:
        contract.data.model_validate(body)
        return
    assert body.keys() == {"success", "data"} | ({"meta"} if contract.meta else set())
    assert body["success"] is True
    contract.data.model_validate(body["data"])
    if contract.meta is not None:
        contract.meta.model_validate(body["meta"])


@pytest.fixture(scope="module")
def plant(demo_client: httpx.Client) -> httpx.Client:
    """The demo plant once each kind of device has a value."""

    def seen() -> bool:
        found = {each["deviceId"]: each for each in demo_client.get("/api/devices").json()["data"]["devices"]}
        return all(found.get(name, {}).get("lastReading") for name in DEVICES)

    eventually(seen, within_s=30, what="a value of each kind of device")
    return demo_client


@pytest.mark.parametrize("path", READS)
def test_a_read(plant: httpx.Client, path: str) -> None:
    for device in DEVICES if "{device_id}" in path else ("",):
        url = "/api/v1" + path.format(device_id=device, loom_id="loom-001")
        check("GET", path, plant.get(url, params=PARAMS.get(path, {})))


def test_history_in_buckets_and_newest_first(plant: httpx.Client) -> None:
    path = "/devices/{device_id}/history"
    shapes = (
        {"buckets": "10"},
        {"order": "desc", "limit": "1"},
        {"bucket": "1h", "fill": "null", "timezone": "Europe/Berlin"},
        {"points": "50", "method": "minmax", "quality": "usable"},
    )
    for params in shapes:
        check("GET", path, plant.get("/api/v1" + path.format(device_id="device-001"), params=params))
    several = {"tag": ["bbw_value", "temperature"], "limit": "1"}
    check("GET", path, plant.get("/api/v1" + path.format(device_id="loom-001"), params=several))


def test_an_import_from_its_beginning_to_its_end(plant: httpx.Client) -> None:
    begun = plant.post("/api/v1/imports", json={"deviceId": "contract-import", "create": True})
    check("POST", "/imports", begun)
    url = f"/api/v1/imports/{begun.json()['data']['id']}"
    part = {"samples": [{"timestamp": "2014-01-01T00:00:00Z", "value": 1.5}]}
    check("PUT", "/imports/{import_id}/parts/{number}", plant.put(f"{url}/parts/0", json=part))
    check("GET", "/imports/{import_id}", plant.get(url))
    check("POST", "/imports/{import_id}/finish", plant.post(f"{url}/finish"))
    other = plant.post("/api/v1/imports", json={"deviceId": "contract-import"}).json()["data"]["id"]
    check("DELETE", "/imports/{import_id}", plant.delete(f"/api/v1/imports/{other}"))
    plant.delete("/api/v1/devices/contract-import").raise_for_status()


def test_a_recording_from_its_upload_to_its_import(plant: httpx.Client) -> None:
    content = b"time,temperature\n2014-03-01 10:00:00,20\n2014-03-01 10:01:00,21\n"
    body = {"fileName": "contract.csv", "size": len(content), "fingerprint": "contract"}
    begun = plant.post("/api/v1/import-files", json=body)
    check("POST", "/import-files", begun)
    path = "/import-files/{file_id}"
    url = f"/api/v1/import-files/{begun.json()['data']['id']}"
    check("PUT", f"{path}/content", plant.put(f"{url}/content", params={"offset": 0}, content=content))
    check("POST", f"{path}/preview", plant.post(f"{url}/preview", json={}))
    order = {"deviceId": "contract-file", "create": True, "type": "temperature"}
    check("POST", f"{path}/import", plant.post(f"{url}/import", json=order))
    eventually(lambda: plant.get(url).json()["data"]["state"] == "finished", what="the end of the import")
    check("GET", path, plant.get(url))
    check("GET", "/import-files", plant.get("/api/v1/import-files"))
    check("DELETE", path, plant.delete(url))
    plant.delete("/api/v1/devices/contract-file").raise_for_status()


def test_an_export_that_is_prepared_and_stopped(plant: httpx.Client) -> None:
    path = "/history/exports"
    body = {"series": ["device-001"], "from": "-1h"}
    check("POST", f"{path}/size", plant.post(f"/api/v1{path}/size", json=body))
    prepared = plant.post(f"/api/v1{path}", json=body)
    check("POST", path, prepared)
    one = f"/api/v1{path}/{prepared.json()['data']['id']}"
    check("GET", f"{path}/{{export_id}}", plant.get(one))
    check("DELETE", f"{path}/{{export_id}}", plant.delete(one))


def test_how_long_history_is_kept(plant: httpx.Client) -> None:
    overrides = [{"deviceId": "device-001", "preset": "keep"}]
    path = "/storage/retention"
    check("PUT", path, plant.put("/api/v1" + path, json={"preset": "s1", "overrides": overrides}))
    check("GET", path, plant.get("/api/v1" + path))
    check("PUT", path, plant.put("/api/v1" + path, json={"preset": "s2"}))


def test_a_device_from_its_registration_to_its_end(plant: httpx.Client) -> None:
    body = {"deviceId": "contract-1", "type": "temperature", "unit": "celsius"}
    check("POST", "/devices", plant.post("/api/v1/devices", json=body))
    url = "/api/v1/devices/contract-1"
    check("GET", "/devices/{device_id}", plant.get(url))
    check("GET", "/devices/{device_id}/current", plant.get(f"{url}/current"))
    check("GET", "/devices/{device_id}/statistics", plant.get(f"{url}/statistics"))
    check("PUT", "/devices/{device_id}/config", plant.put(f"{url}/config", json={"alertMax": 50}))
    samples = [{"value": 60.0}, {"value": "warm"}]
    check("POST", "/devices/{device_id}/samples", plant.post(f"{url}/samples", json={"samples": samples}))
    check("GET", "/system/dead-letters", plant.get("/api/v1/system/dead-letters"))

    def alarm() -> str | None:
        found = plant.get("/api/v1/alerts", params={"deviceId": "contract-1"}).json()["data"]["alerts"]
        return found[0]["id"] if found else None

    alert = eventually(alarm, what="an alarm of the value over the limit")
    check("GET", "/alerts/{alert_id}", plant.get(f"/api/v1/alerts/{alert}"))
    many = {"ids": [alert, "alert-999999"], "comment": "seen"}
    check("POST", "/alerts/acknowledge", plant.post("/api/v1/alerts/acknowledge", json=many))
    check("PUT", "/alerts/{alert_id}/resolve", plant.put(f"/api/v1/alerts/{alert}/resolve", json={"comment": "over"}))
    check("DELETE", "/devices/{device_id}", plant.delete(url))


def test_signing_in_and_users(plant: httpx.Client) -> None:
    login = plant.post("/api/v1/auth/login", json={"username": "admin", "password": PASSWORD})
    check("POST", "/auth/login", login)
    user = {"username": "contract", "password": "correct horse battery", "role": "viewer"}
    check("POST", "/users", plant.post("/api/v1/users", json=user))
    check("PUT", "/users/{username}", plant.put("/api/v1/users/contract", json={"isActive": False}))
    token = {"refreshToken": login.json()["data"]["refreshToken"]}
    refreshed = plant.post("/api/v1/auth/refresh", json=token)
    check("POST", "/auth/refresh", refreshed)
    token = {"refreshToken": refreshed.json()["data"]["refreshToken"]}
    other = httpx.Client(base_url=plant.base_url)
    check("POST", "/auth/logout", other.post("/api/v1/auth/logout", json=token))


def test_an_error(plant: httpx.Client) -> None:
    for path, status in (("/devices/nobody", 404), ("/devices?status=gone", 422)):
        answer = plant.get(f"/api/v1{path}")
        assert answer.status_code == status
        Error.model_validate(answer.json())
