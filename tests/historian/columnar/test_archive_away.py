"""The archive goes away, is frozen, and comes back: history goes on meanwhile and takes it up again by itself."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from andon.historian.retention import Retention, RetentionPolicies
from andon.historian.stores.columnar.archive import Archive, ArchiveOptions
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.store import LocalStore
from andon.kit.clock import US_PER_DAY
from andon.kit.errors import UnavailableError
from andon.kit.samples import PINNED, Row, SampleBatch

DAY = 20_000 * US_PER_DAY
S = 1_000_000
NOW = DAY + 30 * US_PER_DAY
LIMITS = LocalStoreLimits(maintenance=False, rewrite_after_s=0, late_window_s=0, archive_timeout_s=2)
KEEP = Retention(None, None, None)


class Folder:
    """A folder as the archive; away while its disk is not mounted, frozen as one on a server that hangs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "archive"
        self.folder.mkdir()
        self.options = ArchiveOptions(str(self.folder))

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.parquet"))

    @contextmanager
    def away(self) -> Iterator[None]:
        """Where its disk was mounted there is an empty folder."""
        unplugged = self.folder.with_name("unplugged")
        self.folder.rename(unplugged)
        self.folder.mkdir()
        yield
        self.folder.rmdir()
        unplugged.rename(self.folder)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Opening a pipe waits until somebody writes to it."""
        hidden = self.folder.with_name("hidden")
        shutil.copytree(self.folder, hidden)
        pipes = [self.folder / name for name in self.files()]
        for pipe in pipes:
            pipe.unlink()
            os.mkfifo(pipe)
        yield
        for pipe in pipes:
            try:
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # let go of whoever waits
            except OSError:
                continue  # nobody does
        shutil.rmtree(self.folder)
        hidden.rename(self.folder)

    def close(self) -> None:
        pass


class ObjectStore:
    """An object store; away while it refuses connections, frozen while it takes them and says nothing."""

    def __init__(self, _: Path) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        self.port = self.server.get_host_and_port()[1]
        url = f"http://127.0.0.1:{self.port}"
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        self.client: Any = boto3.client("s3", endpoint_url=url, **keys)
        self.bucket = f"history-{self.port}"
        self.client.create_bucket(Bucket=self.bucket)
        self.options = ArchiveOptions(
            f"s3://{self.bucket}/plant", url, None, "key", "secret", connect_timeout_s=1, request_timeout_s=2
        )

    def files(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return sorted(each["Key"].removeprefix("plant/") for each in found if each["Size"])

    @contextmanager
    def away(self) -> Iterator[None]:
        self.server.stop()
        yield
        self._again()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self.server.stop()
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            silent.bind(("127.0.0.1", self.port))
            silent.listen(64)
            yield
        self._again()

    def _again(self) -> None:
        """Moto keeps what it has in this process, so the buckets are there still."""
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self.server.start()

    def close(self) -> None:
        self.server.stop()


Place = Folder | ObjectStore


@pytest.fixture(params=[Folder, ObjectStore], ids=["folder", "object store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where the archive is."""
    place: Place = request.param(tmp_path)
    yield place
    place.close()


def opened(tmp_path: Path, place: Place, **limits: Any) -> LocalStore:
    chosen = LocalStoreLimits(**{**{name: getattr(LIMITS, name) for name in LIMITS.__slots__}, **limits})
    return LocalStore.open(tmp_path / "history", chosen, clock=lambda: NOW, archive=Archive.open(place.options))


def day_of(number: int, tags: tuple[int, ...] = (1, 2)) -> SampleBatch:
    rows: list[Row] = [
        (tag, DAY + number * US_PER_DAY + second * S, float(second), 192, DAY) for tag in tags for second in range(100)
    ]
    return SampleBatch.from_rows(rows)


