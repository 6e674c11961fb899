# ruff: noqa: ASYNC212  (a blocking request holds up nobody but this test)
"""What a plant does for people, in one process and with every role apart: the same body, the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import httpx
import pytest
import websockets

from andon.kit.clock import now_us
from support.listener import Listener, token_of
from support.mqtt import device_of
from support.running import PASSWORD, eventually
from topology.conftest import Shape

pytestmark = [pytest.mark.topology, pytest.mark.kafka]

WITHIN_S = 30
_numbers = count()


@pytest.fixture
def client(plant: Shape) -> Iterator[httpx.Client]:
    """Signed in."""
    with plant.client() as opened:
        yield opened


@pytest.fixture
async def listener(plant: Shape, client: httpx.Client) -> AsyncIterator[Listener]:
    """Connected over Socket.IO."""
    made = await Listener().connect(plant.url, token_of(client))
    yield made
    await made.client.disconnect()


def register(client: httpx.Client, device_id: str, **more: Any) -> None:
    body = {"deviceId": device_id, "type": "temperature", "location": "line-1", "unit": "celsius", **more}
    answer = client.post("/api/v1/devices", json=body)
    assert answer.status_code == 201, answer.text


def message(device_id: str, value: float, **more: Any) -> dict[str, Any]:
    return {"deviceId": device_id, "timestamp": now_us(), "sensorType": "temperature", "value": value, **more}


def topic(device_id: str) -> str:
    return f"factory-plus/devices/{device_id}/data"


async def send(plant: Shape, device_id: str, *values: float, **more: Any) -> None:
    """Publish values; they are with the broker when this returns."""
    async with device_of(plant, f"device-{device_id}-{next(_numbers)}") as device:
        for value in values:
            device.send(topic(device_id), message(device_id, value, **more))
        await device.acknowledged()


def history(client: httpx.Client, device_id: str) -> list[float]:
    answer = client.get(f"/api/v1/devices/{device_id}/history", params={"from": "-1h", "to": "+1h"})
    return [reading["value"] for reading in answer.raise_for_status().json()["data"]["readings"]]


async def stored(client: httpx.Client, device_id: str, values: list[float]) -> None:
    """Fails when the history does not come to be exactly that."""
    await asyncio.to_thread(
        eventually, lambda: history(client, device_id) == values, within_s=WITHIN_S, what=f"{values} in the history"
    )


async def shown(client: httpx.Client, device_id: str, status: str, value: float) -> None:
    """Fails when the device does not come to be shown like that: the API may run apart from who stores its history."""

    def is_shown() -> bool:
        found = client.get(f"/api/v1/devices/{device_id}").raise_for_status().json()["data"]
        return bool(found["status"] == status and found["lastReading"]["value"] == value)

    await asyncio.to_thread(eventually, is_shown, within_s=WITHIN_S, what=f"{device_id} {status} at {value}")


def alerts(client: httpx.Client, device_id: str, status: str = "active") -> list[dict[str, Any]]:
    answer = client.get("/api/v1/alerts", params={"status": status, "deviceId": device_id})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]["alerts"]
    return found


def test_health_has_the_documents_body(client: httpx.Client) -> None:
    body = eventually(
        lambda: found if (found := client.get("/health").json())["status"] == "healthy" else None, within_s=WITHIN_S
    )
    assert {"status", "timestamp", "version", "dependencies", "metrics"} <= set(body)
    assert {"database", "log"} <= set(body["dependencies"])
    for dependency in body["dependencies"].values():
        assert dependency["status"] == "healthy" and dependency["responseTime"] >= 0
    assert set(body["metrics"]) == {"uptime", "requestsPerMinute", "errorRate"}
    assert client.get("/health/ready").status_code == 200


def test_people_sign_in_and_out(plant: Shape, client: httpx.Client) -> None:
    assert client.get("/api/v1/auth/me").json()["data"]["username"] == "admin"
    wrong = httpx.post(f"{plant.url}/api/v1/auth/login", json={"username": "admin", "password": PASSWORD + "x"})
    assert wrong.status_code == 401
    with plant.client() as leaving:
        assert leaving.get("/api/v1/alerts").status_code == 200
        leaving.post("/api/v1/auth/logout").raise_for_status()
        eventually(lambda: leaving.get("/api/v1/devices/discovered").status_code == 401, what="the end of the session")
    assert httpx.get(f"{plant.url}/api/v1/devices").status_code == 401


async def test_a_device_that_was_just_registered_publishes_and_its_samples_are_history(
    plant: Shape, client: httpx.Client
) -> None:
    register(client, "oven-1")
    await send(plant, "oven-1", 70, 71, 72)
    await stored(client, "oven-1", [70, 71, 72])
    await shown(client, "oven-1", "active", 72)
    pushed = client.post("/api/v1/devices/oven-1/samples", json={"samples": [{"value": 73.5}]})
    assert pushed.json()["data"]["accepted"] == 1
    await stored(client, "oven-1", [70, 71, 72, 73.5])
    text = client.get("/api/v1/devices/oven-1/export", params={"from": "-1h", "to": "+1h"}).text
    assert text.count("\n") == 5, "a header and four rows"


async def test_values_are_live_on_both_kinds_of_connection(
    plant: Shape, client: httpx.Client, listener: Listener
) -> None:
    register(client, "oven-2", normalMin=20, normalMax=80)
    await listener.ask("subscribe-device", "oven-2")
    async with websockets.connect(f"{plant.url.replace('http', 'ws')}/ws?token={token_of(client)}") as socket:
        wanted = "factory/device/oven-2/temperature"
        await socket.send(json.dumps({"action": "subscribe", "topic": wanted, "id": 1}))
        assert json.loads(await asyncio.wait_for(socket.recv(), WITHIN_S)) == {"event": "done", "id": 1}
        await send(plant, "oven-2", 90.5)
        body = await listener.next("sensor-data", within_s=WITHIN_S)
        assert (body["deviceId"], body["data"]["value"], body["data"]["status"]) == ("oven-2", 90.5, "warning")
        told = json.loads(await asyncio.wait_for(socket.recv(), WITHIN_S))
        assert (told["topic"], told["value"], told["unit"]) == (wanted, 90.5, "celsius")


async def test_strangers_get_no_live_values(plant: Shape) -> None:
    stranger = Listener()
    with pytest.raises(Exception, match=r".+"):
        await stranger.connect(plant.url, "no token")
    async with websockets.connect(f"{plant.url.replace('http', 'ws')}/ws") as socket:
        await socket.send(json.dumps({"action": "auth", "token": "no token"}))
        assert "error" in str(await asyncio.wait_for(socket.recv(), WITHIN_S))


async def test_a_crossed_limit_raises_an_alarm_that_is_told_and_acknowledged(
    plant: Shape, client: httpx.Client, listener: Listener
) -> None:
    register(client, "oven-3", alertMax=85)
    await listener.ask("subscribe-alerts")
    await send(plant, "oven-3", 99)
    raised = await listener.next_of("alert-triggered", "oven-3")
    assert (raised["type"], raised["value"], raised["threshold"]) == ("high_temperature", 99, 85)
    (alert,) = alerts(client, "oven-3")
    assert alert["id"] == raised["alertId"] and alert["status"] == "active"
    assert client.get("/api/v1/devices/oven-3").json()["data"]["activeAlerts"] == 1

    answer = client.put(f"/api/v1/alerts/{alert['id']}/acknowledge", json={"comment": "on my way"})
    assert answer.status_code == 200, answer.text
    (alert,) = alerts(client, "oven-3")  # what was done is there at once
    assert (alert["status"], alert["acknowledgedBy"]) == ("acknowledged", "admin")
    assert alert["comments"][0]["text"] == "on my way"
    assert (await listener.next_of("alert-acknowledged", "oven-3"))["alertId"] == alert["id"]
    assert client.put(f"/api/v1/alerts/{alert['id']}/acknowledge").status_code == 409

    await send(plant, "oven-3", 70)
    assert (await listener.next_of("alert-resolved", "oven-3"))["alertId"] == alert["id"]
    assert alerts(client, "oven-3") == []
    (over,) = alerts(client, "oven-3", "all")
    assert over["status"] == "resolved"


async def test_a_device_that_nobody_announced_is_discovered_and_adopted(plant: Shape, client: httpx.Client) -> None:
    await send(plant, "pump-9", 1, 2, 3, unit="celsius")

    def pump() -> dict[str, Any] | None:
        found = client.get("/api/v1/devices/discovered").json()["data"]["discovered"]
        mine = [each for each in found if each["deviceId"] == "pump-9" and each["signals"][0]["count"] == 3]
        return mine[0] if mine else None

    key = (await asyncio.to_thread(eventually, pump, within_s=WITHIN_S))["key"]
    answer = client.post(f"/api/v1/devices/discovered/{key}/adopt", json={"name": "Coolant pump"})
    assert answer.status_code == 201, answer.text
    assert client.get("/api/v1/devices/pump-9").json()["data"]["name"] == "Coolant pump"
    await stored(client, "pump-9", [1, 2, 3])
    await send(plant, "pump-9", 4)
    await stored(client, "pump-9", [1, 2, 3, 4])


async def test_a_dead_letter_is_replayed_once_its_cause_is_gone(plant: Shape, client: httpx.Client) -> None:
    register(client, "oven-4", unit="psi")
    await send(plant, "oven-4", 55, unit="celsius")

    def letter() -> dict[str, Any] | None:
        letters = client.get("/api/v1/system/dead-letters").json()["data"]["deadLetters"]
        return next((each for each in letters if each["topic"] == topic("oven-4")), None)

    found = await asyncio.to_thread(eventually, letter, within_s=WITHIN_S, what="the dead letter")
    assert found["reason"] == "unit_mismatch"
    client.put("/api/v1/devices/oven-4/config", json={"unit": "celsius"}).raise_for_status()
    replay = client.post("/api/v1/system/dead-letters/replay", json={"ids": [found["id"]]})
    assert replay.json()["data"] == {"replayed": 1, "failed": []}, replay.text
    await stored(client, "oven-4", [55])


async def test_a_changed_limit_is_told_to_the_device_and_judges_its_value(plant: Shape, client: httpx.Client) -> None:
    register(client, "oven-5")
    await send(plant, "oven-5", 60)
    await stored(client, "oven-5", [60])
    client.put("/api/v1/devices/oven-5/config", json={"alertMax": 50}).raise_for_status()
    await asyncio.to_thread(
        eventually, lambda: alerts(client, "oven-5"), within_s=WITHIN_S, what="an alarm by the new limit"
    )


def test_the_system_page_shows_every_role(client: httpx.Client) -> None:
    def roles() -> dict[str, str]:
        return {role["name"]: role["state"] for role in client.get("/api/v1/metrics/system").json()["data"]["roles"]}

    wanted = {"ingest", "processing", "historian", "alerts", "api", "realtime"}
    found = eventually(lambda: found if wanted <= set(found := roles()) else None, what="all roles")
    assert {found[name] for name in wanted} == {"running"}


def test_the_storage_page_shows_how_far_behind_each_role_is(client: httpx.Client) -> None:
    def readers() -> set[str]:
        found = client.get("/api/v1/storage").raise_for_status().json()["data"]["consumers"]
        return {each["group"] for each in found if each["stream"] == "sensors-data"}

    eventually(lambda: readers() >= {"historian", "processing", "alerts", "realtime"}, what="every reader of the log")


def test_a_recording_is_uploaded_in_pieces_and_imported(client: httpx.Client) -> None:
    register(client, "recorder-1")
    content = "time,temperature\n" + "".join(f"2014-03-01T10:{m:02}:00Z,{m}\n" for m in range(60))
    announced = {"fileName": "a.csv", "size": len(content), "fingerprint": "a"}
    file = client.post("/api/v1/import-files", json=announced).raise_for_status().json()["data"]
    url = f"/api/v1/import-files/{file['id']}"
    for start in range(0, len(content), 500):
        piece = content[start : start + 500].encode()
        client.put(f"{url}/content", params={"offset": start}, content=piece).raise_for_status()
    assert client.post(f"{url}/preview", json={}).raise_for_status().json()["data"]["rows"] == 60
    client.post(f"{url}/import", json={"deviceId": "recorder-1"}).raise_for_status()
    eventually(lambda: client.get(url).json()["data"]["state"] == "finished", within_s=60, what="the import")
    assert [each["id"] for each in client.get("/api/v1/import-files").json()["data"]["files"]] == [file["id"]]
    asked = {"from": "2014-03-01T00:00:00Z", "to": "2014-03-02T00:00:00Z"}
    found = client.get("/api/v1/devices/recorder-1/history", params=asked).raise_for_status().json()["data"]
    assert [each["value"] for each in found["readings"]] == list(range(60))


async def test_a_prepared_export_is_fetched_by_its_link_alone(plant: Shape, client: httpx.Client) -> None:
    register(client, "recorder-2")
    await send(plant, "recorder-2", 1, 2, 3)
    await stored(client, "recorder-2", [1, 2, 3])
    wanted = {"device": ["recorder-2"], "from": "-1h", "to": "+1h"}
    made = client.post("/api/v1/history/exports", json=wanted).raise_for_status().json()["data"]
    file = await asyncio.to_thread(httpx.get, plant.url + made["path"])
    assert len(file.raise_for_status().text.splitlines()) == 4
    done = client.get(f"/api/v1/history/exports/{made['id']}").raise_for_status().json()["data"]
    assert (done["state"], done["rows"]) == ("finished", 3)


async def test_a_restart_loses_nothing(plant: Shape, client: httpx.Client) -> None:
    register(client, "oven-6", alertMax=85)
    await send(plant, "oven-6", 50, 95)
    await asyncio.to_thread(eventually, lambda: alerts(client, "oven-6"), within_s=WITHIN_S, what="the alarm")
    (before,) = alerts(client, "oven-6")
    await asyncio.to_thread(plant.restart)
    with plant.client() as again:
        await stored(again, "oven-6", [50, 95])
        assert [alert["id"] for alert in alerts(again, "oven-6")] == [before["id"]]
        current = await asyncio.to_thread(
            eventually, lambda: again.get("/api/v1/devices/oven-6/current").json()["data"]["value"], within_s=WITHIN_S
        )
        assert current == 95
        await send(plant, "oven-6", 60)
        await stored(again, "oven-6", [50, 95, 60])
