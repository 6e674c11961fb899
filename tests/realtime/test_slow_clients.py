"""A client that takes nothing costs little, gets the newest values later, and does not hold the others up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import websockets

from andon.alarms.model import Change
from andon.realtime.settings import RealtimeSettings
from realtime.harness import AT, PRESSURE, TEMPERATURE, Plant, alarm_event, device, row, running, tag, until

TAGS = range(100, 400)
SETTINGS = RealtimeSettings(fastest_s=0.001, slow_limit_s=60)


def large_plant(plant: Plant) -> None:
    plant.directory.replace([device(f"m-{n}", tag(n, f"m-{n}", "x" * 200, "mm")) for n in TAGS])


async def sockets_of_stuck_client(plant: Plant) -> tuple[Any, Any]:
    """A Socket.IO client, spoken by hand, that subscribes to everything and then reads nothing more."""
    address = plant.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    stuck = await websockets.connect(address, max_queue=1, compression=None)
    await stuck.recv()
    await stuck.send('40{"token":"viewer"}')
    await stuck.send('42["subscribe-device",{"deviceIds":"*","frames":true}]')
    await until(lambda: any("sensor-frame" in each.feeds for each in plant.service.fanout.clients.values()))
    (client,) = plant.service.fanout.clients.values()
    stuck.transport.pause_reading()
    return stuck, client


async def fill(plant: Plant, client: Any, rounds: int = 2_000) -> int:
    """New values until the network takes no more, then as many again. The number of the last round."""
    full_at = None
    for n in range(rounds):
        position = await plant.sample(*(row(each, float(n), AT + n) for each in TAGS))
        await until(lambda reached=position: plant.service.fanout.position == reached)
        if client.behind_since is not None and full_at is None:
            full_at = n
        if full_at is not None and n > full_at + 200:
            return n
    raise AssertionError("the network took everything")


async def test_the_backlog_of_a_stuck_client_is_bounded(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as plant:
        large_plant(plant)
        stuck, client = await sockets_of_stuck_client(plant)
        await fill(plant, client)
        assert client.outlet.backlog() <= plant.service.settings.ready_backlog
        assert plant.service.fanout.counters.passed_over > 0
        stuck.transport.abort()


async def test_a_stuck_client_that_reads_again_gets_the_newest_values(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as plant:
        large_plant(plant)
        stuck, client = await sockets_of_stuck_client(plant)
        last = await fill(plant, client)
        stuck.transport.resume_reading()
        frames = 0
        newest: dict[str, float] = {}
        while any(value != last for value in newest.values()) or len(newest) < len(TAGS):
            message = await stuck.recv()
            if message.startswith('42["sensor-frame"'):
                frames += 1
                newest.update({each[0]: each[3] for each in json.loads(message[2:])[1]["samples"]})
        assert frames < last  # what lay in between was left out
        stuck.transport.abort()


async def test_others_are_not_held_up(tmp_path: Path) -> None:
    async with running(tmp_path, SETTINGS) as plant:
        large_plant(plant)
        stuck, client = await sockets_of_stuck_client(plant)
        await fill(plant, client)
        listener = await plant.listen()
        await listener.ask("subscribe-device", "m-100")
        await plant.sample(row(100, -1.0, AT + 1_000_000))
        while (await listener.next("sensor-data"))["data"]["value"] != -1.0:
            pass
        stuck.transport.abort()


async def test_a_client_that_stays_stuck_is_cut_off(tmp_path: Path) -> None:
    async with running(tmp_path, RealtimeSettings(fastest_s=0.001, slow_limit_s=0.1)) as plant:
        large_plant(plant)
        stuck, client = await sockets_of_stuck_client(plant)
        await fill(plant, client)
        await until(lambda: client.ended and not plant.service.fanout.clients)
        await until(lambda: stuck.transport.is_closing() or not plant.socketio._server.eio.sockets)


async def test_alarms_are_never_left_out(plant: Plant) -> None:
    listener = await plant.listen()
    await listener.ask("subscribe-alerts")
    for number in range(500):
        plant.service.on_alarm(alarm_event("triggered", Change.RAISED, id=f"alert-{number}"))
    heard = [body["alertId"] for event, body in await listener.all() if event == "alert-triggered"]
    assert heard == [f"alert-{number}" for number in range(500)]


async def test_whoever_lets_alarms_pile_up_is_disconnected(tmp_path: Path) -> None:
    async with running(tmp_path, RealtimeSettings(max_backlog=10)) as plant:
        listener = await plant.listen()
        await listener.ask("subscribe-alerts")
        for number in range(11):
            plant.service.on_alarm(alarm_event("triggered", Change.RAISED, id=f"alert-{number}"))
        plant.service._check_clients()
        assert (await listener.next("error"))["code"] == "too_slow"
        await listener.next("disconnect")


async def test_a_busy_client_gets_fewer_messages_with_the_newest_values(tmp_path: Path) -> None:
    async with running(tmp_path, RealtimeSettings(fastest_s=0.1)) as plant:
        listener = await plant.listen()
        await listener.ask("subscribe-device", {"deviceIds": ["device-001", "device-002"], "frames": True})
        await until(lambda: bool(list(plant.service.fanout.audiences)))
        for n in range(50):
            position = await plant.sample(row(TEMPERATURE, float(n), AT + n), row(PRESSURE, float(n), AT + n))
        await until(lambda: plant.service.fanout.position == position)
        (audience,) = plant.service.fanout.audiences
        await until(lambda: audience.timer is None)
        bodies = [body for event, body in await listener.all() if event == "sensor-frame"]
        assert len(bodies) < 25
        assert sorted(sample[3] for sample in bodies[-1]["samples"]) == [49.0, 49.0]


async def test_a_quiet_client_gets_its_value_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, RealtimeSettings(fastest_s=3_600)) as plant:
        listener = await plant.listen()
        await listener.ask("subscribe-device", "device-001")
        await plant.sample(row(TEMPERATURE, 75.2))
        assert (await listener.next("sensor-data"))["data"]["value"] == 75.2


def test_the_more_clients_the_slower_the_pace() -> None:
    settings = RealtimeSettings()
    assert [settings.interval_s(clients) for clients in (1, 100, 1_000)] == [0.015, 0.05, 0.2]
