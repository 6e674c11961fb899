"""The historian follows the log into its store, exactly once in effect, and knows devices by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from andon.engines.log.consumer import Consumer
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import SENSORS_DATA
from andon.historian.service import GROUP, Historian, HistorianLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.errors import NotFoundError
from andon.kit.samples import encode
from historian.support import ORGANISATION, T0, batch, device, directory, tag

PLANT = directory(device("press-1", [tag(1, "press-1", "force"), tag(2, "press-1", "speed")]), device("bare", []))
LIMITS = HistorianLimits(flush_interval_s=0.01, page_rows=3)


@asynccontextmanager
async def following(folder: Path) -> AsyncIterator[tuple[EmbeddedLog, Historian, Consumer]]:
    """A log and a historian that follows it, opened on a folder as a start of Andon does."""
    log = EmbeddedLog.open(folder / "log.db", LogLimits(min_free_bytes=0))
    historian = Historian(LocalStore.open(folder / "history"), PLANT, LIMITS)
    consumer = await historian.follow(log)
    task = asyncio.create_task(consumer.run())
    yield log, historian, consumer
    await consumer.stop()
    await task
    await historian.close()
    await log.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it does not happen")


async def test_what_the_log_has_is_soon_in_history(tmp_path: Path) -> None:
    async with following(tmp_path) as (log, historian, consumer):
        await log.append(SENSORS_DATA, [encode(batch((1, T0, 1.0), (2, T0, 2.0)))])
        await until(lambda: consumer.positions == {0: 1})
        assert (await historian.read(1, T0, T0 + 1)).values.tolist() == [1.0]
        assert await log.committed(GROUP, SENSORS_DATA) == 0, "the log keeps what is not in files yet"
        await historian.seal()
        await log.append(SENSORS_DATA, [encode(batch((1, T0 + 1, 1.0)))])
        await until(lambda: consumer.positions == {0: 2})
        assert await log.committed(GROUP, SENSORS_DATA) == 1


async def test_after_a_restart_it_goes_on_where_its_store_stands(tmp_path: Path) -> None:
    async with following(tmp_path) as (log, _, consumer):
        await log.append(SENSORS_DATA, [encode(batch((1, T0, 1.0)))])
        await until(lambda: consumer.positions == {0: 1})
        await log.commit(GROUP, SENSORS_DATA, 0)  # as after a crash before the log had saved the position
    async with following(tmp_path) as (log, historian, consumer):
        await log.append(SENSORS_DATA, [encode(batch((1, T0 + 1, 2.0)))])
        await until(lambda: consumer.positions == {0: 2})
        assert consumer.handled.records == 1
        assert (await historian.read(1, 0, 10**17)).values.tolist() == [1.0, 2.0]


async def test_a_damaged_record_does_not_stop_history(tmp_path: Path) -> None:
    async with following(tmp_path) as (log, historian, consumer):
        await log.append(SENSORS_DATA, [encode(batch((1, T0, 1.0))), b"damaged", encode(batch((1, T0 + 1, 2.0)))])
        await until(lambda: consumer.positions == {0: 3})
        assert (await historian.read(1, 0, 10**17)).values.tolist() == [1.0, 2.0]


async def test_pages_go_through_a_range_of_any_length(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "history")
    historian = Historian(store, PLANT, LIMITS)
    await store.write(batch(*((1, i, float(i)) for i in range(10))), 1)
    pages = [page.values.tolist() async for page in historian.pages(1, 1, 9)]
    assert pages == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert [page async for page in historian.pages(2, 0, 100)] == []
    await historian.close()


async def test_devices_and_tags_are_found_within_the_organisation(tmp_path: Path) -> None:
    historian = Historian(LocalStore.open(tmp_path / "history"), PLANT)
    press = historian.device(ORGANISATION, "press-1")
    assert [t.name for t in historian.tags(press, None)] == ["force", "speed"]
    assert [t.id for t in historian.tags(press, "speed")] == [2]
    with pytest.raises(NotFoundError, match="no device 'press-1'"):
        historian.device("org-2", "press-1")
    with pytest.raises(NotFoundError, match="no tag 'colour'") as caught:
        historian.tags(press, "colour")
    assert caught.value.cure == "it has force, speed"
    await historian.close()
