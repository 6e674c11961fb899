"""Who gets in, who is shut out, and that nobody sees another organisation."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import socketio
import websockets

from andon.alarms.model import Change
from andon.kit.clock import US_PER_S, now_us
from andon.realtime.settings import RealtimeSettings
from realtime.harness import (
    STRANGE,
    TEMPERATURE,
    Listener,
    Plant,
    alarm_event,
    principal,
    row,
    running,
    until,
)


async def refusal(plant: Plant, token: str | None) -> dict[str, str]:
    listener = Listener()
    refused: list[dict[str, str]] = []
    listener.client.on("connect_error", refused.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await listener.connect(plant.url, token)
    return refused[0]["data"]  # type: ignore[return-value]


async def test_without_a_token_there_is_no_connection(plant: Plant) -> None:
    error = await refusal(plant, None)
    assert error["code"] == "unauthenticated"
    assert "/api/v1/auth/login" in error["cure"]


async def test_a_forged_token_is_refused(plant: Plant) -> None:
    assert (await refusal(plant, "forged"))["code"] == "unauthenticated"


async def test_an_expired_token_is_refused(plant: Plant) -> None:
    plant.identity.principals["viewer"] = principal("viewer", expires_at=now_us() - 1)
    assert "expired" in (await refusal(plant, "viewer"))["message"]


async def test_a_role_without_data_read_is_refused_and_told_why(plant: Plant) -> None:
    error = await refusal(plant, "guest")
    assert error["code"] == "forbidden"
    assert "data:read" in error["message"]


async def test_alerts_need_their_own_permission(plant: Plant, listener: Listener) -> None:
    (client,) = plant.service.fanout.clients.values()
    viewer = client.principal
    client.principal = principal("viewer")
    object.__setattr__(client.principal, "permissions", viewer.permissions - {"alerts:read"})
    assert not (await listener.ask("subscribe-alerts"))["success"]
    assert "alerts:read" in (await listener.next("error"))["message"]


async def test_the_connection_ends_when_the_token_expires(plant: Plant) -> None:
    plant.identity.principals["viewer"] = principal("viewer", expires_at=now_us() + US_PER_S // 2)
    listener = await plant.listen()
    error = await listener.next("error")
    assert error["code"] == "expired"
    assert "authenticate" in error["cure"]
    await listener.next("disconnect")
    assert plant.service.counts()["socketio"] == 0


async def test_another_token_keeps_the_connection(plant: Plant) -> None:
    plant.identity.principals["viewer"] = principal("viewer", expires_at=now_us() + US_PER_S // 2)
    plant.identity.principals["renewed"] = principal("viewer", expires_at=now_us() + 3600 * US_PER_S)
    listener = await plant.listen()
    assert (await listener.ask("authenticate", {"token": "renewed"}))["success"]
    plant.identity.principals["viewer"] = principal("viewer", expires_at=1)
    plant.service._check_clients()
    assert [event for event, _ in await listener.all() if event == "error"] == []


async def test_another_users_token_does_not_take_the_connection_over(plant: Plant, listener: Listener) -> None:
    plant.identity.principals["other"] = principal("admin", user="user-2")
    answer = await listener.ask("authenticate", {"token": "other"})
    assert answer["error"]["code"] == "forbidden"


async def test_signing_out_ends_the_connection(tmp_path: Path) -> None:
    async with running(tmp_path, RealtimeSettings(verify_interval_s=0)) as plant:
        listener = await plant.listen()
        del plant.identity.principals["viewer"]
        assert (await listener.next("error"))["code"] == "unauthenticated"
        await listener.next("disconnect")


async def test_who_connects_and_never_signs_in_is_disconnected(tmp_path: Path) -> None:
    async with running(tmp_path, RealtimeSettings(sign_in_timeout_s=0.05)) as plant:
        address = plant.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        async with websockets.connect(address) as idle:
            assert (await idle.recv())[0] == "0"  # Engine.IO's OPEN
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await idle.recv()


async def test_connections_are_limited(tmp_path: Path) -> None:
    async with running(tmp_path, RealtimeSettings(max_clients=1)) as plant:
        await plant.listen()
        with pytest.raises(socketio.exceptions.ConnectionError):
            await Listener().connect(plant.url)


async def test_a_client_cannot_call_the_handlers_of_connecting(plant: Plant, listener: Listener) -> None:
    await listener.client.emit("disconnect", {})
    await listener.client.emit("connect", ({"asgi.scope": {"type": "http"}}, {"token": "stranger"}))
    await listener.ask("subscribe-device", "device-001")
    (client,) = plant.service.fanout.clients.values()
    assert client.organisation_id == "org-1"


async def test_two_organisations_do_not_see_each_other(plant: Plant, listener: Listener) -> None:
    stranger = await plant.listen("stranger")
    for each in (listener, stranger):
        await each.ask("subscribe-device", "*")
        await each.ask("subscribe-alerts")
    position = await plant.sample(row(TEMPERATURE, 75.2), row(STRANGE, 11.0))
    plant.service.on_alarm(alarm_event("triggered", Change.RAISED))
    await until(lambda: plant.service.fanout.position == position)
    heard, heard_by_stranger = await listener.all(), await stranger.all()
    assert {event for event, _ in heard} == {"connection-status", "alert-triggered", "sensor-data"}
    assert [event for event, _ in heard_by_stranger] == ["connection-status", "sensor-data"]
    assert heard_by_stranger[1][1]["data"]["value"] == 11.0


async def test_another_organisations_device_is_unknown(plant: Plant) -> None:
    stranger = await plant.listen("stranger")
    assert not (await stranger.ask("subscribe-device", "device-002"))["success"]


@pytest.mark.parametrize(("query", "code"), [("?token=forged", 4401), ("?token=guest", 4403)])
async def test_a_bad_token_closes_the_web_socket_with_a_reason(plant: Plant, query: str, code: int) -> None:
    async with plant.web_socket(query) as socket:
        error = json.loads(await socket.recv())
        assert error["event"] == "error"
        assert error["cure"]
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    assert closed.value.rcvd.reason


async def test_a_web_socket_signs_in_with_its_first_message(plant: Plant) -> None:
    async with plant.web_socket("") as socket:
        await socket.send('{"action": "subscribe", "topic": "#"}')
        assert "auth" in json.loads(await socket.recv())["cure"]
        await socket.send('{"action": "auth", "token": "viewer", "id": 1}')
        assert json.loads(await socket.recv()) == {"event": "done", "id": 1}


async def test_a_web_socket_signs_in_with_a_header(plant: Plant) -> None:
    async with plant.web_socket("", additional_headers={"Authorization": "Bearer viewer"}) as socket:
        await socket.send('{"action": "ping"}')
        assert json.loads(await socket.recv())["event"] == "pong"
        assert plant.service.counts() == {"socketio": 0, "websocket": 1}


async def test_a_web_socket_that_does_not_sign_in_is_closed(tmp_path: Path) -> None:
    settings = RealtimeSettings(sign_in_timeout_s=0.05)
    async with running(tmp_path, settings) as plant, plant.web_socket("") as socket:
        assert json.loads(await socket.recv())["code"] == "unauthenticated"
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()


async def test_the_token_is_not_in_the_web_servers_log(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "uvicorn"):
        async with plant.web_socket("?token=viewer") as socket:
            await socket.send('{"action": "ping"}')
            await socket.recv()
    assert "/ws" in caplog.text
    assert "viewer" not in caplog.text
