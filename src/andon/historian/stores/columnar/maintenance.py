"""The background work: sealing in time, merging, deleting. One thread, below the others' priority."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Final

import pyarrow as pa

from andon.historian.stores.columnar.gate import ArchivedFileError
from andon.historian.stores.columnar.state import State
from andon.historian.stores.columnar.tasks import next_task
from andon.kit.errors import AndonError, UnavailableError
from andon.kit.outage import Outage

logger = logging.getLogger(__name__)
_NICE: Final = 5
_LOOK_AGAIN_S: Final = 20.0
_AFTER_A_FAILURE_S: Final = 30.0


class Maintenance:
    """`tick` is called about every second in its thread; `run_all` does everything at once, for tests and shutdowns."""

    def __init__(self, state: State, seal_if_due: Callable[[], None]) -> None:
        self._state = state
        self._seal_if_due = seal_if_due
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._busy = threading.Lock()
        self.outage = Outage(logger, "history cannot be maintained now", "history is maintained again")

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._run, name="historian-maintenance", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the piece of work in hand."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def run_all(self, everything: bool) -> None:
        """Work until nothing is left. UnavailableError when the disk does not allow it."""
        with self._busy:
            while (task := next_task(self._state, everything)) is not None:
                self._do(task)
            self._state.delete_obsolete()

    @contextlib.contextmanager
    def paused(self):  # type: ignore[no-untyped-def]
        """No work is done meanwhile."""
        with self._busy:
            yield

    def _do(self, task: Callable[[], None]) -> None:
        try:
            task()
        except ArchivedFileError as error:
            self._state.give_up()
            if error.day is None:
                raise
            self._state.put_off(error.day)
            if self._state.gate.away is None:
                logger.warning("a day in the archive cannot be worked at now", extra={"error": error.message})
        except (OSError, sqlite3.Error, pa.ArrowException) as error:
            self._state.give_up()
            raise UnavailableError(f"files of history cannot be merged: {error}", cure="check the disk") from error
        except AndonError:
            self._state.give_up()
            raise

    def _run(self) -> None:
        _lower_priority()
        look_at = 0.0
        while not self._stopping.is_set():
            woken = self._wake.wait(self._state.limits.maintenance_interval_s)
            self._wake.clear()
            if self._stopping.is_set():
                return
            self._seal_if_due()
            if woken or time.monotonic() >= look_at:
                look_at = time.monotonic() + (self._work() or _LOOK_AGAIN_S)
            with contextlib.suppress(OSError):
                self._state.delete_obsolete()

    def _work(self) -> float:
        """Pieces of work until none is left or the store closes. Returns the seconds to wait after a failure, or 0."""
        try:
            worked = False
            while not self._stopping.is_set():
                self._seal_if_due()
                with self._busy:
                    task = next_task(self._state, everything=False)
                    if task is None:
                        break
                    self._do(task)
                worked = True
            if worked:
                pa.default_memory_pool().release_unused()
        except AndonError as error:
            self.outage.begin(error.message)
            return _AFTER_A_FAILURE_S
        except Exception:
            logger.exception("maintenance of history failed")
            self.outage.begin("see the log")
            return _AFTER_A_FAILURE_S
        self.outage.end()
        return 0.0


def _lower_priority() -> None:
    """A thread has its own priority on Linux; elsewhere this would be the whole process, so it is left."""
    if hasattr(os, "sched_yield") and os.name == "posix" and os.uname().sysname == "Linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
