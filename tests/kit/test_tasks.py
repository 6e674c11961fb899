"""A task that is ended ends, whatever it makes of being cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from andon.kit.tasks import end_tasks

WITHIN_S = 20


async def hard_of_hearing(times: int, heard: list[int]) -> None:
    """As `asyncio.wait_for` before Python 3.12 may be: a cancellation is lost."""
    while len(heard) < times:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            heard.append(len(heard))


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_a_task_that_loses_a_cancellation_ends_all_the_same(times: int) -> None:
    heard: list[int] = []
    task = asyncio.create_task(hard_of_hearing(times, heard))
    await asyncio.sleep(0)
    async with asyncio.timeout(WITHIN_S):
        await end_tasks(task)
    assert task.done() and len(heard) == times


async def test_tasks_that_are_over_or_have_not_begun_are_ended_too() -> None:
    over, new = asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(asyncio.sleep(3600))
    await over
    await end_tasks(over, new)
    assert not over.cancelled() and new.cancelled()
    await end_tasks()


async def fail() -> None:
    raise RuntimeError("the belt tore")


async def test_an_error_that_nobody_asked_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    failed = asyncio.create_task(fail(), name="belt")
    await asyncio.wait({failed})
    await end_tasks(failed)
    assert "the belt tore" in caplog.text and caplog.records[-1].__dict__["task"] == "belt"


@pytest.fixture
async def ending() -> AsyncIterator[asyncio.Task[None]]:
    """One who waits for a task that does not go."""
    stubborn = asyncio.create_task(hard_of_hearing(5, []))
    await asyncio.sleep(0)
    yield asyncio.create_task(end_tasks(stubborn))
    await end_tasks(stubborn)


async def test_who_waits_for_the_end_can_be_cancelled(ending: asyncio.Task[None]) -> None:
    await asyncio.sleep(0.01)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
