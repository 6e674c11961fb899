"""The one thread that writes the log: it puts whatever waits into one transaction (group commit)."""

from __future__ import annotations

import logging
import queue
import shutil
import sqlite3
import threading
import time
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from andon.engines.log import file
from andon.engines.log.limits import LogLimits
from andon.kit.clock import now_us
from andon.kit.errors import AndonError, UnavailableError

log = logging.getLogger(__name__)
_FREE_SPACE_CHECK_S = 1.0


@dataclass(slots=True)
class Append:
    """Payloads on their way to the disk; the writer fills in `first` (or `error`)."""

    stream: str
    payloads: list[bytes]
    size: int
    done: Future[int]
    first: int = 0
    error: AndonError | None = None


class Writer(threading.Thread):
    """Takes appends from a queue, writes them, and reports each finished group to `on_written` on the loop."""

    def __init__(
        self, path: Path, db: sqlite3.Connection, limits: LogLimits, on_written: Callable[[list[Append]], None]
    ) -> None:
        super().__init__(name="log-writer", daemon=True)
        self._path = path
        self._db = db
        self._limits = limits
        self._on_written = on_written
        self._queue: queue.SimpleQueue[Append | None] = queue.SimpleQueue()
        self._streams = file.streams(db)
        self._positions = file.positions(db)
        self._changed: dict[tuple[str, str], int] = {}
        self._changed_lock = threading.Lock()
        self._free_checked = float("-inf")
        self._positions_saved = self._trimmed = time.monotonic()
        self.failure: UnavailableError | None = None
        self._short_of_room = False

    def ends(self) -> dict[str, int]:
        """End positions by stream, as they were at the start; not for use once the thread runs."""
        return {name: stream.end for name, stream in self._streams.items()}

    def put(self, append: Append) -> None:
        """Queue payloads."""
        self._queue.put(append)

    def set_position(self, group: str, stream: str, position: int) -> None:
        """Have a committed position written within the commit delay."""
        with self._changed_lock:
            self._changed[group, stream] = position

    def close(self) -> None:
        """Have the thread end after what is queued."""
        self._queue.put(None)

    def run(self) -> None:
        """Write groups until closed; in between save positions and delete what is past its retention."""
        is_open = True
        while is_open:
            group, is_open = self._next_group()
            if group:
                self._write(group)
            self._keep_house(closing=not is_open)
        self._db.close()

    def _next_group(self) -> tuple[list[Append], bool]:
        group: list[Append] = []
        size = 0
        try:
            item = self._queue.get(timeout=self._limits.commit_delay_s)
            while item is not None:
                group.append(item)
                size += item.size
                if size >= self._limits.group_bytes:
                    return group, True
                item = self._queue.get_nowait()
        except queue.Empty:
            return group, True
        return group, False

    def _write(self, group: list[Append]) -> None:
        try:
            self._check_free_space()
            self._write_rows(group)
        except (sqlite3.Error, OSError, MemoryError) as cause:
            file.rollback(self._db)
            self._fail(group, self._unavailable(cause))
        except UnavailableError as error:
            self._fail(group, error)
        else:
            self._recovered()
        _report(group, self._on_written)

    def _write_rows(self, group: list[Append]) -> None:
        by_stream: dict[str, list[Append]] = {}
        for item in group:
            by_stream.setdefault(item.stream, []).append(item)
        for name in by_stream.keys() - self._streams.keys():
            self._streams[name] = file.add_stream(self._db, name)
        at = now_us()
        # One stream is one statement and so its own transaction: no more calls than needed while the loop is busy.
        if len(by_stream) > 1:
            self._db.execute("BEGIN IMMEDIATE")
        for name, items in by_stream.items():
            payloads = [payload for item in items for payload in item.payloads]
            file.append(self._db, at, self._streams[name], payloads)
        if len(by_stream) > 1:
            self._db.execute("COMMIT")
        for name, items in by_stream.items():
            self._advance(self._streams[name], items)

    def _advance(self, stream: file.StreamEnds, items: list[Append]) -> None:
        for item in items:
            item.first = stream.end + 1
            stream.end += len(item.payloads)
            stream.total += item.size
        stream.first = stream.first or items[0].first

    def _fail(self, group: list[Append], error: UnavailableError) -> None:
        if self.failure is None:
            log.error("the log cannot be written", extra={"path": str(self._path), "error": error.message})
        self.failure = error
        for item in group:
            item.error = error

    def _recovered(self) -> None:
        if self.failure is not None:
            self.failure = None
            log.info("the log can be written again", extra={"path": str(self._path)})

    def _unavailable(self, cause: Exception) -> UnavailableError:
        if "full" in str(cause):
            return self._disk_full("no room is left")
        return UnavailableError(
            f"the log {self._path} cannot be written: {cause}",
            cure=f"check the disk and the rights of {self._path.parent}",
        )

    def _disk_full(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the disk of the log {self._path} is full: {why}; nothing more is accepted",
            cure=f"free space on the disk that holds {self._path.parent}, "
            "and look for consumer groups that lag: the log keeps what they have yet to handle",
        )

    def _check_free_space(self) -> None:
        if time.monotonic() - self._free_checked < _FREE_SPACE_CHECK_S:
            return
        free = shutil.disk_usage(self._path.parent).free
        self._short_of_room = free < self._limits.min_free_bytes
        if self._short_of_room:
            raise self._disk_full(f"{free} bytes are free, min_free_bytes is {self._limits.min_free_bytes}")
        self._free_checked = time.monotonic()

    def _has_room(self) -> bool:
        """Whether the disk has room again; looked at also while nobody appends."""
        try:
            self._check_free_space()
        except (OSError, UnavailableError) as error:
            log.debug("the log still has no room", extra={"error": str(error)})
            return False
        return True

    def _keep_house(self, *, closing: bool) -> None:
        now = time.monotonic()
        try:
            if closing or now - self._positions_saved >= self._limits.commit_delay_s:
                self._save_positions()
                self._positions_saved = now
                if self._short_of_room and self._has_room():
                    self._recovered()
            if not closing and now - self._trimmed >= self._limits.retention_check_s and not self._trim():
                self._trimmed = now
        except sqlite3.Error as error:
            # Both are tried again; a position that was not saved only means that records are handled again.
            self._positions_saved = self._trimmed = now
            log.warning("log upkeep failed", extra={"path": str(self._path), "error": str(error)})

    def _save_positions(self) -> None:
        with self._changed_lock:
            changed = dict(self._changed)
        if not changed:
            return
        file.save_positions(self._db, changed)
        self._positions.update(changed)
        with self._changed_lock:
            for key, position in changed.items():
                if self._changed[key] == position:
                    del self._changed[key]

    def _trim(self) -> bool:
        oldest_at = now_us() - self._limits.retain_us
        more = False
        for name, stream in self._streams.items():
            groups = [position for (_, of), position in self._positions.items() if of == name]
            handled = min(groups, default=stream.end)
            more |= file.trim(self._db, stream, oldest_at, self._limits.retain_bytes, handled)
        return more


def _report(group: list[Append], on_written: Callable[[list[Append]], None]) -> None:
    loop: AbstractEventLoop = group[0].done.get_loop()
    # A loop that was closed has nobody left who waits for the answer.
    if not loop.is_closed():
        loop.call_soon_threadsafe(on_written, group)
