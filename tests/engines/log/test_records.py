"""Following a stream of plain records: in order, from the end or where the group left off, through outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.port import ALERTS, Record
from andon.engines.log.records import RecordFollower
from andon.kit.errors import UnavailableError

WITHIN_S = 20


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    opened = EmbeddedLog.open(tmp_path / "log.db")
    yield opened
    await opened.close()


class Taker:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.failures: list[Exception] = []

    async def __call__(self, records: Sequence[Record]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken += [record.payload for record in records]


async def followed(log: EmbeddedLog, taker: Taker, **options: Any) -> RecordFollower:
    follower = RecordFollower(log, ALERTS, taker, **options)
    await follower.start()
    return follower


async def test_what_comes_after_the_start_is_handed_over_in_order(log: EmbeddedLog) -> None:
    await log.append(ALERTS, [b"before"])
    taker = Taker()
    follower = await followed(log, taker)
    for number in range(5):
        await log.append(ALERTS, [b"%d" % number])
    assert await follower.caught_up(WITHIN_S)
    assert taker.taken == [b"0", b"1", b"2", b"3", b"4"]
    await follower.stop()


async def test_a_group_goes_on_where_it_left_off(log: EmbeddedLog) -> None:
    await log.append(ALERTS, [b"before it was ever here"])
    first, second = Taker(), Taker()
    follower = await followed(log, first, start_at="committed", group="mqtt-out")
    await log.append(ALERTS, [b"a"])
    assert await follower.caught_up(WITHIN_S)
    await follower.stop()
    await log.append(ALERTS, [b"while it was away"])
    follower = await followed(log, second, start_at="committed", group="mqtt-out")
    assert await follower.caught_up(WITHIN_S)
    assert (first.taken, second.taken) == ([b"a"], [b"while it was away"])
    await follower.stop()


async def test_what_could_not_be_handled_for_an_outage_is_handed_over_again(log: EmbeddedLog) -> None:
    taker = Taker()
    taker.failures = [UnavailableError("away"), UnavailableError("still away")]
    follower = await followed(log, taker)
    await log.append(ALERTS, [b"a"])
    assert await follower.caught_up(WITHIN_S)
    assert taker.taken == [b"a"]
    await follower.stop()


async def test_a_record_that_nobody_can_handle_holds_nothing_up(log: EmbeddedLog) -> None:
    taker = Taker()
    taker.failures = [KeyError("a fault")]
    follower = await followed(log, taker)
    await log.append(ALERTS, [b"poisoned"])
    assert await follower.caught_up(WITHIN_S)
    await log.append(ALERTS, [b"fine"])
    assert await follower.caught_up(WITHIN_S)
    assert taker.taken == [b"fine"]
    await follower.stop()


async def test_waiting_for_it_has_an_end(log: EmbeddedLog) -> None:
    class Stuck(Taker):
        async def __call__(self, records: Sequence[Record]) -> None:
            await asyncio.Event().wait()

    follower = await followed(log, Stuck())
    await log.append(ALERTS, [b"a"])
    assert not await follower.caught_up(0.05)
    await follower.stop()
