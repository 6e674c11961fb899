"""The alarms as seen from another process: the same as the service itself says, at once and after any accident."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from alarms.plant import NOW, batch, row, seconds
from alarms.running import Plant
from andon.alarms.events import AlarmEvent
from andon.alarms.follower import AlarmFollower
from andon.alarms.reader import AlarmReader
from andon.alarms.repository import AlarmFilter
from andon.engines.livestate.memory import MemoryLiveState
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import ALERTS
from andon.kit.errors import UnavailableError
from andon.kit.quality import Quality

WITHIN_S = 20


class Apart:
    """A plant, and beside it a second process that follows its alarms on a real log."""

    def __init__(self, plant: Plant, log: EmbeddedLog) -> None:
        self.plant = plant
        self.log = log
        self.events: list[AlarmEvent] = []
        self.livestate = MemoryLiveState()
        self.follower = AlarmFollower(plant.database, log, self.livestate, reload_s=3600, retry_s=0.01)
        self.follower.subscribe(self.events.append)
        self._passed_on = 0

    async def settled(self) -> None:
        """What the service published has arrived at the follower."""
        published = self.plant.log.streams.get(ALERTS, [])[self._passed_on :]
        self._passed_on += len(published)
        if published:
            await self.log.append(ALERTS, published)
        assert await self.follower.caught_up(WITHIN_S)

    def same(self) -> None:
        """Both say the same."""
        readers: list[AlarmReader] = [self.plant.service, self.follower]
        said = [
            (
                [(a.id, a.state, a.severity, a.comments) for a in reader.open_alarms(self.plant.org)],
                reader.severity_counts(self.plant.org),
                reader.device_levels(self.plant.org),
            )
            for reader in readers
        ]
        assert said[0] == said[1]


@pytest.fixture
async def apart(plant: Plant, tmp_path: Path) -> AsyncIterator[Apart]:
    log = EmbeddedLog.open(tmp_path / "log.db")
    made = Apart(await plant.start(), log)
    yield made
    await made.follower.stop()
    await log.close()


async def test_open_alarms_are_there_from_the_start(apart: Apart) -> None:
    tag = apart.plant.add_device()
    await apart.plant.send(row(tag, 0, 60))
    await apart.follower.start()
    assert [a.device_id for a in apart.follower.open_alarms(apart.plant.org)] == ["device-002"]
    apart.same()
    assert apart.events == [], "what happened before is no news"


async def test_every_change_arrives_with_its_event(apart: Apart) -> None:
    tag = apart.plant.add_device()
    await apart.follower.start()
    await apart.plant.send(row(tag, 0, 60))
    await apart.settled()
    apart.same()
    (alarm,) = apart.follower.open_alarms(apart.plant.org)
    await apart.plant.service.act("acknowledge", [f"alert-{alarm.id:03d}"], apart.plant.operator, "seen")
    await apart.settled()
    apart.same()
    assert apart.follower.open_alarms(apart.plant.org)[0].comments[0].text == "seen"
    await apart.plant.send(row(tag, 1, 20))
    await apart.settled()
    apart.same()
    assert apart.follower.open_alarms(apart.plant.org) == []
    assert [event.lifecycle for event in apart.events] == ["triggered", "acknowledged", "resolved"]
    mine, theirs = apart.events[0], apart.plant.events[0]
    assert (mine.alert, mine.change, mine.level, mine.organisation_id) == (
        theirs.alert,
        theirs.change,
        theirs.level,
        theirs.organisation_id,
    )


async def test_an_event_that_comes_again_late_brings_no_old_state_back(apart: Apart) -> None:
    tag = apart.plant.add_device()
    await apart.follower.start()
    await apart.plant.send(row(tag, 0, 60))
    (first,) = apart.plant.service.open_alarms(apart.plant.org)
    await apart.plant.service.act("acknowledge", [f"alert-{first.id:03d}"], apart.plant.operator, None)
    await apart.plant.send(row(tag, 1, 20), row(tag, 2, 60))
    await apart.settled()
    apart.same()
    await apart.log.append(ALERTS, [apart.plant.log.streams[ALERTS][0]])
    await apart.settled()
    apart.same()
    assert len(apart.follower.open_alarms(apart.plant.org)) == 1


async def test_a_record_that_is_no_event_is_passed_over(apart: Apart) -> None:
    tag = apart.plant.add_device()
    await apart.follower.start()
    await apart.log.append(ALERTS, [b"no json", b"{}", b'{"alert": 1}', b"[]"])
    await apart.plant.send(row(tag, 0, 60))
    await apart.settled()
    apart.same()
    assert len(apart.events) == 1


async def test_an_event_that_was_lost_is_made_up_for(apart: Apart) -> None:
    tag = apart.plant.add_device()
    apart.follower._reload_s = 0.01
    await apart.follower.start()
    await apart.plant.send(row(tag, 0, 60))  # committed, but the process dies before it can say so
    async with asyncio.timeout(WITHIN_S):
        while not apart.follower.open_alarms(apart.plant.org):  # noqa: ASYNC110 (nothing tells when it is there)
            await asyncio.sleep(0.01)
    apart.same()


async def test_while_the_database_is_away_listeners_are_told_and_the_book_follows_later(
    apart: Apart, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tag = apart.plant.add_device()
    await apart.follower.start()
    await apart.plant.send(row(tag, 0, 60))
    reading = apart.plant.database.reading
    asked = threading.Semaphore(0)

    def away() -> None:
        asked.release()
        raise UnavailableError("away")

    monkeypatch.setattr(apart.plant.database, "reading", away)
    await apart.settled()
    for _ in range(5):
        await asyncio.to_thread(asked.acquire)
    assert len(caplog.records) == 1, "the log hears of it once"
    assert [event.lifecycle for event in apart.events] == ["triggered"]
    assert apart.follower.open_alarms(apart.plant.org) == []
    monkeypatch.setattr(apart.plant.database, "reading", reading)
    await apart.follower._reload()
    apart.same()


async def test_an_open_alarm_shows_the_present_value(apart: Apart) -> None:
    tag = apart.plant.add_device()
    await apart.plant.send(row(tag, 0, 60))
    await apart.follower.start()
    apart.livestate.apply(batch(row(tag, 5, 62), row(tag, 6, 70, Quality.BAD)))
    (alarm,) = apart.follower.open_alarms(apart.plant.org)
    assert alarm.last_value == 60, "the newest is bad, and no value to show"
    apart.livestate.apply(batch(row(tag, 7, 63)))
    (alarm,) = apart.follower.open_alarms(apart.plant.org)
    assert (alarm.last_value, alarm.last_value_at) == (63, NOW + seconds(7))


async def test_the_journal_is_the_databases(apart: Apart) -> None:
    tag = apart.plant.add_device()
    await apart.follower.start()
    await apart.plant.send(row(tag, 0, 60))
    found, counts = await apart.follower.search(apart.plant.org, AlarmFilter(), 10, 0)
    assert ([a.device_id for a in found], counts) == (["device-002"], {"high": 1})
    assert found[0].id is not None
    assert (await apart.follower.find(apart.plant.org, found[0].id)) is not None
    assert await apart.follower.find(apart.plant.org, 4711) is None
