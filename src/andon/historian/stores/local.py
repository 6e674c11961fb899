"""The history of a single machine: one SQLite file, one thread that writes, a few that read."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from andon.historian import model
from andon.historian.model import (
    Buckets,
    Columns,
    Statistics,
    StorageReport,
    StoreSize,
    TierReport,
    TopStatistic,
    bucket_edges,
    width_of,
)
from andon.historian.ranking import ranked
from andon.historian.retention import Dropped, RetentionPolicies
from andon.historian.stores import rows
from andon.historian.summing import sum_up
from andon.kit.errors import StartError, TooLargeError, UnavailableError
from andon.kit.samples import SampleBatch

T = TypeVar("T")
_PAGE_BYTES: Final = 8192
_EVERYTHING: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class LocalStoreLimits:
    """`readers`: queries at the same time; `writer_cache_bytes`, `reader_cache_bytes`: page cache of each connection,
    which the system's own cache of the file stands behind.

    `max_file_bytes`: the file never grows beyond it (None: as large as the disk lets it).
    `statistics_samples`: most samples that one calculation of statistics looks at; `page_rows`: read at a time.
    """

    readers: int = 3
    writer_cache_bytes: int = 16 << 20
    reader_cache_bytes: int = 8 << 20
    max_file_bytes: int | None = None
    statistics_samples: int = 5_000_000
    page_rows: int = 20_000


class LocalStore:
    """`HistoryStore` on one SQLite file. Make it with `open`."""

    def __init__(self, path: Path, limits: LocalStoreLimits, db: sqlite3.Connection) -> None:
        self._path = path
        self._limits = limits
        self._db = db
        state = rows.state(db)
        self._position = state.get("position", 0)
        self._samples = state.get("samples", 0)
        self._newest = rows.newest(db)
        self._closed = False
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="historian-writer")
        self._reading = ThreadPoolExecutor(limits.readers, "historian-reader", self._connect_reader)

    @classmethod
    def open(cls, path: Path, limits: LocalStoreLimits | None = None) -> LocalStore:
        """Open or make the file. StartError when it cannot be opened."""
        limits = limits or LocalStoreLimits()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return cls(path, limits, _connect_writer(path, limits))
        except (OSError, sqlite3.Error) as error:
            raise StartError(
                f"the history {path} cannot be opened: {error}",
                field="data_dir",
                cure=f"check that {path.parent} can be written and that the file is not damaged",
            ) from error

    async def write(self, batch: SampleBatch, position: int, partition: int = 0) -> int:
        """See `HistoryStore.write`. Durable when it returns; it knows one partition only."""
        await self._run(self._writing, self._write, batch, position)
        return self._position

    async def position(self, partition: int = 0) -> int:
        """See `HistoryStore.position`."""
        return self._position

    async def read(self, tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
        """See `HistoryStore.read`."""
        return await self._query(rows.read, tag_id, start, end, limit, newest_first)

    async def buckets(self, tag_id: int, start: int, end: int, count: int) -> Buckets:
        """See `HistoryStore.buckets`."""
        return (await self.series([tag_id], bucket_edges(start, end, count)))[0]

    async def series(self, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> list[Buckets]:
        """See `HistoryStore.series`."""
        start, end, width = int(edges[0]), int(edges[-1]), width_of(edges)
        return [sum_up(await self.read(tag, start, end, _EVERYTHING), edges, width) for tag in tag_ids]

    async def top(
        self,
        tag_ids: Sequence[int],
        start: int,
        end: int,
        statistic: TopStatistic,
        count: int,
        ascending: bool = False,
    ) -> list[tuple[int, float]]:
        """See `HistoryStore.top`."""
        series = await self.series(sorted(set(tag_ids)), np.array([start, end]))
        return ranked(sorted(set(tag_ids)), series, statistic, count, ascending)

    async def rows(self, tag_ids: Sequence[int], start: int, end: int) -> int:
        """See `HistoryStore.rows`."""
        return sum([len(await self.read(tag, start, end, _EVERYTHING)) for tag in set(tag_ids)])

    async def seal(self, before: int | None = None) -> None:
        """See `HistoryStore.seal`. Everything written is durable already."""

    async def storage(self) -> StorageReport:
        """See `HistoryStore.storage`."""
        size = await self.size()
        raw = TierReport("raw", 1, size.samples, size.bytes, None, None, None, 0)
        return StorageReport((raw,), size.samples, 0, 0, 0, 0, 0, {0: self._position})

    async def retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        """See `HistoryStore.retain`. This store keeps everything."""
        return []

    async def statistics(self, tag_id: int, start: int, end: int) -> Statistics | None:
        """See `HistoryStore.statistics`."""
        return await self._query(self._statistics, tag_id, start, end)

    async def latest(self, tag_ids: Sequence[int]) -> SampleBatch:
        """See `HistoryStore.latest`."""
        return await self._query(rows.latest, tag_ids)

    async def size(self) -> StoreSize:
        """See `HistoryStore.size`."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return StoreSize(self._samples, sum(path.stat().st_size for path in files if path.exists()))

    async def close(self) -> None:
        """See `HistoryStore.close`. Queries that still run are cut short."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._writing.shutdown)
        for reader in self._readers:
            reader.interrupt()
        await loop.run_in_executor(None, partial(self._reading.shutdown, cancel_futures=True))
        for connection in (*self._readers, self._db):
            connection.close()

    def _write(self, batch: SampleBatch, position: int) -> None:
        batch = sorted_unique(batch)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            samples = self._samples + self._count_new(batch)
            rows.insert(self._db, batch)
            rows.save_state(self._db, position, samples)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._unavailable(error) from error
        self._position, self._samples = position, samples
        last = _run_ends(batch.tag_ids)
        for tag, at in zip(batch.tag_ids[last].tolist(), batch.timestamps[last].tolist(), strict=True):
            self._newest[tag] = max(self._newest.get(tag, at), at)

    def _count_new(self, batch: SampleBatch) -> int:
        """Samples that are not a repetition or a correction. Only those not newer than all others are looked up."""
        last = _run_ends(batch.tag_ids)
        newest = [self._newest.get(tag, -1) for tag in batch.tag_ids[last].tolist()]
        late = batch.timestamps <= np.repeat(np.array(newest, np.int64), np.diff(last, prepend=-1))
        if not late.any():
            return len(batch)
        return len(batch) - rows.count_existing(self._db, batch.take(late))

    def _statistics(self, db: sqlite3.Connection, tag_id: int, start: int, end: int) -> Statistics | None:
        pages: list[Columns] = []
        count = 0
        while True:
            page = rows.read(db, tag_id, start, end, self._limits.page_rows, newest_first=False)
            pages.append(page)
            count += len(page)
            if count > self._limits.statistics_samples:
                raise TooLargeError(
                    f"the range holds more than {self._limits.statistics_samples} samples (statistics_samples)",
                    field="from",
                    cure="choose a shorter range, or raise statistics_samples",
                )
            if len(page) < self._limits.page_rows:
                break
            start = int(page.timestamps[-1]) + 1
        return model.statistics(
            np.concatenate([page.values for page in pages]),
            np.concatenate([page.qualities for page in pages]),
        )

    async def _query(self, work: Callable[..., T], *arguments: object) -> T:
        return await self._run(self._reading, self._with_reader, work, arguments)

    def _with_reader(self, work: Callable[..., T], arguments: tuple[object, ...]) -> T:
        try:
            return work(self._local.db, *arguments)
        except sqlite3.Error as error:
            raise self._unavailable(error) from error

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[..., T], *arguments: object) -> T:
        if self._closed:
            raise UnavailableError(f"the history {self._path} is closed")
        return await asyncio.get_running_loop().run_in_executor(pool, work, *arguments)

    def _connect_reader(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
        db.execute("PRAGMA query_only = ON")
        db.execute(f"PRAGMA cache_size = -{self._limits.reader_cache_bytes >> 10}")
        self._local.db = db
        self._readers.append(db)

    def _unavailable(self, error: sqlite3.Error) -> UnavailableError:
        what = "the disk of the history is full" if "full" in str(error) else f"the history failed: {error}"
        return UnavailableError(
            f"{what} ({self._path})", cure=f"check the room and the rights on the disk that holds {self._path.parent}"
        )


def sorted_unique(batch: SampleBatch) -> SampleBatch:
    """The batch by tag, then time; of equal keys only the last, which is the one that counts."""
    order = np.lexsort((batch.timestamps, batch.tag_ids))
    tags, timestamps = batch.tag_ids[order], batch.timestamps[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (tags[1:] != tags[:-1]) | (timestamps[1:] != timestamps[:-1])
    return batch.take(order[last])


def _run_ends(column: NDArray[np.int32]) -> NDArray[np.intp]:
    """Index of the last row of each run of equal values."""
    return np.flatnonzero(np.append(column[1:] != column[:-1], True)) if len(column) else np.empty(0, np.intp)


def _connect_writer(path: Path, limits: LocalStoreLimits) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    db.execute("PRAGMA journal_mode = WAL")
    # The log may drop what this store says it has: a write has to outlive a power cut.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = OFF")
    db.execute("PRAGMA wal_autocheckpoint = 4000")
    db.execute("PRAGMA journal_size_limit = 134217728")
    db.execute(f"PRAGMA cache_size = -{limits.writer_cache_bytes >> 10}")
    db.executescript(rows.SCHEMA)
    if limits.max_file_bytes is not None:
        db.execute(f"PRAGMA max_page_count = {max(1, limits.max_file_bytes // _PAGE_BYTES)}")
    return db
