"""The log of a single machine: one SQLite file, one writer thread, live readers served from memory.

All state here belongs to the event loop; the writer thread is given appends and gives back finished groups.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from andon.engines.log import file
from andon.engines.log.codec import COLUMNS, SampleCodec
from andon.engines.log.limits import LogLimits
from andon.engines.log.membership import Everything
from andon.engines.log.names import checked
from andon.engines.log.port import GroupStatus, LogStatus, Membership, Record, StreamStatus
from andon.engines.log.tail import Tail
from andon.engines.log.writer import Append, Writer
from andon.kit.errors import InvalidError, StartError, TooLargeError, UnavailableError

T = TypeVar("T")


class _Stream:
    """The loop's view of one stream."""

    def __init__(self, end: int, limits: LogLimits) -> None:
        self.end = end
        self.tail = Tail(limits.tail_bytes, limits.tail_records)
        self._grown: asyncio.Future[None] | None = None

    def extend(self, first: int, payloads: Sequence[bytes]) -> None:
        self.tail.extend(first, payloads)
        self.end = first + len(payloads) - 1
        self.wake()

    def wake(self) -> None:
        """Have the waiting readers look again."""
        if self._grown is not None and not self._grown.done():
            self._grown.set_result(None)
        self._grown = None

    async def wait(self, timeout_s: float) -> None:
        """Until the stream grows, or the time is over."""
        if self._grown is None:
            self._grown = asyncio.get_running_loop().create_future()
        await asyncio.wait((self._grown,), timeout=timeout_s)


