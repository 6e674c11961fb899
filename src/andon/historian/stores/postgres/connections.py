"""Threads with a connection each: what is away is noticed, said once, and connected again when it is back."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import psycopg

from andon.engines.database.postgresql import conninfo
from andon.historian.stores.postgres import binary
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage

log = logging.getLogger(__name__)
T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

_COMMON: Final = ("SET timezone = 'UTC'", "SET jit = off")
# Tables have many partitions: a plan is made once and prunes them as it runs, and always goes by the key.
READING: Final = (*_COMMON, "SET plan_cache_mode = force_generic_plan", "SET enable_seqscan = off")
# The last one is TimescaleDB's, and nothing without it: late samples may have to unpack more than its default allows.
WRITING: Final = (
    *_COMMON,
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET lock_timeout = '10s'",
    "SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0",
)
MAINTAINING: Final = (*READING, "SET lock_timeout = '60s'", WRITING[-1])
_READ_ONLY: Final = "25006"
_ASK_EVERY_S: Final = 2.0
# A replica that has replayed all it received is as new as the primary, however quiet that is.
_LAG: Final = """
SELECT CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::double precision
"""


class Connections:
    """At most `size` connections to one server, each with its own thread; work is a function of a connection."""

    def __init__(self, url: str, size: int, name: str, setup: tuple[str, ...]) -> None:
        self.address = conninfo(url)
        self.name = name
        self._setup = setup
        self._local = threading.local()
        self._open: set[Connection] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._outage = Outage(log, "the history's server is away", "the history's server is back", connections=name)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=name)

    async def run(self, work: Callable[[Connection], T], *, again: bool = False) -> T:
        """Do it on one of the threads. `again`: once more on a new connection when the old one turns out dead.

        UnavailableError when the server is away, does not let us in, or gives up.
        """
        if self._closed:
            raise UnavailableError("the history is closed")
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(self._call, work, again=again))

    def submit(self, work: Callable[[Connection], T]) -> Future[T]:
        """The same for a caller that is not on the event loop."""
        return self._threads.submit(self._call, work, again=False)

    def _call(self, work: Callable[[Connection], T], *, again: bool) -> T:
        fresh = getattr(self._local, "connection", None) is None
        try:
            found = work(self._connected())
        except psycopg.Error as error:
            if not passes(error):
                self._reset()
                raise
            self._drop()
            if again and not fresh and not self._closed:
                return self._call(work, again=False)
            raise self._unavailable(error) from error
        except BaseException:
            self._reset()
            raise
        self._outage.end()
        return found

    async def close(self) -> None:
        """Let the work in hand of writers end, cut readers short, close all connections."""
        self._closed = True
        loop = asyncio.get_running_loop()
        if self._setup is READING:
            await loop.run_in_executor(None, self._cancel)
        await loop.run_in_executor(None, partial(self._threads.shutdown, cancel_futures=True))
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def abandon(self) -> None:
        """Close all connections under whoever uses them, as a crash would."""
        self._closed = True
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
        self._threads.shutdown(cancel_futures=True)

    def _connected(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = psycopg.connect(self.address, autocommit=True, prepare_threshold=1)
            try:
                connection.execute("; ".join(self._setup), prepare=False)
                binary.register(connection)
            except BaseException:
                connection.close()
                raise
            self._local.connection = connection
            with self._lock:
                self._open.add(connection)
        return connection

    def _reset(self) -> None:
        """End a transaction that an error left open."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            return
        try:
            connection.rollback()
        except psycopg.Error:
            self._drop()

    def _drop(self) -> None:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _cancel(self) -> None:
        with self._lock:
            running = list(self._open)
        deadline = time.monotonic() + 2
        for connection in running:
            connection.cancel_safe(timeout=max(deadline - time.monotonic(), 0.1))

    def _unavailable(self, error: psycopg.Error) -> UnavailableError:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        self._outage.begin(said)
        return UnavailableError(
            f"the history on PostgreSQL is away or busy: {said}",
            cure="see that it is running and its disk has room; it is tried again",
        )


def passes(error: psycopg.Error) -> bool:
    """Whether an error is about the server's state, not about what it was asked."""
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)) or error.sqlstate == _READ_ONLY


class ReadingConnections:
    """To read over: connections to the replica while it answers and follows closely, else to the primary."""

    def __init__(self, primary: Connections, replica: Connections | None, max_lag_s: float) -> None:
        self.all = (primary,) if replica is None else (primary, replica)
        self._primary = primary
        self._replica = replica
        self._max_lag_s = max_lag_s
        self._ask_after = 0.0
        self._good = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do it on one of them; on the primary when the replica turns out to be away."""
        if self._replica is not None and await self._replica_follows(self._replica):
            try:
                return await self._replica.run(work, again=True)
            except (UnavailableError, psycopg.ProgrammingError):  # the latter: it has not got the newest tables yet
                self._good = False
        return await self._primary.run(work, again=True)

    async def close(self) -> None:
        """Close all of them."""
        for connections in self.all:
            await connections.close()

    async def _replica_follows(self, replica: Connections) -> bool:
        if time.monotonic() >= self._ask_after:
            self._ask_after = time.monotonic() + _ASK_EVERY_S
            try:
                self._good = await replica.run(self._is_close, again=True)
            except UnavailableError:
                self._good = False
        return self._good

    def _is_close(self, connection: Connection) -> bool:
        row = connection.execute(_LAG).fetchone()
        return row is not None and row[0] <= self._max_lag_s
