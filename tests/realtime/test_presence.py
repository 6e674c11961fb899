"""Which devices are there, told when it changes."""

from __future__ import annotations

import dataclasses

from andon.engines.livestate.memory import MemoryLiveState
from andon.kit.clock import US_PER_S
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch
from andon.realtime.presence import Presence
from andon.registry.directory import Directory
from realtime.harness import AT, DEVICES, LOOM, LOOM_TEMPERATURE, WIDTH, device, row


class Watched:
    """One loom, and the time."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.directory.replace([LOOM])
        self.livestate = MemoryLiveState()
        self.presence = Presence(self.directory, self.livestate)

    def sample(self, tag_id: int, second: int, quality: int = Quality.GOOD) -> None:
        self.livestate.apply(SampleBatch.from_rows([row(tag_id, 1.0, AT + second * US_PER_S, quality)]))

    def at(self, second: int) -> list[tuple[str, str]]:
        changes = self.presence.changes(AT + second * US_PER_S)
        return [(each.device.device_id, each.status) for each in changes]


def test_what_is_met_for_the_first_time_is_no_change() -> None:
    watched = Watched()
    watched.sample(WIDTH, 0)
    assert watched.at(1) == []


def test_a_device_comes_goes_and_comes_back() -> None:
    watched = Watched()
    assert watched.at(0) == []
    watched.sample(WIDTH, 1)
    assert watched.at(2) == [("loom-001", "active")]
    assert watched.at(31) == []
    assert watched.at(32) == [("loom-001", "offline")]
    assert watched.at(33) == []
    watched.sample(WIDTH, 34)
    assert watched.at(34) == [("loom-001", "active")]


def test_any_tag_keeps_the_device_active() -> None:
    watched = Watched()
    watched.sample(WIDTH, 0)
    watched.at(0)
    watched.sample(LOOM_TEMPERATURE, 25)
    assert watched.at(50) == []


def test_a_source_that_says_it_is_away_is_offline_at_once() -> None:
    watched = Watched()
    watched.sample(WIDTH, 0)
    watched.at(0)
    watched.sample(WIDTH, 1, Quality.STALE)
    assert watched.at(1) == [("loom-001", "offline")]


def test_a_device_that_is_disabled_is_told() -> None:
    watched = Watched()
    watched.at(0)
    watched.directory.put(dataclasses.replace(LOOM, status="disabled"))
    assert watched.at(1) == [("loom-001", "disabled")]


def test_devices_may_come_and_go_and_have_no_tags() -> None:
    watched = Watched()
    watched.at(0)
    watched.directory.replace([*DEVICES, device("bare")])
    assert watched.at(1) == []
    watched.directory.replace([])
    assert watched.at(2) == []
