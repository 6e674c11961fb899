"""Processes of one plant know of each other: who runs what, where, and who is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import update

from andon.app.fleet import FORGET_US, Fleet, Process, RoleBeat, RoleHeartbeatRow
from andon.engines.database import Database
from andon.kit.clock import now_us
from andon.kit.errors import UnavailableError


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(None, tmp_path)
    opened.migrate()
    yield opened
    opened.close()


def fleet(database: Database, name: str, *roles: RoleBeat, expires_s: float = 3600) -> Fleet:
    """One process; it speaks only when a test has it do so."""

    def mine() -> Sequence[RoleBeat]:
        return roles

    return Fleet(database, Process(name, "host", 1, now_us()), mine, interval_s=3600, expires_s=expires_s)


def beat(role: str, state: str = "running", url: str | None = None, **figures: int) -> RoleBeat:
    return RoleBeat("", role, state, url, figures=figures)


async def test_each_learns_what_the_others_run(database: Database) -> None:
    first = fleet(database, "a", beat("ingest", url="http://a:3002", discovered=3), beat("historian"))
    second = fleet(database, "b", beat("api"))
    await first.start()
    await second.start()
    assert {(each.process, each.role) for each in second.beats()} == {
        ("a", "ingest"),
        ("a", "historian"),
        ("b", "api"),
    }
    (ingest,) = second.beats("ingest")
    assert (ingest.url, ingest.figures, ingest.host) == ("http://a:3002", {"discovered": 3}, "host")
    await first.stop()
    await second.stop()


async def test_only_those_that_run_are_asked_to_work(database: Database) -> None:
    both = (
        fleet(database, "a", beat("alerts", url="http://a:3004")),
        fleet(database, "b", beat("alerts", "standby", "http://b:3004")),
    )
    for each in both:
        await each.start()
    assert both[1].urls("alerts") == ["http://a:3004"]
    assert both[1].urls("ingest") == []
    for each in both:
        await each.stop()


async def test_who_leaves_is_gone_at_once(database: Database) -> None:
    first, second = fleet(database, "a", beat("ingest")), fleet(database, "b", beat("api"))
    await first.start()
    await second.start()
    await first.stop()
    await second.tell()
    assert second.beats("ingest") == []
    await second.stop()


async def test_who_is_silent_is_gone_after_a_while(database: Database) -> None:
    first, second = fleet(database, "a", beat("ingest")), fleet(database, "b", beat("api"))
    await first.start()
    await second.start()
    assert second.beats("ingest")
    second._expires_s = 0.01
    await asyncio.sleep(0.02)
    await second.tell()
    assert second.beats("ingest") == []
    second._expires_s = 3600
    await first.tell()
    await second.tell()
    assert second.beats("ingest"), "it is heard again"
    await first.stop()
    await second.stop()


async def test_what_a_crash_left_behind_is_not_taken_for_alive(database: Database) -> None:
    crashed, later = fleet(database, "a", beat("ingest")), fleet(database, "b", beat("api"), expires_s=5)
    await crashed.start()
    with database.session() as session:
        session.execute(update(RoleHeartbeatRow).values(seen_at=now_us() - 60_000_000))
    await later.start()
    assert later.beats("ingest") == []
    await later.stop()


async def test_a_clock_that_is_off_makes_nobody_dead(database: Database) -> None:
    other, watcher = fleet(database, "a", beat("ingest")), fleet(database, "b", beat("api"), expires_s=5)
    await watcher.start()
    for minute in (10, 9):  # ten minutes slow, and going on
        await other.tell()
        with database.session() as session:
            slow = now_us() - minute * 60_000_000
            session.execute(update(RoleHeartbeatRow).where(RoleHeartbeatRow.process == "a").values(seen_at=slow))
        await watcher.tell()
    assert watcher.beats("ingest")
    await watcher.stop()


async def test_old_traces_are_swept_away(database: Database) -> None:
    crashed, later = fleet(database, "a", beat("ingest")), fleet(database, "b", beat("api"))
    await crashed.start()
    with database.session() as session:
        session.execute(update(RoleHeartbeatRow).values(seen_at=now_us() - FORGET_US - 1))
    await later.start()
    with database.reading() as session:
        assert session.get(RoleHeartbeatRow, ("a", "ingest")) is None
    await later.stop()


async def test_without_the_database_what_was_known_goes_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = fleet(database, "a", beat("ingest")), fleet(database, "b", beat("api"))
    await first.start()
    await second.start()

    def away(_mine: object) -> list[RoleHeartbeatRow]:
        raise UnavailableError("away")

    monkeypatch.setattr(second, "_exchange", away)
    second._expires_s = 0
    await second.tell()
    assert second.beats("ingest")
    monkeypatch.undo()
    await second.stop()
