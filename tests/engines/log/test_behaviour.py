"""What every log does, whatever it is built on."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import pytest

from andon.engines.log.port import Record
from andon.kit.clock import now_us
from andon.kit.errors import InvalidError, TooLargeError, UnavailableError
from engines.log.backends import KAFKA, STREAM, Backend, home

WITHIN_S = 20


async def everything(log: Any, stream: str = STREAM) -> dict[int, list[Record]]:
    """All records by partition."""
    found: dict[int, list[Record]] = {}
    for partition in range(await log.partitions(stream)):
        records = found[partition] = []
        while page := await log.read(stream, records[-1].position if records else 0, partition=partition):
            records += page
    return found


async def payloads(log: Any, stream: str = STREAM) -> list[bytes]:
    return [record.payload for records in (await everything(log, stream)).values() for record in records]


async def test_what_is_appended_can_be_read(any_log: Any) -> None:
    position = await any_log.append(STREAM, [b"a", b"b", b"c"], ["k", "k", "k"])
    assert position == 3
    (records,) = [found for found in (await everything(any_log)).values() if found]
    assert [record[:2] for record in records] == [(1, b"a"), (2, b"b"), (3, b"c")]


async def test_positions_count_within_a_partition(any_log: Any, backend: Backend) -> None:
    assert await any_log.partitions(STREAM) == backend.partitions
    for i in range(40):
        await any_log.append(STREAM, [b"%d" % i], [f"device-{i:03}"])
    found = await everything(any_log)
    assert sorted(int(r.payload) for records in found.values() for r in records) == list(range(40))
    for partition, records in found.items():
        assert [r.position for r in records] == list(range(1, len(records) + 1))
        assert await any_log.end(STREAM, partition) == len(records)
        assert [int(r.payload) for r in records] == sorted(int(r.payload) for r in records)


async def test_a_key_stays_in_its_partition_and_in_order(any_log: Any) -> None:
    keys = [f"device-{i % 7}" for i in range(200)]
    await any_log.append(STREAM, [f"{key} {i}".encode() for i, key in enumerate(keys)], keys)
    of_key: dict[str, list[tuple[int, int]]] = {}
    for partition, records in (await everything(any_log)).items():
        for record in records:
            key, number = record.payload.decode().split()
            of_key.setdefault(key, []).append((partition, int(number)))
    assert sum(map(len, of_key.values())) == 200
    for places in of_key.values():
        assert len({partition for partition, _ in places}) == 1
        assert [number for _, number in places] == sorted(number for _, number in places)


@pytest.mark.parametrize("backend", ["mock", KAFKA], indirect=True)
async def test_a_topic_that_is_there_is_not_made_again(backend: Backend, caplog: pytest.LogCaptureFixture) -> None:
    async with backend.open() as log:
        await log.append(STREAM, [b"x"])
    caplog.clear()
    with caplog.at_level(logging.INFO):
        async with backend.open() as log:
            assert log.partition_count(STREAM) == backend.partitions
    assert "made a topic" not in caplog.messages


async def test_without_keys_all_arrives_somewhere(any_log: Any) -> None:
    await asyncio.gather(*(any_log.append(STREAM, [b"%d" % i]) for i in range(50)))
    assert sorted(map(int, await payloads(any_log))) == list(range(50))


async def test_streams_are_apart(any_log: Any) -> None:
    await any_log.append(STREAM, [b"x"])
    await any_log.append("dead-letters", [b"y", b"z"], ["k", "k"])
    assert await payloads(any_log) == [b"x"]
    assert await payloads(any_log, "dead-letters") == [b"y", b"z"]


async def test_an_empty_append_is_nothing(any_log: Any) -> None:
    await any_log.append(STREAM, [])
    assert await payloads(any_log) == []


async def test_an_empty_payload_is_a_record(any_log: Any) -> None:
    await any_log.append(STREAM, [b"", b"a"], ["k", "k"])
    assert await payloads(any_log) == [b"", b"a"]


async def test_reading_is_bounded_in_records_and_bytes(any_log: Any) -> None:
    await any_log.append("dead-letters", [b"x" * 100] * 10, ["k"] * 10)
    partition = await home(any_log, "k", "dead-letters")

    async def read(after: int, **limits: int) -> list[int]:
        return [r.position for r in await any_log.read("dead-letters", after, partition=partition, **limits)]

    assert await read(2, max_records=3) == [3, 4, 5]
    assert await read(2, max_bytes=250) == [3, 4]
    assert await read(2, max_bytes=1) == [3]
    assert await read(9) == [10]
    assert await read(10) == []
    assert await read(0, max_records=1) == [1]


async def test_readers_at_different_places_do_not_disturb_each_other(any_log: Any) -> None:
    await any_log.append(STREAM, [b"%d" % i for i in range(300)], ["k"] * 300)
    partition = await home(any_log, "k")

    async def follow(start: int, step: int) -> list[int]:
        seen: list[int] = []
        while records := await any_log.read(STREAM, start, max_records=step, partition=partition):
            seen += [int(record.payload) for record in records]
            start = records[-1].position
        return seen

    starts = [(0, 7), (0, 50), (10, 13), (150, 1), (299, 5)]
    found = await asyncio.gather(*(follow(start, step) for start, step in starts))
    assert found == [list(range(start, 300)) for start, _ in starts]


async def test_jumping_about_gives_the_right_records(any_log: Any) -> None:
    await any_log.append(STREAM, [b"%d" % i for i in range(100)], ["k"] * 100)
    partition = await home(any_log, "k")
    chance = random.Random(3)
    for _ in range(25):
        after = chance.randrange(100)
        records = await any_log.read(STREAM, after, max_records=4, partition=partition)
        assert [int(r.payload) for r in records] == list(range(after, min(after + 4, 100)))


async def test_a_reader_waits_for_what_comes(any_log: Any, backend: Backend) -> None:
    readings = [
        asyncio.create_task(any_log.read(STREAM, 0, wait_s=WITHIN_S, partition=each))
        for each in range(backend.partitions)
    ]
    await any_log.append(STREAM, [b"a"])
    done, waiting = await asyncio.wait(readings, return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN_S)
    assert [record.payload for task in done for record in task.result()] == [b"a"]
    for task in waiting:
        task.cancel()


async def test_waiting_ends_after_its_time(any_log: Any) -> None:
    assert await any_log.read(STREAM, 0, wait_s=0.01) == []


async def test_a_reading_that_was_given_up_loses_nothing(any_log: Any) -> None:
    partition = await home(any_log, "k")
    for i in range(5):
        reading = asyncio.create_task(any_log.read(STREAM, i, wait_s=WITHIN_S, partition=partition))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await any_log.append(STREAM, [b"%d" % i], ["k"])
        records = await any_log.read(STREAM, i, wait_s=WITHIN_S, partition=partition)
        assert [record.payload for record in records] == [b"%d" % i]


async def test_what_was_read_cannot_be_lost_by_reading_again(any_log: Any) -> None:
    await any_log.append(STREAM, [b"%d" % i for i in range(10)], ["k"] * 10)
    partition = await home(any_log, "k")
    for _ in range(3):
        records = await any_log.read(STREAM, 4, partition=partition)
        assert [int(record.payload) for record in records] == [4, 5, 6, 7, 8, 9]


async def test_positions_of_groups_outlive_the_process(backend: Backend) -> None:
    async with backend.open() as log:
        at = await home(log, "k")
        await log.append(STREAM, [b"a"] * 5, ["k"] * 5)
        assert await log.committed("historian", STREAM, at) == 0
        await log.commit("historian", STREAM, 3, at)
        await log.commit("alarms", STREAM, 1, at)
        assert await log.committed("historian", STREAM, at) == 3
    async with backend.open() as log:
        assert await log.committed("historian", STREAM, at) == 3
        assert await log.committed("alarms", STREAM, at) == 1
        await log.commit("historian", STREAM, 2, at)
        assert await log.committed("historian", STREAM, at) == 2, "a position may be set back"


async def test_records_outlive_the_process(backend: Backend) -> None:
    async with backend.open() as log:
        await log.append(STREAM, [b"a", b"b"], ["k", "k"])
    async with backend.open() as log:
        assert await log.append(STREAM, [b"c"], ["k"]) == 3
        assert await payloads(log) == [b"a", b"b", b"c"]


async def test_the_status_tells_sizes_and_lags(any_log: Any, backend: Backend) -> None:
    partition = await home(any_log, "k")
    await any_log.append(STREAM, [b"a"] * 5, ["k"] * 5)
    await any_log.commit("historian", STREAM, 2, partition)
    status = await any_log.status()
    (stream,) = [each for each in status.streams if each.stream == STREAM and each.end]
    assert (stream.partition, stream.first, stream.end) == (partition, 1, 5)
    if backend.kind != "mock":  # it cannot list groups
        assert [(each.group, each.position, each.lag) for each in stream.groups] == [("historian", 2, 3)]


@pytest.mark.parametrize("backend", ["embedded", KAFKA], indirect=True)  # the mock knows no times
async def test_a_time_leads_to_a_position(any_log: Any) -> None:
    partition = await home(any_log, "k")
    began = now_us()
    assert await any_log.before(STREAM, began, partition) == 0
    times = []
    for i in range(5):
        await any_log.append(STREAM, [b"%d" % i], ["k"])
        await asyncio.sleep(0.005)
        times.append(now_us())
        await asyncio.sleep(0.005)
    assert await any_log.before(STREAM, began - 1_000_000, partition) == 0
    assert [await any_log.before(STREAM, at, partition) for at in times] == [1, 2, 3, 4, 5]
    assert await any_log.before(STREAM, times[-1] + 10**9, partition) == 5


async def test_names_are_checked(any_log: Any) -> None:
    for name in ("", "A", "a b", "x" * 100, "../etc"):
        with pytest.raises(InvalidError):
            await any_log.append(name, [b"a"])
        with pytest.raises(InvalidError):
            await any_log.commit(name, STREAM, 0)


@pytest.mark.parametrize("partition", [-1, 99])
async def test_a_partition_that_is_not_there_is_said(any_log: Any, partition: int) -> None:
    for call in (
        lambda: any_log.read(STREAM, 0, partition=partition),
        lambda: any_log.end(STREAM, partition),
        lambda: any_log.commit("g", STREAM, 0, partition),
    ):
        with pytest.raises(InvalidError, match="no partition"):
            await call()


async def test_a_record_over_the_limit_is_refused_and_the_next_is_taken(any_log: Any, backend: Backend) -> None:
    with pytest.raises(TooLargeError):
        await any_log.append(STREAM, [b"a", b"x" * (backend.max_record_bytes + 1)])
    large = b"y" * (backend.max_record_bytes - 100)
    await any_log.append(STREAM, [large])
    assert await payloads(any_log) == [large]


async def test_a_closed_log_says_so(backend: Backend) -> None:
    async with backend.open() as log:
        reading = asyncio.create_task(log.read(STREAM, 0, wait_s=60))
        await asyncio.sleep(0.05)
    for call in (lambda: log.append(STREAM, [b"a"]), lambda: log.read(STREAM, 0), lambda: log.end(STREAM), log.status):
        with pytest.raises(UnavailableError, match="closed"):
            await call()
    with pytest.raises(UnavailableError, match="closed"):
        await asyncio.wait_for(reading, WITHIN_S)


async def test_many_appends_at_once_keep_their_own_order(any_log: Any) -> None:
    async def produce(name: int) -> None:
        for i in range(30):
            await any_log.append(STREAM, [b"%d %d" % (name, i)], [f"device-{name}"])

    await asyncio.gather(*(produce(name) for name in range(10)))
    seen: dict[int, list[int]] = {}
    for payload in await payloads(any_log):
        name, i = map(int, payload.split())
        seen.setdefault(name, []).append(i)
    assert seen == {name: list(range(30)) for name in range(10)}


async def test_appends_wait_while_too_much_is_on_its_way(any_log: Any) -> None:
    """However many append at once: what waits in memory is bounded."""
    megabyte = b"x" * (1 << 20)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, any_log.queued_bytes)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(any_log.append(STREAM, [megabyte], [f"{i}"]) for i in range(60)))
    watching.cancel()
    assert 0 < most <= (16 << 20) + len(megabyte)
    assert any_log.queued_bytes == 0
