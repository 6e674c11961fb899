"""The embedded log keeps what it acknowledged, in order, and stays within its limits."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from andon.engines.log import file
from andon.engines.log.embedded import EmbeddedLog
from andon.engines.log.limits import LogLimits
from andon.engines.log.port import Record
from andon.kit.errors import InvalidError, StartError, TooLargeError, UnavailableError

LIMITS = LogLimits(min_free_bytes=0, commit_delay_s=0.02, retention_check_s=0.02)
STREAM = "sensors-data"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    yield log
    await log.close()


async def read_all(log: EmbeddedLog, stream: str = STREAM) -> list[Record]:
    records: list[Record] = []
    while page := await log.read(stream, records[-1].position if records else 0):
        records += page
    return records


async def until_first_kept(log: EmbeddedLog, position: int) -> None:
    for _ in range(1000):
        if (await log.status()).streams[0].first == position:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"position {position} does not become the first")


async def test_positions_start_at_one_and_have_no_holes(log: EmbeddedLog) -> None:
    assert await log.append(STREAM, [b"a"]) == 1
    assert await log.append(STREAM, [b"b", b"c"]) == 3
    assert await log.read(STREAM, 0) == [Record(1, b"a"), Record(2, b"b"), Record(3, b"c")]
    assert await log.end(STREAM) == 3


async def test_streams_count_for_themselves(log: EmbeddedLog) -> None:
    await asyncio.gather(log.append("alerts", [b"x"]), log.append("events", [b"y"]), log.append("alerts", [b"z"]))
    assert [r.payload for r in await log.read("alerts", 0)] == [b"x", b"z"]
    assert await log.read("events", 0) == [Record(1, b"y")]


async def test_appends_at_the_same_time_are_all_kept_in_order(log: EmbeddedLog) -> None:
    ends = await asyncio.gather(*(log.append(STREAM, [b"%d" % i, b"%d!" % i]) for i in range(300)))
    assert ends == list(range(2, 602, 2))
    assert [r.payload for r in await read_all(log)] == [p for i in range(300) for p in (b"%d" % i, b"%d!" % i)]


async def test_payloads_of_any_bytes_come_back_from_the_file(tmp_path: Path) -> None:
    payloads = [b"", b"\0", bytes(range(256)), b"\xff\xfe\0\0", b"", b"x" * 100_000]
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    await log.append(STREAM, payloads)
    await log.append(STREAM, [b"\0alone"])
    await log.close()
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    assert [r.payload for r in await read_all(log)] == [*payloads, b"\0alone"]
    assert await log.append(STREAM, [b"next"]) == 8
    await log.close()


@pytest.mark.parametrize("reopened", [False, True], ids=["from memory", "from the file"])
async def test_a_read_keeps_to_its_limits_but_gives_at_least_one(tmp_path: Path, reopened: bool) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    await log.append(STREAM, [b"x" * 100] * 10)
    if reopened:
        await log.close()
        log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    assert [r.position for r in await log.read(STREAM, 2, max_records=3)] == [3, 4, 5]
    assert [r.position for r in await log.read(STREAM, 2, max_bytes=250)] == [3, 4]
    assert [r.position for r in await log.read(STREAM, 2, max_bytes=1)] == [3]
    assert await log.read(STREAM, 10) == []
    await log.close()


async def test_what_has_left_the_memory_is_read_from_the_file(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, tail_bytes=500, tail_records=4))
    for i in range(50):
        await log.append(STREAM, [b"%d" % i * 20])
    assert [r.position for r in await read_all(log)] == list(range(1, 51))
    await log.close()


async def test_a_reader_waits_for_the_next_record(log: EmbeddedLog) -> None:
    reading = asyncio.create_task(log.read(STREAM, 0, wait_s=30))
    await asyncio.sleep(0.01)
    assert not reading.done()
    await log.append(STREAM, [b"now"])
    assert await reading == [Record(1, b"now")]
    assert await log.read(STREAM, 1, wait_s=0.01) == []


async def test_committed_positions_survive_a_restart(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    await log.append(STREAM, [b"x"] * 5)
    assert await log.committed("historian", STREAM) == 0
    await log.commit("historian", STREAM, 3)
    assert await log.committed("historian", STREAM) == 3
    await log.close()
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    assert await log.committed("historian", STREAM) == 3
    (stream,) = (await log.status()).streams
    assert (stream.first, stream.end, stream.bytes) == (1, 5, 5)
    assert [(g.group, g.position, g.lag) for g in stream.groups] == [("historian", 3, 2)]
    await log.close()


async def test_a_position_that_does_not_exist_is_refused(log: EmbeddedLog) -> None:
    with pytest.raises(InvalidError, match="outside 0 to 0"):
        await log.commit("historian", STREAM, 1)


@pytest.mark.parametrize("name", ["", "Sensors", "a/b", "x" * 64])
async def test_a_name_that_is_none_is_refused(log: EmbeddedLog, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await log.append(name, [b"x"])
    assert caught.value.field == "stream"


async def test_old_records_go_once_every_group_has_them(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, retain_bytes=300))
    await log.append(STREAM, [b"x" * 100] * 10)
    await log.commit("fast", STREAM, 10)
    await log.commit("slow", STREAM, 4)
    await until_first_kept(log, 5)
    assert [r.position for r in (await log.status()).streams[0].groups] == [10, 4]
    await log.commit("slow", STREAM, 10)
    await until_first_kept(log, 8)
    assert (await log.status()).streams[0].bytes == 300
    await log.close()


async def test_the_end_is_remembered_when_all_else_is_too_old(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, retain_us=0))
    await log.append(STREAM, [b"x"] * 600)
    await until_first_kept(log, 600)
    await log.close()
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    assert await log.append(STREAM, [b"y"]) == 601
    assert await read_all(log) == [Record(600, b"x"), Record(601, b"y")]
    await log.close()


async def test_appends_wait_while_the_queue_is_full(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, queue_bytes=1000))
    appends = [asyncio.create_task(log.append(STREAM, [b"x" * 400])) for _ in range(50)]
    await asyncio.sleep(0)
    assert log.queued_bytes <= 1000 + 400
    assert sorted(await asyncio.gather(*appends)) == list(range(1, 51))
    assert log.queued_bytes == 0
    await log.close()


async def test_an_append_that_nobody_waits_for_any_more_does_no_harm(log: EmbeddedLog) -> None:
    append = asyncio.create_task(log.append(STREAM, [b"x"]))
    await asyncio.sleep(0)
    append.cancel()
    end = await log.append(STREAM, [b"y"])
    assert (await log.read(STREAM, end - 1))[0].payload == b"y"


async def test_a_file_with_the_larger_pages_of_before_keeps_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as made_before:
        made_before.execute("PRAGMA page_size = 16384")
        made_before.execute("PRAGMA journal_mode = WAL")
        made_before.execute("CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)")
    log = EmbeddedLog.open(path, replace(LIMITS, max_file_bytes=1 << 20))
    with pytest.raises(UnavailableError, match="is full"):
        for _ in range(100):
            await log.append("metrics", [bytes(50_000)])
    await log.close()
    assert path.stat().st_size <= 1 << 20


async def test_a_full_disk_refuses_with_a_reason_and_keeps_what_it_has(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, max_file_bytes=1 << 20))
    kept = 0
    with pytest.raises(UnavailableError, match=r"disk.*log\.db is full") as caught:
        for _ in range(100):
            kept = await log.append(STREAM, [b"x" * 50_000])
    assert str(tmp_path) in (caught.value.cure or "")
    assert 0 < kept < 100
    await log.close()
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    assert [r.position for r in await read_all(log)] == list(range(1, kept + 1))
    assert await log.append(STREAM, [b"room again"]) == kept + 1
    await log.close()


async def test_appends_are_refused_while_the_disk_has_too_little_left(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, min_free_bytes=1 << 60))
    assert log.failure is None
    with pytest.raises(UnavailableError, match="min_free_bytes"):
        await log.append(STREAM, [b"x"])
    assert await log.end(STREAM) == 0
    assert log.failure is not None
    await log.close()


async def test_room_on_the_disk_is_noticed_before_anybody_appends_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 10
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=free))
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, min_free_bytes=20))
    with pytest.raises(UnavailableError, match="10 bytes are free"):
        await log.append(STREAM, [b"x"])
    await asyncio.sleep(5 * LIMITS.commit_delay_s)
    assert log.failure is not None, "nothing has changed"
    free = 30
    async with asyncio.timeout(5):
        while log.failure is not None:  # noqa: ASYNC110  the writer's thread tells nobody
            await asyncio.sleep(0.01)
    assert await log.append(STREAM, [b"x"]) == 1
    await log.close()


async def test_a_record_over_the_limit_is_refused(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, max_record_bytes=10))
    with pytest.raises(TooLargeError, match="max_record_bytes"):
        await log.append(STREAM, [b"x" * 11])
    await log.close()


async def test_streams_and_groups_are_bounded(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", replace(LIMITS, max_streams=1, max_groups=1))
    await log.append("one", [b"x"])
    await log.commit("a", "one", 1)
    with pytest.raises(UnavailableError, match="1 streams"):
        await log.append("two", [b"x"])
    with pytest.raises(UnavailableError, match="1 consumer positions"):
        await log.commit("b", "one", 1)
    await log.close()


async def test_an_append_is_answered_once_it_is_committed(log: EmbeddedLog, tmp_path: Path) -> None:
    other = file.connect(tmp_path / "log.db", read_only=True)
    for _ in range(50):
        position = await log.append(STREAM, [b"x" * 50_000] * 4)
        assert file.streams(other)[STREAM].end == position
    other.close()


def test_a_commit_waits_for_the_disk_itself(tmp_path: Path) -> None:
    db = file.connect(tmp_path / "log.db")
    assert db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL: an fsync for each commit"
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


async def test_a_second_andon_does_not_get_the_same_log(log: EmbeddedLog, tmp_path: Path) -> None:
    with pytest.raises(StartError, match="in use"):
        EmbeddedLog.open(tmp_path / "log.db", LIMITS)


async def test_a_file_that_is_no_log_is_not_started_on(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StartError, match="cannot be opened"):
        EmbeddedLog.open(tmp_path / "log.db", LIMITS)


async def test_a_closed_log_refuses_and_wakes_its_readers(tmp_path: Path) -> None:
    log = EmbeddedLog.open(tmp_path / "log.db", LIMITS)
    reading = asyncio.create_task(log.read(STREAM, 0, wait_s=60))
    appending = asyncio.create_task(log.append("alerts", [b"last"]))
    await asyncio.sleep(0)
    await log.close()
    assert await appending == 1
    with pytest.raises(UnavailableError):
        await reading
    with pytest.raises(UnavailableError):
        await log.append(STREAM, [b"x"])
