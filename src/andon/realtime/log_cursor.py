"""How far realtime has come in the log, as one number that a client can remember and come back with.

Where the log has one partition the number is the position in it. Where it has several it is a time in µs UTC, which
grows with every batch: this process remembers for some minutes at which positions it stood then; older numbers, and
those that another process gave out, are looked up by the time, a little early. What a client gets twice does no harm.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import islice
from typing import Final

from andon.engines.log.port import SENSORS_DATA, Log
from andon.kit.clock import US_PER_S, now_us

_REMEMBERED: Final = 6_000
_EVERY_US: Final = US_PER_S // 10
_EARLY_US: Final = 10 * US_PER_S
"""Another process may have been so far behind the log when it gave out a number."""

Positions = dict[int, int]
"""Positions by partition."""


class LogCursor:
    """`start` it before anything is handled, then tell it of every batch."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._past: deque[tuple[int, Positions]] = deque(maxlen=_REMEMBERED)
        self.positions: Positions = {}
        self.number = 0

    async def start(self) -> None:
        """Stand at the log's end."""
        partitions = range(await self._log.partitions(SENSORS_DATA))
        self.positions = {each: await self._log.end(SENSORS_DATA, each) for each in partitions}
        self.number = self.positions[0] if len(partitions) == 1 else now_us()
        self._remember()

    def advance(self, position: int, partition: int) -> int:
        """A batch was handled; the number from now on."""
        self.positions[partition] = position
        if len(self.positions) == 1:
            self.number = position
        else:
            self.number = max(self.number + 1, now_us())
            self._remember()
        return self.number

    async def after_number(self, number: int) -> Positions | None:
        """Positions behind which lies all that came after a number; None when it is of another log."""
        if number > self.number:
            return None
        if len(self.positions) == 1:
            return {0: number}
        if number >= self._past[0][0]:
            index = bisect_right(self._past, number, key=lambda each: each[0]) - 1
            return dict(next(islice(self._past, index, None))[1])
        return await self.after_time(number - _EARLY_US)

    async def after_time(self, at: int) -> Positions:
        """Positions behind which lies all that arrived from a time on (µs UTC). UnavailableError: the log is away."""
        return {
            partition: min(await self._log.before(SENSORS_DATA, at, partition), upto)
            for partition, upto in tuple(self.positions.items())
        }

    def number_at(self, positions: Positions, at: int) -> int:
        """The number for positions that `after_time` found for a time."""
        return positions[0] if len(self.positions) == 1 else max(at, 0)

    def _remember(self) -> None:
        if not self._past or self.number - self._past[-1][0] >= _EVERY_US:
            self._past.append((self.number, dict(self.positions)))
