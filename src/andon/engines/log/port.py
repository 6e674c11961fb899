"""What every log does: keep what it acknowledged, in order within a partition, until its readers have it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from andon.kit.errors import UnavailableError

if TYPE_CHECKING:
    from andon.engines.log.codec import SampleCodec

SENSORS_DATA = "sensors-data"
METRICS = "metrics"
ALERTS = "alerts"
EVENTS = "events"
DEAD_LETTERS = "dead-letters"
STREAMS = (SENSORS_DATA, METRICS, ALERTS, EVENTS, DEAD_LETTERS)


class Record(NamedTuple):
    """One payload and its place in its partition: positions start at 1 and rise; some logs leave holes.

    `at`: when it was appended, µs UTC; 0 where the log does not tell.
    """

    position: int
    payload: bytes
    at: int = 0


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """How far one consumer group has come in a partition; `lag` is the number of records still to handle."""

    group: str
    position: int
    lag: int


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One partition of a stream. `first` and `end` are the oldest and newest positions kept (0 when empty).

    `bytes` counts payloads; None where the log does not tell.
    """

    stream: str
    first: int
    end: int
    bytes: int | None
    groups: tuple[GroupStatus, ...]
    partition: int = 0


@dataclass(frozen=True, slots=True)
class LogStatus:
    """All streams by partition, and the bytes that the log takes on this machine's disk (None: elsewhere)."""

    streams: tuple[StreamStatus, ...]
    file_bytes: int | None


class Membership(Protocol):
    """One process's part in a consumer group: which partitions of a stream it handles now."""

    @property
    def partitions(self) -> frozenset[int]:
        """The partitions that this process handles."""
        ...

    async def changed(self) -> None:
        """Until the set differs from what `partitions` gave last."""
        ...

    def on_revoke(self, finish: Callable[[frozenset[int]], Awaitable[None]]) -> None:
        """Have `finish` awaited before partitions are given up: it ends the batch in hand and commits.

        By then `partitions` does not hold them any more.
        """
        ...

    async def leave(self) -> None:
        """Give all partitions up, without calling `finish`: the consumer has ended by then."""
        ...


class Log(Protocol):
    """Append-only streams of one or more partitions, with a committed position per group and partition.

    Order is kept within a partition. `codec` is how samples are written into `sensors-data`, and read from it;
    `failure` says why the last append was refused, None while the log takes what comes. Every method may raise
    UnavailableError when the engine is away or closed, and InvalidError for a name that is not lower-case letters,
    digits, dots and dashes.
    """

    codec: SampleCodec

    @property
    def failure(self) -> UnavailableError | None:
        """See above."""
        ...

    async def partitions(self, stream: str) -> int:
        """How many partitions the stream has; they are numbered from 0."""
        ...

    async def append(self, stream: str, payloads: Sequence[bytes], keys: Sequence[str] | None = None) -> int:
        """Position of the last payload in its partition; all of them are durable when this returns.

        Payloads of the same key go to the same partition, in order; without keys the log spreads them.
        Waits while the queue is full. UnavailableError: it is not known to be kept (a full disk is named).
        TooLargeError: a payload is over the limit, nothing was kept.
        """
        ...

    async def read(
        self,
        stream: str,
        after: int,
        max_records: int = 1000,
        max_bytes: int = 4 << 20,
        wait_s: float = 0,
        partition: int = 0,
    ) -> list[Record]:
        """Records of a partition after a position, oldest first; waits up to `wait_s` seconds for at least one.

        At least one record is returned when there is any, even if it alone is over `max_bytes`.
        """
        ...

    async def commit(self, group: str, stream: str, position: int, partition: int = 0) -> None:
        """Remember that a group has handled everything up to a position.

        Becomes durable a moment later: after a crash a group may be given its last records again.
        """
        ...

    async def committed(self, group: str, stream: str, partition: int = 0) -> int:
        """The position a group committed, 0 when it never did."""
        ...

    async def end(self, stream: str, partition: int = 0) -> int:
        """Position of the newest record, 0 when there is none."""
        ...

    async def before(self, stream: str, at: int, partition: int = 0) -> int:
        """Position of the last record that was appended before a time (µs UTC); 0 when there is none."""
        ...

    async def join(self, group: str, stream: str) -> Membership:
        """Take part in a group, whose members share the partitions among them."""
        ...

    async def status(self) -> LogStatus:
        """Sizes and lags, for screens and metrics."""
        ...

    async def close(self) -> None:
        """Write what is queued and stop; later calls raise UnavailableError."""
        ...