@pytest_asyncio.fixture
async def store(tmp_path: Path, place: Place) -> AsyncIterator[LocalStore]:
    """Two days in the archive, a third one here."""
    store = opened(tmp_path, place)
    for number in range(3):
        await store.write(day_of(number), number + 1)
        await store.seal()
    await store.maintain(everything=True)
    assert await store.archive_days(DAY + 2 * US_PER_DAY) == 2
    yield store
    await store.close()


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    for _ in range(600):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what}: it does not happen")


async def back(store: LocalStore) -> None:
    async def used() -> bool:
        return (await store.storage()).archive_problem is None

    await until(used, "the archive is used again")


async def values(store: LocalStore, number: int, tag: int = 1) -> list[float]:
    start = DAY + number * US_PER_DAY
    return (await store.read(tag, start, start + US_PER_DAY, 1_000)).values.tolist()


@pytest.mark.parametrize("how", ["away", "frozen"])
async def test_while_it_is_away_all_else_goes_on_and_afterwards_it_is_caught_up(
    store: LocalStore, place: Place, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    correction = SampleBatch.from_rows([(1, DAY + 5 * S, -1.0, 192, NOW)])
    with caplog.at_level(logging.INFO, "andon.historian"):
        with getattr(place, how)():
            with pytest.raises(UnavailableError, match="lies in the archive"):
                await asyncio.wait_for(values(store, 0), 30)
            if how == "away":
                assert "lies in the archive" not in str(store._maintenance.outage.reason)
                assert (await store.storage()).archive_problem is not None
                assert store.failure is not None, "health says so"
            await store.write(correction, 4)
            await store.write(day_of(3), 5)
            await asyncio.wait_for(store.seal(), 30)
            await asyncio.wait_for(store.maintain(everything=True), 60)
            files = store._state.catalogue
            assert [entry.of_a_day for entry in files.of_day("raw", DAY // US_PER_DAY + 3)] == [True], "it is merged"
            assert files.of_day("minute", DAY // US_PER_DAY + 3), "and summed up"
            report = await store.storage()
            assert (report.samples, report.uncertain) == (801, 1), "whether a correction is new is not known yet"
            start = DAY + 3 * US_PER_DAY
            assert (await store.buckets(1, start, start + US_PER_DAY, 1)).counts.tolist() == [100]
            dropped = await asyncio.wait_for(store.retain(RetentionPolicies(KEEP), NOW), 60)
            assert dropped == []
        await back(store)
    assert (await values(store, 0))[5] == -1.0
    await store.maintain(everything=True)
    assert (await values(store, 0))[5] == -1.0
    (found,) = [await store.buckets(1, DAY, DAY + US_PER_DAY, 1)]
    assert (found.counts.tolist(), found.minima.tolist()) == ([100], [-1.0])
    report = await store.storage()
    assert (report.samples, report.uncertain, store.failure) == (800, 0, None)
    said = [record.message for record in caplog.records if record.message.startswith("the archive is")]
    if how == "away":
        assert [message.split(":")[0] for message in said] == ["the archive is away", "the archive is back"]


async def test_that_it_is_away_is_noticed_while_nobody_asks_for_what_it_holds(
    store: LocalStore, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    await store.look_for_archive()
    assert store.failure is None
    with caplog.at_level(logging.INFO, "andon.historian"):
        with place.away():
            await store.look_for_archive()
            assert store.failure is not None, "health says so"
            assert (await store.storage()).archive_problem == store.failure
            await store.look_for_archive()
        await back(store)
    assert store.failure is None
    said = [record.message.split(":")[0] for record in caplog.records if record.message.startswith("the archive is")]
    assert said == ["the archive is away", "the archive is back"]


async def test_files_that_are_no_longer_history_go_once_the_archive_is_back_also_after_a_restart(
    store: LocalStore, place: Place, tmp_path: Path
) -> None:
    assert len(place.files()) == 2
    await store.close()
    store = opened(tmp_path, place, archive_keep_days=1.0)
    with place.away():
        dropped = await store.retain(RetentionPolicies(Retention(7, None, None)), NOW)
        assert [(each.tier, each.rows) for each in dropped] == [("raw", 200)] * 3
        await store.close()
    store = opened(tmp_path, place, archive_keep_days=1.0)
    await store.maintain()
    assert place.files() == []
    assert (await store.storage()).archived_files == 0
    await store.close()


async def test_archived_days_are_kept_for_ever_unless_somebody_says_how_long(
    store: LocalStore, place: Place, tmp_path: Path
) -> None:
    usual = Retention(7, 90, 730)
    assert await store.retain(RetentionPolicies(usual), NOW) == []
    assert (await store.storage()).tiers[0].next_drop is None
    await store.close()
    store = opened(tmp_path, place, archive_keep_days=28.5)
    dropped = await store.retain(RetentionPolicies(usual), NOW)
    assert [(each.start, each.rows) for each in dropped] == [(DAY, 200)]
    assert (await store.storage()).tiers[0].next_drop == DAY + 2 * US_PER_DAY + round(28.5 * US_PER_DAY)
    assert [await values(store, number) for number in range(2)] == [[], [float(i) for i in range(100)]]
    assert (await store.buckets(1, DAY, DAY + US_PER_DAY, 1)).counts.tolist() == [100], "its sums are here"
    assert len(place.files()) == 1
    await store.close()


async def test_what_a_signal_is_kept_for_holds_in_the_archive_too(
    store: LocalStore, place: Place, tmp_path: Path
) -> None:
    """A signal that is kept for ever, one that is kept as long as the archive keeps, one that was to go at once."""
    pinned = day_of(0, (4,)).with_marks(PINNED)
    await store.write(pinned, 4)
    await store.write(day_of(0, (3,)), 5)
    await store.seal()
    await store.maintain(everything=True)
    await store.archive_days(NOW)
    await store.close()
    store = opened(tmp_path, place, archive_keep_days=20.0)
    policies = RetentionPolicies(Retention(7, 90, 730), {2: KEEP, 3: Retention(1, 1, 1)})
    assert {each.tier: each.rows for each in await store.retain(policies, NOW)} == {"raw": 100, "minute": 2, "hour": 1}
    assert [len(await values(store, 0, tag)) for tag in (1, 2, 3, 4)] == [0, 100, 0, 100]
    assert await store.archive_days(NOW) >= 1, "what is left of the day goes there again"
    assert [len(await values(store, 0, tag)) for tag in (1, 2, 3, 4)] == [0, 100, 0, 100]
    await store.close()


async def test_days_that_could_not_move_wait_here_however_old_they_are(
    store: LocalStore, place: Place, tmp_path: Path
) -> None:
    with place.away():
        with pytest.raises(UnavailableError):
            await store.archive_days(NOW)
        assert (await store.storage()).archive_problem is not None
        assert await store.retain(RetentionPolicies(Retention(7, 90, 730)), NOW) == []
        assert len(await values(store, 2)) == 100
    await back_to_archiving(store)
    assert len(place.files()) == 3
    assert (await store.storage()).archive_problem is None


async def back_to_archiving(store: LocalStore) -> None:
    async def moved() -> bool:
        try:
            return await store.archive_days(NOW) >= 0
        except UnavailableError:
            return False

    await until(moved, "days move again")


@pytest.mark.parametrize("place", [Folder], indirect=True)
async def test_a_file_that_is_missing_there_is_named_and_holds_up_no_other_day(
    store: LocalStore, tmp_path: Path
) -> None:
    next((tmp_path / "archive" / "raw").glob("*/*.parquet")).unlink()
    await store.write(SampleBatch.from_rows([(1, DAY + n * US_PER_DAY + S, -1.0, 192, NOW) for n in (0, 1)]), 4)
    await store.seal()
    await store.maintain(everything=True)
    outcomes = await asyncio.gather(values(store, 0), values(store, 1), return_exceptions=True)
    broken = [each for each in outcomes if isinstance(each, UnavailableError)]
    assert [("cannot be had from the archive" in each.message) for each in broken] == [True]
    assert [each[1] for each in outcomes if isinstance(each, list)] == [-1.0]
    assert store._state.gate.away is None
