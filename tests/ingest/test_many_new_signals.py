"""Many messages with new signals at once, as after new firmware for a whole hall: they are waited for, not refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from andon.kit.errors import UnavailableError

from .conftest import DATA, MakePlant, Plant


class _Source:
    """Remembers what the connections to the broker are told."""

    dropped = 0

    def __init__(self) -> None:
        self.paused: list[bool] = []
        self.resumed = asyncio.Event()

    def pause(self) -> None:
        self.paused.append(True)

    def resume(self) -> None:
        self.paused.append(False)
        self.resumed.set()

    async def stop(self) -> None:
        """Nothing to stop."""


def _send(plant: Plant, messages: int) -> None:
    for number in range(messages):
        plant.send(DATA, {"deviceId": "device-001", "values": {"humidity": number}})


def _away(*_: object) -> object:
    raise UnavailableError("away")


def _source(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> _Source:
    source = _Source()
    monkeypatch.setattr(plant.ingest, "_source", source)
    monkeypatch.setattr(plant.ingest.pipeline, "_on_rest", lambda _resting: None)
    return source


async def test_the_broker_is_held_back_until_the_signals_are_registered(
    make_plant: MakePlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant: Plant = await make_plant(max_deferred=3)
    source = _source(plant, monkeypatch)
    _send(plant, 5)
    assert source.paused == [True]
    assert len(await plant.values("device-001", "humidity")) == 5
    assert source.paused == [True, False]
    assert await plant.reasons() == []
    assert len(plant.acknowledged) == 5


async def test_signals_of_a_device_are_registered_once(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure, calls = plant.registry.ensure_tags, []

    def counted(*arguments: Any) -> object:
        calls.append(arguments)
        return ensure(*arguments)

    monkeypatch.setattr(plant.registry, "ensure_tags", counted)
    _send(plant, 20)
    assert len(await plant.values("device-001", "humidity")) == 20
    assert len(calls) == 1


async def test_what_no_broker_can_hold_back_is_refused_and_said_so(make_plant: MakePlant) -> None:
    plant: Plant = await make_plant(max_deferred=3)
    _send(plant, 8)
    assert len(await plant.values("device-001", "humidity")) == 6
    assert await plant.reasons() == ["too_many_new_signals"] * 2


async def test_an_absent_database_holds_nothing_else_back(
    make_plant: MakePlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant: Plant = await make_plant(max_deferred=3)
    source = _source(plant, monkeypatch)

    with monkeypatch.context() as patch:
        patch.setattr(plant.registry, "ensure_tags", _away)
        _send(plant, 3)
        await source.resumed.wait()
        assert source.paused == [True, False]
        _send(plant, 2)
    assert await plant.reasons() == ["too_many_new_signals"] * 2
    assert len(await plant.values("device-001", "humidity")) == 3


async def test_ingest_that_was_stopped_meanwhile_takes_them_when_it_starts_again(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(plant.registry, "ensure_tags", _away)
        _send(plant, 1)
        await plant.ingest.stop()
    await plant.ingest.start()
    assert plant.acknowledged == []
    _send(plant, 1)
    assert await plant.values("device-001", "humidity") == [0]
