"""Slows down guessing of passwords, without letting a stranger lock a user out from elsewhere."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from andon.identity.errors import TooManyAttemptsError
from andon.kit.clock import US_PER_S


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """After `free_attempts` failures in a row each further one doubles the wait, from `first_wait_s` on."""

    free_attempts: int = 5  # of one user name from one address
    free_attempts_of_address: int = 50  # of one address, whatever the names
    first_wait_s: float = 1.0
    longest_wait_s: float = 900.0
    forget_after_s: float = 3600.0
    max_entries: int = 10_000  # the least recent are forgotten first


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_us: int = 0


class LoginThrottle:
    """Counts failed sign-ins for (user name, address) and for the address alone. Times are µs; bounded in memory."""

    def __init__(self, limits: ThrottleLimits) -> None:
        self._limits = limits
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._lock = threading.Lock()

    def enter(self, username: str, address: str, now: int) -> None:
        """Count an attempt before it is made, so that attempts side by side count too.

        Raises TooManyAttemptsError while the caller has to wait; such a call does not lengthen the wait.
        """
        with self._lock:
            wait_us = max(self._wait(key, free, now) for key, free in self._keys(username, address))
            if wait_us > 0:
                seconds = -(-wait_us // US_PER_S)
                raise TooManyAttemptsError(
                    "too many failed sign-ins", field="username", cure=f"try again in {seconds} s"
                )
            for key, _free in self._keys(username, address):
                self._count(key, now)

    def succeeded(self, username: str, address: str) -> None:
        """Forget what was counted for this user name here: the password was right."""
        with self._lock:
            self._failures.pop((username, address), None)
            others = self._failures.get(("", address))
            if others is not None:
                others.count -= 1

    def _keys(self, username: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return (
            ((username, address), self._limits.free_attempts),
            (("", address), self._limits.free_attempts_of_address),
        )

    def _wait(self, key: tuple[str, str], free: int, now: int) -> int:
        entry = self._failures.get(key)
        if entry is None or entry.count < free or self._forgotten(entry, now):
            return 0
        doublings = min(entry.count - free, 30)
        wait_s = min(self._limits.first_wait_s * (1 << doublings), self._limits.longest_wait_s)
        return entry.last_us + round(wait_s * US_PER_S) - now

    def _count(self, key: tuple[str, str], now: int) -> None:
        entry = self._failures.get(key)
        if entry is None or self._forgotten(entry, now):
            entry = self._failures[key] = _Failures()
        entry.count += 1
        entry.last_us = now
        self._failures.move_to_end(key)
        if len(self._failures) > self._limits.max_entries:
            self._failures.popitem(last=False)

    def _forgotten(self, entry: _Failures, now: int) -> bool:
        return now - entry.last_us > self._limits.forget_after_s * US_PER_S
