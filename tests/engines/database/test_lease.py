"""A lease: one holder at a time, taken over when the holder dies, and never used by one who lost it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.engines.database import Database
from andon.engines.database.lease import Lease, LeaseLostError, LeaseRow
from andon.kit.errors import UnavailableError

WITHIN_S = 20


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(None, tmp_path)
    opened.migrate()
    yield opened
    opened.close()


def lease(database: Database, owner: str, *, expires_s: float = 3600, name: str = "alerts") -> Lease:
    return Lease(database, name, owner, beat_s=0.01, expires_s=expires_s)


def guarded(database: Database, lease: Lease) -> None:
    with database.session() as session:
        lease.guard(session)


async def die(lease: Lease) -> None:
    """As after kill -9: no beat any more, and nothing given up."""
    await lease._end_beating()


async def test_the_first_to_ask_holds_it_and_the_second_waits(database: Database) -> None:
    first, second = lease(database, "a"), lease(database, "b")
    await first.acquire()
    assert first.held
    guarded(database, first)
    waiting = asyncio.create_task(second.acquire())
    await asyncio.wait({waiting}, timeout=0.1)
    assert not waiting.done() and not second.held
    await first.release()
    await asyncio.wait_for(waiting, WITHIN_S)
    assert second.held and not first.held
    await second.release()


async def test_other_names_are_other_leases(database: Database) -> None:
    held = [lease(database, "a"), lease(database, "b", name="processing")]
    for each in held:
        await asyncio.wait_for(each.acquire(), WITHIN_S)
    for each in held:
        await each.release()


async def test_a_holder_that_is_alive_is_never_taken_for_dead(database: Database) -> None:
    first, second = lease(database, "a"), lease(database, "b", expires_s=1.0)
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.wait({waiting}, timeout=2.5)
    assert not waiting.done() and first.held
    waiting.cancel()
    await first.release()


async def test_one_that_died_is_replaced(database: Database) -> None:
    first, second = lease(database, "a"), lease(database, "b", expires_s=0.1)
    await first.acquire()
    await die(first)
    await asyncio.wait_for(second.acquire(), WITHIN_S)
    with pytest.raises(LeaseLostError, match="done by b"):
        guarded(database, first)
    guarded(database, second)
    await second.release()


async def test_a_process_that_comes_back_takes_up_what_it_held(database: Database) -> None:
    before, again = lease(database, "a"), lease(database, "a")
    await before.acquire()
    await die(before)
    await asyncio.wait_for(again.acquire(), WITHIN_S)
    await again.release()


async def test_who_was_only_asleep_learns_that_it_lost(database: Database) -> None:
    sleeper = lease(database, "a")
    await sleeper.acquire()
    with database.session() as session:
        row = session.get(LeaseRow, "alerts")
        assert row is not None
        row.owner = "b"
    await asyncio.wait_for(sleeper.lost(), WITHIN_S)
    assert not sleeper.held
    await sleeper.release()
    with database.session() as session:
        row = session.get(LeaseRow, "alerts")
        assert row is not None and row.owner == "b", "what is not ours is not given up"


async def test_without_the_database_it_is_lost_after_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = lease(database, "a", expires_s=0.1)
    await alone.acquire()

    def away() -> None:
        raise UnavailableError("away")

    monkeypatch.setattr(alone, "_renew", away)
    await asyncio.wait_for(alone.lost(), WITHIN_S)
    monkeypatch.undo()
    await asyncio.wait_for(alone.acquire(), WITHIN_S)
    assert alone.held
    await alone.release()


async def test_one_that_outlasts_the_database_goes_on_without_it_and_is_lost_to_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Lease(database, "ingest", "a", outlasts=True, beat_s=0.01, expires_s=0.1)
    await patient.acquire()
    asked = threading.Semaphore(0)

    def away() -> None:
        asked.release()
        raise UnavailableError("away")

    monkeypatch.setattr(patient, "_renew", away)
    for _ in range(20):
        await asyncio.to_thread(asked.acquire)
    assert patient.held
    other = lease(database, "b", expires_s=0.1, name="ingest")
    await asyncio.wait_for(other.acquire(), WITHIN_S)
    monkeypatch.undo()
    await asyncio.wait_for(patient.lost(), WITHIN_S)
    await other.release()


async def test_a_database_that_does_not_answer_is_not_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others see no beat and take over: whoever held it must stop by then, however long the answer takes."""
    frozen = lease(database, "a", expires_s=0.1)
    await frozen.acquire()
    answering = threading.Event()
    monkeypatch.setattr(frozen, "_renew", lambda: answering.wait(WITHIN_S))
    await asyncio.wait_for(frozen.lost(), WITHIN_S / 2)
    assert not frozen.held
    answering.set()


class Noticed(Lease):
    """Tells when the database has renewed it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, "alerts", "a", beat_s=0, expires_s=3600)
        self.renewed = threading.Event()

    def _renew(self) -> None:
        super()._renew()
        self.renewed.set()


@pytest.mark.parametrize("moment", range(12))
async def test_it_can_be_given_up_at_any_moment_of_a_beat(database: Database, moment: int) -> None:
    busy = Noticed(database)
    await busy.acquire()
    for _ in range(20):
        busy.renewed.clear()
        while not busy.renewed.is_set():  # noqa: ASYNC110  (each turn of the loop counts)
            await asyncio.sleep(0)
    for _ in range(moment):
        await asyncio.sleep(0)
    async with asyncio.timeout(WITHIN_S) as limit:
        await busy.release()
    assert not limit.expired() and not busy.held
