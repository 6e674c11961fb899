"""Messages that were read faster than they can be handled: in which order they go on, and which do not."""

from __future__ import annotations

from collections import deque

RUN = 100
"""Most messages of one run."""

_QOS = 0x06
_RUN_BYTES = 150
"""About what a run takes beyond its messages."""

Run = tuple[bytes, int]
"""(whole MQTT PUBLISH packets one after the other, how many)"""


class Waiting:
    """What the broker keeps until it is acknowledged goes first: the broker sends little more until it is.

    Of the rest, QoS 0, `limit_bytes` may wait. Beyond it the oldest go: newer values of the same devices are behind
    them. Without `may_drop` nothing goes, and no more is read: where all is QoS 0, nothing would be gained.

    Neighbours in what was read wait as one run: a Python object for each would take more than the messages.
    """

    def __init__(self, limit_bytes: int, may_drop: bool = True) -> None:
        self.dropped = 0
        self._may_drop = may_drop
        self._limit = limit_bytes
        self._first: deque[Run] = deque()
        self._later: deque[Run] = deque()
        self._first_bytes = self._later_bytes = 0
        self._start = self._end = self._count = 0
        self._kept = 0

    def __bool__(self) -> bool:
        return bool(self._first or self._later)

    @property
    def full(self) -> bool:
        """Whether no more should be read: of what cannot be dropped as much waits as may."""
        return self._first_bytes + (0 if self._may_drop else self._later_bytes) > self._limit

    @property
    def unkept(self) -> int:
        """Messages that wait and that nobody sends again."""
        return sum(count for _, count in self._later)

    def add(self, data: bytes, start: int, end: int) -> None:
        """Put the message that is `data[start:end]` to those that wait; `close` before the data are another's."""
        kept = data[start] & _QOS
        if start != self._end or bool(kept) != bool(self._kept) or self._count == RUN:
            self.close(data)
            self._start, self._kept = start, kept
        self._end = end
        self._count += 1

    def close(self, data: bytes) -> None:
        """The run that was begun in `data` ends."""
        if self._count:
            self._put((data[self._start : self._end], self._count))
        self._start = self._end = self._count = 0

    def next(self) -> Run:
        """Take the run whose turn it is. IndexError when none waits."""
        if self._first:
            run = self._first.popleft()
            self._first_bytes -= len(run[0]) + _RUN_BYTES
        else:
            run = self._later.popleft()
            self._later_bytes -= len(run[0]) + _RUN_BYTES
        return run

    def _put(self, run: Run) -> None:
        size = len(run[0]) + _RUN_BYTES
        if self._kept:
            self._first.append(run)
            self._first_bytes += size
            return
        self._later.append(run)
        self._later_bytes += size
        while self._may_drop and self._later_bytes > self._limit:
            oldest, count = self._later.popleft()
            self._later_bytes -= len(oldest) + _RUN_BYTES
            self.dropped += count
