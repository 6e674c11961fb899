"""What every log does: keep what it acknowledged, in order, until its readers have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

SENSORS_DATA = "sensors-data"
METRICS = "metrics"
ALERTS = "alerts"
EVENTS = "events"
DEAD_LETTERS = "dead-letters"
STREAMS = (SENSORS_DATA, METRICS, ALERTS, EVENTS, DEAD_LETTERS)


class Record(NamedTuple):
    """One payload and its place in its stream: positions start at 1 and have no holes."""

    position: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """How far one consumer group has come in a stream; `lag` is the number of records still to handle."""

    group: str
    position: int
    lag: int


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """`first` and `end` are the oldest and newest positions kept (0 when empty); `bytes` counts payloads."""

    stream: str
    first: int
    end: int
    bytes: int
    groups: tuple[GroupStatus, ...]


@dataclass(frozen=True, slots=True)
class LogStatus:
    """All streams, and the bytes that the log takes on its disk."""

    streams: tuple[StreamStatus, ...]
    file_bytes: int


class Log(Protocol):
    """Append-only streams with one committed position per consumer group.

    Every method may raise UnavailableError when the engine is away or closed, and InvalidError for a
    name that is not lower-case letters, digits, dots and dashes.
    """

    async def append(self, stream: str, payloads: Sequence[bytes]) -> int:
        """Position of the last payload; all of them are on the disk when this returns.

        Waits while the queue is full. UnavailableError: nothing of it was kept (a full disk is named).
        TooLargeError: a payload is over the limit.
        """
        ...

    async def read(
        self, stream: str, after: int, max_records: int = 1000, max_bytes: int = 4 << 20, wait_s: float = 0
    ) -> list[Record]:
        """Records after a position, oldest first; waits up to `wait_s` seconds for at least one.

        At least one record is returned when there is any, even if it alone is over `max_bytes`.
        """
        ...

    async def commit(self, group: str, stream: str, position: int) -> None:
        """Remember that a group has handled everything up to a position.

        Becomes durable a moment later: after a crash a group may be given its last records again.
        """
        ...

    async def committed(self, group: str, stream: str) -> int:
        """The position a group committed, 0 when it never did."""
        ...

    async def end(self, stream: str) -> int:
        """Position of the newest record, 0 when there is none."""
        ...

    async def status(self) -> LogStatus:
        """Sizes and lags, for screens and metrics."""
        ...

    async def close(self) -> None:
        """Write what is queued and stop; later calls raise UnavailableError."""
        ...