class EmbeddedLog:
    """`Log` on one SQLite file, each stream of one partition. Use it from one event loop; make it with `open`."""

    def __init__(self, path: Path, limits: LogLimits, db: sqlite3.Connection, lock: sqlite3.Connection) -> None:
        self.codec: SampleCodec = COLUMNS
        self._path = path
        self._limits = limits
        self._lock = lock
        self._writer = Writer(path, db, limits, self._written)
        self._streams = {name: _Stream(end, limits) for name, end in self._writer.ends().items()}
        self._positions = file.positions(db)
        self._queued_bytes = 0
        self._room = asyncio.Event()
        self._closed = False
        self._reader_db = file.connect(path, read_only=True)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="log-reader")
        self._writer.start()

    @classmethod
    def open(cls, path: Path, limits: LogLimits | None = None) -> EmbeddedLog:
        """Open or make the log file. StartError when another process has it, or it cannot be opened."""
        limits = limits or LogLimits()
        lock = _take_lock(path)
        try:
            db = file.connect(path)
            file.create(db, limits.max_file_bytes)
            return cls(path, limits, db, lock)
        except sqlite3.Error as error:
            lock.close()
            raise StartError(
                f"the log {path} cannot be opened: {error}",
                field="data_dir",
                cure=f"check that {path.parent} can be written and that the file is not damaged",
            ) from error

    @property
    def queued_bytes(self) -> int:
        """Payload bytes that wait for the disk."""
        return self._queued_bytes

    @property
    def failure(self) -> UnavailableError | None:
        """Why the last append was refused; None while the log takes what comes."""
        return self._writer.failure

    async def partitions(self, stream: str) -> int:
        """See `Log.partitions`: one."""
        self._stream(stream)
        return 1

    async def append(self, stream: str, payloads: Sequence[bytes], keys: Sequence[str] | None = None) -> int:
        """See `Log.append`. With one partition keys change nothing. What was refused is not kept."""
        self._check_open()
        state = self._stream(stream)
        if not payloads:
            return state.end
        size = self._size(payloads)
        while self._queued_bytes >= self._limits.queue_bytes:
            self._room.clear()
            await self._room.wait()
            self._check_open()
        item = Append(stream, list(payloads), size, asyncio.get_running_loop().create_future())
        self._queued_bytes += size
        self._writer.put(item)
        return await item.done

    async def read(
        self,
        stream: str,
        after: int,
        max_records: int = 1000,
        max_bytes: int = 4 << 20,
        wait_s: float = 0,
        partition: int = 0,
    ) -> list[Record]:
        """See `Log.read`."""
        self._check_open()
        state = self._stream(stream, partition)
        after = max(after, 0)
        if after >= state.end and wait_s > 0:
            await state.wait(wait_s)
            self._check_open()
        if after >= state.end:
            return []
        found = state.tail.read(after, max_records, max_bytes)
        if found is not None:
            return found
        return await self._on_reader(self._read_file, stream, after, max_records, max_bytes)

    async def commit(self, group: str, stream: str, position: int, partition: int = 0) -> None:
        """See `Log.commit`. A position may be set back, to have records handled again."""
        self._check_open()
        end = self._stream(stream, partition).end
        if not 0 <= position <= end:
            raise InvalidError(f"position {position} of {stream} lies outside 0 to {end}", field="position")
        key = (checked(group, "group"), stream)
        if key not in self._positions and len(self._positions) >= self._limits.max_groups:
            raise UnavailableError(
                f"the log holds {self._limits.max_groups} consumer positions already",
                cure="raise max_groups, or reuse the name of a group",
            )
        self._positions[key] = position
        self._writer.set_position(group, stream, position)

    async def committed(self, group: str, stream: str, partition: int = 0) -> int:
        """See `Log.committed`."""
        self._check_open()
        self._stream(stream, partition)
        return self._positions.get((group, stream), 0)

    async def end(self, stream: str, partition: int = 0) -> int:
        """See `Log.end`."""
        self._check_open()
        return self._stream(stream, partition).end

    async def before(self, stream: str, at: int, partition: int = 0) -> int:
        """See `Log.before`."""
        if await self.end(stream, partition) == 0:
            return 0
        return await self._on_reader(self._before, stream, at)

    async def join(self, group: str, stream: str) -> Membership:
        """See `Log.join`: the only process that has the file is the only member."""
        checked(group, "group")
        return Everything(await self.partitions(stream))

    async def status(self) -> LogStatus:
        """See `Log.status`."""
        self._check_open()
        kept = await self._on_reader(file.streams, self._reader_db)
        rows = tuple(
            StreamStatus(name, ends.first, ends.end, ends.bytes, self._groups(name, ends.end))
            for name, ends in sorted(kept.items())
        )
        return LogStatus(rows, file_bytes=self._file_bytes())

    async def close(self) -> None:
        """See `Log.close`."""
        if self._closed:
            return
        self._closed = True
        self._room.set()
        for stream in self._streams.values():
            stream.wake()
        self._writer.close()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._writer.join)
        await loop.run_in_executor(None, self._reader.shutdown)
        self._reader_db.close()
        self._lock.close()

    def _written(self, group: list[Append]) -> None:
        """A group is on the disk or has failed: make it readable, then answer those who wait."""
        for item in group:
            self._queued_bytes -= item.size
            if item.error is None:
                self._streams[item.stream].extend(item.first, item.payloads)
        if self._queued_bytes < self._limits.queue_bytes:
            self._room.set()
        for item in group:
            if item.done.done():
                continue  # whoever waited was cancelled
            if item.error is not None:
                item.done.set_exception(item.error)
            else:
                item.done.set_result(item.first + len(item.payloads) - 1)

    def _stream(self, name: str, partition: int = 0) -> _Stream:
        if partition != 0:
            raise InvalidError(f"{name[:40]} has no partition {partition}, only 0", field="partition")
        found = self._streams.get(name)
        if found is None:
            if len(self._streams) >= self._limits.max_streams:
                raise UnavailableError(
                    f"the log holds {self._limits.max_streams} streams already", cure="raise max_streams"
                )
            found = self._streams[checked(name, "stream")] = _Stream(0, self._limits)
        return found

    def _size(self, payloads: Sequence[bytes]) -> int:
        largest = max(map(len, payloads))
        if largest > self._limits.max_record_bytes:
            raise TooLargeError(
                f"a record of {largest} bytes is over max_record_bytes ({self._limits.max_record_bytes})",
                cure="send smaller batches, or raise max_record_bytes",
            )
        return sum(map(len, payloads))

    def _groups(self, stream: str, end: int) -> tuple[GroupStatus, ...]:
        return tuple(
            GroupStatus(group, position, max(end - position, 0))
            for (group, of), position in sorted(self._positions.items())
            if of == stream
        )

    def _read_file(self, stream: str, after: int, max_records: int, max_bytes: int) -> list[Record]:
        id_ = file.stream_id(self._reader_db, stream)
        return file.read(self._reader_db, id_, after, max_records, max_bytes)

    def _before(self, stream: str, at: int) -> int:
        return file.before(self._reader_db, file.stream_id(self._reader_db, stream), at)

    async def _on_reader(self, work: Callable[..., T], *arguments: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader, work, *arguments)
        except sqlite3.Error as error:
            raise UnavailableError(f"the log {self._path} cannot be read: {error}", cure="check the disk") from error

    def _file_bytes(self) -> int:
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(path.stat().st_size for path in files if path.exists())

    def _check_open(self) -> None:
        if self._closed:
            raise UnavailableError(f"the log {self._path} is closed")


def _take_lock(path: Path) -> sqlite3.Connection:
    """Hold the log for this process: an exclusive lock on a file beside it, gone when the process is.

    Two writers would give out the same positions. SQLite's own locks work alike on every system.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(path.with_name(path.name + ".lock"), timeout=0, isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
    except (OSError, sqlite3.Error) as error:
        raise StartError(
            f"the log {path} is in use or its folder cannot be written: {error}",
            field="data_dir",
            cure="stop the other Andon that uses this data folder, or choose another folder",
        ) from error
    return lock
