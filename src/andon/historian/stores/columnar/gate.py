"""The way to the archive: nobody waits for it longer than a certain time, and while it is away nobody waits at all.

That it is away is said once, and once that it is back. Who looks for it meanwhile is a thread of its own, which may
hang as long as a frozen disk likes.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import pyarrow as pa

from andon.kit.errors import UnavailableError

T = TypeVar("T")
logger = logging.getLogger(__name__)
FAILURES: Final = (OSError, ValueError, pa.ArrowException, UnavailableError)
"""What reading and writing there ends with when it fails."""
_CURE: Final = "check that the archive is reachable and its disk is there; it is used again once it is found"


class ArchivedFileError(UnavailableError):
    """What lies in the archive cannot be had now. `day`: of which day it is, where that is known."""

    day: int | None = None


@dataclass(frozen=True, slots=True)
class GateLimits:
    """`timeout_s`: longest wait for one answer. `first_pause_s`, `longest_pause_s`: between looks for an archive that
    is away, doubling. `waiting`: most answers that are to come at a time, also those that nobody waits for any more.
    """

    timeout_s: float = 10.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    waiting: int = 16


class Gate:
    """`there`: OSError when the archive cannot be used at all. All methods may be called by any thread."""

    def __init__(self, limits: GateLimits, there: Callable[[], None] = lambda: None) -> None:
        self.limits = limits
        self._there = there
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.waiting)
        self._closed = threading.Event()
        self._away: str | None = None

    @property
    def away(self) -> str | None:
        """Why the archive cannot be used; None while it can."""
        return self._away

    def run(self, what: str, work: Callable[[], T], timeout_s: float | None = None) -> T:
        """Do something with the archive. ArchivedFileError when it is away, too slow, or refuses this."""
        if self._away is not None:
            raise ArchivedFileError(f"{what} lies in the archive, which is away: {self._away}", cure=_CURE)
        call = _Call(work, self._there, self._places)
        if not call.started:
            raise ArchivedFileError(f"{what} lies in the archive, which {self._lost('answers too slowly')}", cure=_CURE)
        if not call.done.wait(timeout_s or self.limits.timeout_s):
            why = self._lost(f"did not answer within {timeout_s or self.limits.timeout_s:g} s")
            raise ArchivedFileError(f"{what} lies in the archive, which {why}", cure=_CURE)
        if call.error is None:
            return call.found  # type: ignore[return-value]
        if call.away:
            why = self._lost(str(call.error))
            raise ArchivedFileError(f"{what} lies in the archive, which is away: {why}", cure=_CURE) from call.error
        raise ArchivedFileError(
            f"{what} cannot be had from the archive: {call.error}",
            cure="restore the file there from a backup, or check what the archive allows",
        ) from call.error

    def look(self) -> None:
        """Find out whether the archive is there, though nobody wants anything of it: `away` says."""
        with contextlib.suppress(ArchivedFileError):
            self.run("what is looked for", self._there)

    def close(self) -> None:
        """Look for nothing any more."""
        self._closed.set()

    def _lost(self, why: str) -> str:
        with self._lock:
            if self._away is not None:
                return self._away
            self._away = why
        logger.warning("the archive is away: what it holds cannot be asked, the rest goes on", extra={"error": why})
        threading.Thread(target=self._look, name="historian-archive", daemon=True).start()
        return why

    def _look(self) -> None:
        pause = self.limits.first_pause_s
        while not self._closed.wait(pause):
            if not answers(self._there):
                pause = min(2 * pause, self.limits.longest_pause_s)
                continue
            with self._lock:
                self._away = None
            logger.info("the archive is back")
            return


class _Call:
    """Work in a thread of its own, which nobody has to wait for; `away`: it failed, and so does all else there."""

    def __init__(
        self, work: Callable[[], object], there: Callable[[], None], places: threading.BoundedSemaphore
    ) -> None:
        self.done = threading.Event()
        self.found: object = None
        self.error: Exception | None = RuntimeError("see the log")
        self.away = False
        self._work, self._there, self._places = work, there, places
        self.started = places.acquire(blocking=False)
        if self.started:
            threading.Thread(target=self._run, name="historian-archive", daemon=True).start()

    def _run(self) -> None:
        try:
            self.found = self._work()
            self.error = None
        except FAILURES as error:
            self.away = not answers(self._there)
            self.error = error
        finally:
            self._places.release()
            self.done.set()


def answers(there: Callable[[], None]) -> bool:
    """Whether the archive can be used."""
    try:
        there()
    except FAILURES:
        return False
    return True
