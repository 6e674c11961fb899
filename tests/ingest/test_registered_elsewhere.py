"""Devices are registered in another process: their first samples are stored, however soon they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from andon.engines.database import Database
from andon.identity.model import system_principal
from andon.kit.clock import now_us
from andon.kit.errors import UnavailableError
from andon.registry.directory import Directory
from andon.registry.following import DirectoryFollower
from andon.registry.model import NewDevice, NewTag
from andon.registry.service import Registry
from ingest.conftest import MakePlant, Plant, s1

TOPIC = "factory-plus/devices/oven-9/data"


@pytest.fixture
async def apart(make_plant: MakePlant) -> AsyncIterator[Plant]:
    """Ingest that learns of changes only by asking: nothing comes by itself within a test."""
    plant: Plant = await make_plant()
    follower = DirectoryFollower(plant.registry, plant.directory, interval_s=3600, patience_s=0.05)
    follower.start()
    yield plant
    await follower.stop()


@pytest.fixture
def elsewhere(apart: Plant, tmp_path: Path) -> Iterator[Registry]:
    """The registry of the process that people talk to."""
    database = Database.open(None, tmp_path)
    registry = Registry(database, Directory())
    registry.load()
    yield registry
    database.close()


def register(elsewhere: Registry, plant: Plant, device_id: str = "oven-9") -> None:
    device = NewDevice(device_id, "oven", tags=(NewTag("temperature", "celsius"),))
    elsewhere.create_device(plant.organisation, device, system_principal(plant.organisation))


async def looked(plant: Plant) -> None:
    """Until nothing is held."""
    async with asyncio.timeout(20):
        while plant.ingest._newcomers._held or plant.ingest._newcomers._looking:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def discovered(plant: Plant) -> list[str]:
    return [each.device_id for each in plant.ingest.discovery.devices(plant.organisation)]


async def test_the_first_samples_of_a_device_are_stored_in_their_order(apart: Plant, elsewhere: Registry) -> None:
    register(elsewhere, apart)
    numbers = [apart.send(TOPIC, s1("oven-9", value, timestamp=now_us() + value)) for value in range(5)]
    assert apart.acknowledged == []
    await looked(apart)
    numbers.append(apart.send(TOPIC, s1("oven-9", 5)))
    assert await apart.values("oven-9") == [0, 1, 2, 3, 4, 5]
    assert apart.acknowledged == numbers
    assert discovered(apart) == []


async def test_one_that_nobody_registered_is_discovered(apart: Plant) -> None:
    number = apart.send(TOPIC, s1("oven-9"))
    await looked(apart)
    await apart.settle()
    assert discovered(apart) == ["oven-9"]
    assert apart.acknowledged == [number]


async def test_no_message_is_acknowledged_while_nobody_can_tell(
    apart: Plant, elsewhere: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(elsewhere, apart)

    def away() -> None:
        raise UnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(apart.registry, "refresh", away)
        apart.send(TOPIC, s1("oven-9", 1))
        await asyncio.sleep(0.2)
        await apart.ingest.pipeline.settled()
        assert apart.acknowledged == [] and discovered(apart) == []
    # The follower waits an interval after a failure, which is long here: another look stands for it.
    await asyncio.to_thread(apart.registry.refresh)
    await looked(apart)
    assert await apart.values("oven-9") == [1]


async def test_too_many_strangers_at_once_are_refused_and_said_so(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_deferred=3)
    follower = DirectoryFollower(plant.registry, plant.directory, interval_s=3600)
    follower.start()
    for number in range(5):
        plant.send(f"factory-plus/devices/stranger-{number}/data", s1(f"stranger-{number}"))
    await looked(plant)
    assert await plant.reasons() == ["too_many_unknown_devices"] * 2
    assert len(discovered(plant)) == 3
    await follower.stop()


async def test_samples_can_be_pushed_at_once(apart: Plant, elsewhere: Registry) -> None:
    register(elsewhere, apart)
    result = await apart.ingest.push(apart.organisation, "oven-9", [{"value": 7.0}])
    assert result.accepted == 1
    assert await apart.values("oven-9") == [7]


async def test_new_signals_wait_for_an_absent_database(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure, calls = plant.registry.ensure_tags, []

    def away_once(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise UnavailableError("away")
        return ensure(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(plant.registry, "ensure_tags", away_once)
    number = plant.send("factory-plus/devices/device-001/data", {"deviceId": "device-001", "values": {"humidity": 40}})
    assert await plant.values("device-001", "humidity") == [40]
    assert plant.acknowledged == [number] and len(calls) == 2
