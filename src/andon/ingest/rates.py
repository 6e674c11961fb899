"""Counts over the last seconds."""

from __future__ import annotations

import time
from collections.abc import Callable


class RateWindow:
    """A rate over the last `seconds` whole seconds, in one small list."""

    def __init__(self, seconds: int = 10, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slots = [0] * (seconds + 1)
        self._second = int(clock())

    def add(self, count: int) -> None:
        """Count something that happened now."""
        self._advance()
        self._slots[self._second % len(self._slots)] += count

    def per_second(self) -> float:
        """Mean over the last whole seconds; the second that is under way does not count."""
        self._advance()
        whole = sum(self._slots) - self._slots[self._second % len(self._slots)]
        return whole / (len(self._slots) - 1)

    def _advance(self) -> None:
        now = int(self._clock())
        for second in range(max(self._second + 1, now - len(self._slots) + 1), now + 1):
            self._slots[second % len(self._slots)] = 0
        self._second = now
