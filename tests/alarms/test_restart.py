"""Crashes, restarts and lateness: no alarm is lost, doubled or made up."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

import pytest

from alarms.plant import NOW, batch, row, seconds
from alarms.running import Plant
from andon.alarms.settings import AlarmSettings
from andon.engines.livestate.memory import MemoryLiveState
from support.databases import on_both as database_url  # noqa: F401 (the same tests on SQLite and PostgreSQL)


async def test_a_crash_neither_loses_nor_doubles_an_open_alarm(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 58.5))
    await plant.start()
    assert [a["state"] for a in plant.open()] == ["unacknowledged"]
    await plant.deliver(1)  # a record that was stored, handed over again
    await plant.send(row(tag, 1, 59.0))
    assert len(await plant.journal()) == 1
    await plant.send(row(tag, 2, 40.0))
    assert plant.lifecycles() == ["triggered", "resolved"]


async def test_what_arrived_while_the_server_was_down_is_judged_after_the_start(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 40.0))
    missed = plant.append(row(tag, 1, 58.5), row(tag, 2, 40.0))
    plant.livestate.apply(plant.sent[-1])
    plant.now += seconds(60)
    await plant.start()
    await plant.deliver(missed)
    assert plant.lifecycles() == ["triggered", "resolved"]


async def test_a_restart_raises_no_false_offline_alarms(plant: Plant) -> None:
    tag = plant.add_device()
    plant.append(row(tag, 0, 40.0))
    plant.livestate.apply(plant.sent[0])
    plant.now = NOW + seconds(3600)
    await plant.start()
    await plant.deliver(1)
    await plant.tick(3629)
    assert plant.open() == []
    await plant.tick(3631)
    assert [a["type"] for a in plant.open()] == ["device_offline"]


async def test_a_device_known_from_history_that_stays_silent_after_a_restart_is_offline(plant: Plant) -> None:
    tag = plant.add_device()
    plant.livestate.apply(batch(row(tag, 0, 40.0)))
    plant.now = NOW + seconds(3600)
    await plant.start()
    await plant.tick(3631)
    assert [a["type"] for a in plant.open()] == ["device_offline"]


async def test_a_service_that_is_behind_does_not_call_devices_silent(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 40.0))

    async def lag() -> int:
        return 5

    monkeypatch.setattr(plant.service, "_consumer", SimpleNamespace(lag=lag))
    await plant.tick(500)
    assert plant.open() == []


async def test_after_a_restart_a_late_sample_does_not_end_a_newer_alarm(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 10, 58.5))
    await plant.start()
    await plant.send(row(tag, 5, 40.0))
    assert [a["state"] for a in plant.open()] == ["unacknowledged"]


async def test_an_open_offline_alarm_survives_a_restart_as_it_is(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 40.0))
    await plant.tick(40)
    plant.livestate = MemoryLiveState()
    await plant.start()
    await plant.tick(100)
    assert [a["type"] for a in plant.open()] == ["device_offline"]
    assert len(await plant.journal()) == 1
    await plant.send(row(tag, 100, 40.0))
    await plant.tick(101)
    assert plant.lifecycles() == ["triggered", "resolved"]


async def test_a_machine_that_slept_does_not_call_its_devices_silent(plant: Plant) -> None:
    tag = plant.add_device()
    await plant.start()
    await plant.send(row(tag, 0, 40.0))
    plant.now = NOW + seconds(8 * 3600)
    await plant.service.tick()
    assert plant.open() == []


@pytest.mark.parametrize("seed", range(3))
async def test_crashes_at_any_point_give_the_same_journal_as_none(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    records = [[chance.choice([40.0, 54.0, 56.0, 70.0, 3.0]) for _ in range(6)] for _ in range(25)]

    async def run(folder: Path, crashing: bool) -> list[tuple[str, str, int, int | None]]:
        plant = Plant(folder, AlarmSettings(chatter_hold_s=0))  # how often it was raised is forgotten in a crash
        tags = [plant.add_device(f"device-{i}", deadband=2.0) for i in range(3)]
        await plant.start()
        judged = 0
        for second, values in enumerate(records):
            plant.now = NOW + seconds(second * 0.4)
            plant.append(*[row(tags[i % 3], second + i // 3 * 0.5, v) for i, v in enumerate(values)])
            if crashing and chance.random() < 0.3:
                await plant.start()
                judged = plant.service._judged.get(0, 0)
            while judged < len(plant.sent):
                judged += 1
                await plant.deliver(judged)
            if second % 3 == 0:
                await plant.service.act("acknowledge", [a["id"] for a in plant.open()], plant.operator, None)
        found = await plant.journal()
        plant.database.close()
        return found

    assert await run(tmp_path / "crashing", True) == await run(tmp_path / "calm", False)
