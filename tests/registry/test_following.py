"""Two processes share a registry: what one changes, the other's directory shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from andon.engines.database import Database
from andon.identity.model import Principal
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.registry.directory import Directory
from andon.registry.following import DirectoryFollower
from andon.registry.model import DeviceChanges, NewDevice, NewTag
from andon.registry.service import Registry

OVEN = NewDevice("oven-1", "oven", "hall-1", "Oven 1", tags=(NewTag("temperature", "celsius"),))


@dataclass
class Other:
    """A second process: a registry and a directory of its own on the same database."""

    database: Database
    registry: Registry
    directory: Directory


@pytest.fixture
def other(tmp_path: Path, organisation: str) -> Iterator[Other]:
    database = Database.open(None, tmp_path)
    directory = Directory()
    registry = Registry(database, directory)
    registry.load()
    yield Other(database, registry, directory)
    database.close()


@pytest.fixture
async def follower(other: Other) -> AsyncIterator[DirectoryFollower]:
    """Looks by itself so rarely that only those who ask are served."""
    following = DirectoryFollower(other.registry, other.directory, interval_s=3600)
    following.start()
    yield following
    await following.stop()


@contextmanager
def database_away(other: Other, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """While it is entered, a look fails; the list counts them."""
    asked: list[int] = []

    def refuse() -> None:
        asked.append(1)
        raise UnavailableError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(other.registry, "refresh", refuse)
        yield asked


def test_created_changed_and_deleted_devices_are_taken_over(
    registry: Registry, organisation: str, actor: Principal, other: Other
) -> None:
    registry.create_device(organisation, OVEN, actor)
    other.registry.refresh()
    assert other.directory.device(organisation, "oven-1") is not None
    registry.update_device(organisation, "oven-1", DeviceChanges(device={"name": "Big oven"}), actor)
    registry.ensure_tags(organisation, "oven-1", [NewTag("humidity", "percent")])
    other.registry.refresh()
    found = other.directory.device(organisation, "oven-1")
    assert found is not None and found.name == "Big oven"
    assert [tag.name for tag in found.tags] == ["temperature", "humidity"]
    registry.delete_device(organisation, "oven-1", actor)
    other.registry.refresh()
    assert other.directory.device(organisation, "oven-1") is None
    assert other.directory.max_tag_id == 2


def test_the_demo_plant_is_taken_over(registry: Registry, directory: Directory, other: Other) -> None:
    registry.seed_demo(3)
    other.registry.refresh()
    mine = directory.default_organisation
    assert list(other.directory.devices(mine)) == list(directory.devices(mine))


def test_only_what_changed_is_new_to_those_who_derive_from_it(
    registry: Registry, directory: Directory, organisation: str, actor: Principal, other: Other
) -> None:
    registry.create_device(organisation, OVEN, actor)
    registry.create_device(organisation, NewDevice("oven-2", "oven"), actor)
    other.registry.refresh()
    kept, version, own = other.directory.device(organisation, "oven-1"), other.directory.version, directory.version
    other.registry.refresh()
    registry.refresh()
    assert (other.directory.version, directory.version) == (version, own), "nothing had changed"
    registry.update_device(organisation, "oven-2", DeviceChanges(device={"name": "Small oven"}), actor)
    other.registry.refresh()
    assert other.directory.device(organisation, "oven-1") is kept


def test_both_may_register_signals_of_the_same_device(
    registry: Registry, organisation: str, actor: Principal, other: Other
) -> None:
    registry.create_device(organisation, OVEN, actor)
    (mine,) = registry.ensure_tags(organisation, "oven-1", [NewTag("humidity", "percent")])
    theirs = other.registry.ensure_tags(organisation, "oven-1", [NewTag("humidity"), NewTag("pressure")])
    registry.refresh()
    assert theirs[0] == mine
    assert [tag.name for tag in registry.ensure_tags(organisation, "oven-1", [NewTag("pressure")])] == ["pressure"]


async def test_who_must_not_miss_a_change_catches_up(
    registry: Registry, organisation: str, actor: Principal, other: Other, follower: DirectoryFollower
) -> None:
    for number in range(3):
        registry.create_device(organisation, NewDevice(f"oven-{number}", "oven"), actor)
        await asyncio.gather(*(other.directory.catch_up() for _ in range(3)))
        assert other.directory.device(organisation, f"oven-{number}") is not None


async def test_changes_come_by_themselves(
    registry: Registry, organisation: str, actor: Principal, other: Other
) -> None:
    following = DirectoryFollower(other.registry, other.directory, interval_s=0.01)
    following.start()
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()
    other.directory.subscribe(lambda: loop.call_soon_threadsafe(changed.set) and None)
    registry.create_device(organisation, OVEN, actor)
    await asyncio.wait_for(changed.wait(), 20)
    assert other.directory.device(organisation, "oven-1") is not None
    await following.stop()


async def test_while_the_database_is_away_nobody_waits_for_ever(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    following = DirectoryFollower(other.registry, other.directory, interval_s=0.01, patience_s=0.1)
    with database_away(other, monkeypatch) as asked:
        following.start()
        assert not await other.directory.catch_up()
        assert asked
    following._patience_s = 20
    assert await other.directory.catch_up()
    await following.stop()


async def test_once_the_database_is_away_for_long_one_look_is_waited_for(
    other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    following = DirectoryFollower(other.registry, other.directory, interval_s=0.01, patience_s=0.1)
    with database_away(other, monkeypatch) as asked:
        following.start()
        assert not await other.directory.catch_up()
        looks = len(asked)
        following._patience_s = 3600
        monkeypatch.setattr(Outage, "lasts_s", float("inf"))
        async with asyncio.timeout(20):
            assert not await other.directory.catch_up()
        assert len(asked) > looks
    await following.stop()


async def test_where_all_changes_are_made_here_there_is_nothing_to_wait_for(directory: Directory) -> None:
    assert not directory.follows
    assert await directory.catch_up()
