"""The history of one machine: Parquet files under one folder, unsealed samples in memory, the log as their journal."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from andon.historian.model import Buckets, Columns, Statistics, StorageReport, StoreSize, TopStatistic, bucket_edges
from andon.historian.retention import Dropped, RetentionPolicies
from andon.historian.stores.columnar import queries
from andon.historian.stores.columnar.archive import Archive
from andon.historian.stores.columnar.archiving import archive_days
from andon.historian.stores.columnar.dropping import retain
from andon.historian.stores.columnar.layout import remove_strangers
from andon.historian.stores.columnar.limits import LocalStoreLimits
from andon.historian.stores.columnar.maintenance import Maintenance
from andon.historian.stores.columnar.manifest import Manifest
from andon.historian.stores.columnar.memory import cleaned
from andon.historian.stores.columnar.migrating import migrate
from andon.historian.stores.columnar.reporting import report
from andon.historian.stores.columnar.sealing import seal
from andon.historian.stores.columnar.sorting import sorted_unique
from andon.historian.stores.columnar.state import Reached, State
from andon.historian.stores.columnar.view import View
from andon.kit.clock import US_PER_S, now_us
from andon.kit.errors import StartError, UnavailableError
from andon.kit.outage import Outage
from andon.kit.samples import SampleBatch

T = TypeVar("T")
P = ParamSpec("P")
logger = logging.getLogger(__name__)
_TRY_AGAIN_S = 5.0


class LocalStore:
    """`HistoryStore` in a folder. Make it with `open`; use it from one event loop."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._limits = state.limits
        self._closed = False
        self._writing = ThreadPoolExecutor(1, "historian-writer")
        self._sealing = ThreadPoolExecutor(1, "historian-sealer")
        self._reading = ThreadPoolExecutor(state.limits.readers, "historian-reader")
        self._seal: Future[None] | None = None
        self._seal_lock = threading.Lock()
        self._sealed = Outage(logger, "history cannot be sealed, the log keeps it", "history is sealed again")
        self._archive_failure: str | None = None
        self._tried_at = 0.0
        self._maintenance = Maintenance(state, self._seal_in_time)
        if state.limits.maintenance:
            self._maintenance.start()

    @classmethod
    def open(
        cls,
        folder: Path,
        limits: LocalStoreLimits | None = None,
        *,
        clock: Callable[[], int] = now_us,
        reached: Reached = lambda _: None,
        archive: Archive | None = None,
    ) -> LocalStore:
        """Open or make the folder. StartError when it cannot be opened. `archive`: where old samples are, or may go."""
        # Arrow's own allocators keep what they once had: half as much again as the C library's.
        pa.set_memory_pool(pa.system_memory_pool())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            manifest = Manifest(folder / "manifest.db")
            state = State(folder, limits or LocalStoreLimits(), manifest, clock, reached)
            state.archive = archive
            if archive is not None and state.note("archive") == archive.url:
                archive.begun()
            left = remove_strangers(folder, (entry.path for entry in state.catalogue.everything()))
            migrate(state, folder.with_suffix(".db"))
        except (OSError, ValueError, sqlite3.Error, UnavailableError) as error:
            raise StartError(
                f"the history {folder} cannot be opened: {error}",
                field="data_dir",
                cure=f"check that {folder} can be written and that it is not damaged",
            ) from error
        if left:
            logger.info("files that were not finished were removed", extra={"folder": str(folder), "files": left})
        return cls(state)

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self._state.folder

    @property
    def failure(self) -> str | None:
        """Why nothing is written or merged now, or the archive is not used; None while all is well."""
        return self._problem or self._state.gate.away or self._archive_failure

    @property
    def _problem(self) -> str | None:
        return self._sealed.reason or self._maintenance.outage.reason

    # Writing

    async def write(self, batch: SampleBatch, position: int, partition: int = 0) -> int:
        """See `HistoryStore.write`."""
        await self._on(self._writing, self._take, batch, position, partition)
        return self._state.durable(partition)

    async def position(self, partition: int = 0) -> int:
        """See `HistoryStore.position`."""
        return self._state.durable(partition)

    async def seal(self, before: int | None = None) -> None:
        """See `HistoryStore.seal`."""
        if before is not None and all(run.min_time >= before for run in self._state.unsealed.runs):
            return
        await asyncio.wrap_future(self._begin_seal(anew=True))

    def _take(self, batch: SampleBatch, position: int, partition: int) -> None:
        """In the writer's thread."""
        state, limits = self._state, self._limits
        if len(batch):
            self._make_room()
            batch = sorted_unique(cleaned(batch))
            # First: a seal saves the newest samples with those that it takes.
            state.newest.take(batch)
        state.take(batch, position, partition)
        waiting = state.waiting
        if waiting.rows >= limits.unsealed_samples or waiting.bytes >= limits.unsealed_bytes:
            self._begin_seal()

    def _make_room(self) -> None:
        """Memory holds twice what makes it seal; then writes wait for the disk. UnavailableError when that fails."""
        unsealed = self._state.unsealed
        if unsealed.rows < 2 * self._limits.unsealed_samples and unsealed.bytes < 2 * self._limits.unsealed_bytes:
            return
        self._begin_seal().result()

    def _begin_seal(self, *, anew: bool = False) -> Future[None]:
        """The seal that runs, or a new one; `anew`: one that begins after this call."""
        with self._seal_lock:
            if self._seal is not None and not self._seal.done() and not anew:
                return self._seal
            self._seal = self._sealing.submit(self._seal_now)
            return self._seal

    def _seal_now(self) -> None:
        self._tried_at = time.monotonic()
        try:
            count = seal(self._state)
        except UnavailableError as error:
            self._sealed.begin(error.message)
            raise
        self._sealed.end()
        if count:
            self._maintenance.wake()

    def _seal_in_time(self) -> None:
        """Called every second: what has waited for long enough is sealed, and what failed is tried again."""
        waited = self._state.unsealed_for_us() >= self._limits.seal_interval_s * US_PER_S
        if self._sealed.reason is not None:
            waited = time.monotonic() >= self._tried_at + _TRY_AGAIN_S
        if waited:
            self._begin_seal()

    # Asking

    async def read(self, tag_id: int, start: int, end: int, limit: int, newest_first: bool = False) -> Columns:
        """See `HistoryStore.read`."""
        return await self._ask(queries.read, tag_id, start, end, limit, newest_first)

    async def buckets(self, tag_id: int, start: int, end: int, count: int) -> Buckets:
        """See `HistoryStore.buckets`."""
        return (await self.series([tag_id], bucket_edges(start, end, count)))[0]

    async def series(self, tag_ids: Sequence[int], edges: NDArray[np.int64]) -> list[Buckets]:
        """See `HistoryStore.series`."""
        return await self._ask(queries.series, tag_ids, edges)

    async def statistics(self, tag_id: int, start: int, end: int) -> Statistics | None:
        """See `HistoryStore.statistics`. Beyond `statistics_samples` the percentiles are approximate."""
        return await self._ask(queries.statistics, tag_id, start, end, self._limits.statistics_samples)

    async def latest(self, tag_ids: Sequence[int]) -> SampleBatch:
        """See `HistoryStore.latest`. From memory, whatever retention dropped."""
        return self._state.newest.of(tag_ids)

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
        return await self._ask(queries.top, tag_ids, start, end, statistic, count, ascending)

    async def rows(self, tag_ids: Sequence[int], start: int, end: int) -> int:
        """See `HistoryStore.rows`."""
        return await self._ask(queries.rows, tag_ids, start, end)

    async def size(self) -> StoreSize:
        """See `HistoryStore.size`."""
        found = await self.storage()
        return StoreSize(found.samples, found.bytes)

    async def storage(self) -> StorageReport:
        """See `HistoryStore.storage`."""
        return await self._ask_state(report, self._problem, self._archive_failure)

    # Keeping house

    async def retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        """See `HistoryStore.retain`."""
        limits = self._limits
        if self._state.archive is not None:
            policies = policies.with_archive(limits.archive_after_days, limits.archive_keep_days)
        self._state.policies = policies
        return await self._in_the_background(self._retain, policies, now)

    async def archive_days(self, before: int) -> int:
        """Move the samples of days that ended before `before` (µs) into the archive, where queries find them.

        Returns how many files were moved. UnavailableError when there is no archive or it is away; what has not
        moved stays here.
        """
        if self._state.archive is None:
            raise UnavailableError("history has no archive", cure="name a folder or an object store for it")
        try:
            moved = await self._in_the_background(
                archive_days, self._state, self._state.archive, before, self._maintenance.paused
            )
        except UnavailableError as error:
            self._archive_failure = error.message
            raise
        self._archive_failure = None
        return len(moved)

    async def look_for_archive(self) -> None:
        """Notice that the archive is away also while nobody asks for what it holds; `failure` says so then."""
        if self._state.archive is not None:
            await asyncio.to_thread(self._state.gate.look)

    async def maintain(self, everything: bool = False) -> None:
        """Do the background work now; `everything`: as if nothing more would come."""
        await self._in_the_background(self._maintenance.run_all, everything)

    def _retain(self, policies: RetentionPolicies, now: int) -> list[Dropped]:
        with self._maintenance.paused():
            try:
                return retain(self._state, policies, now)
            except (OSError, sqlite3.Error):
                self._state.give_up()
                raise

    async def close(self) -> None:
        """See `HistoryStore.close`. What cannot be sealed comes again from the log."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._maintenance.stop()
        self._writing.shutdown()
        try:
            self._begin_seal(anew=True).result()
        except UnavailableError as error:
            logger.warning("history was not sealed, the log keeps it", extra={"error": error.message})
        self._stop_threads()

    def abandon(self) -> None:
        """Let go of everything as a process that is killed does; for tests."""
        self._closed = True
        self._maintenance.stop()
        self._writing.shutdown()
        self._stop_threads()

    def _stop_threads(self) -> None:
        self._sealing.shutdown()
        self._reading.shutdown(cancel_futures=True)
        self._state.close()

    # Threads

    async def _ask(self, question: Callable[Concatenate[View, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def answer() -> T:
            with self._state.view() as view:
                return question(view, *args, **kwargs)

        return await self._on(self._reading, answer)

    async def _ask_state(self, question: Callable[Concatenate[State, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._on(self._reading, partial(question, self._state, *args, **kwargs))

    async def _in_the_background(self, work: Callable[..., T], *args: object) -> T:
        try:
            return await self._on(None, work, *args)
        except (OSError, sqlite3.Error) as error:
            raise UnavailableError(f"history cannot be maintained: {error}", cure="check the disk") from error

    async def _on(self, pool: ThreadPoolExecutor | None, work: Callable[..., T], *args: Any) -> T:
        if self._closed:
            raise UnavailableError(f"the history {self._state.folder} is closed")
        return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
