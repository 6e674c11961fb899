"""Follows one partition of a stream: read, decode, handle, commit; at least once, in order.

A handler that fails is tried again with growing pauses. UnavailableError and OSError mean that something
is away: those are tried for ever. Any other failure that lasts is a record nobody can handle: the batch is
halved until the record is found, it goes to the dead letters, and the partition goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from andon.engines.log.codec import Decoded, Refused, SampleCodec
from andon.engines.log.letters import letters
from andon.engines.log.port import DEAD_LETTERS, Log, Record
from andon.kit.errors import UnavailableError
from andon.kit.samples import SampleBatch, concatenate

log = logging.getLogger(__name__)
_AWAY = (UnavailableError, OSError)

Handler = Callable[[SampleBatch, int, int], Awaitable[int | None]]
"""Handles the samples of some records: (batch, position of the last of them, partition).

Returns the position up to which everything is durable and may be committed; None: all that it was given.
"""


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """`max_records`, `max_bytes`: most that one call of the handler gets. `attempts`: before a batch is halved.

    `min_interval_s`: handle at most so often, unless a full read is waiting: larger, cheaper batches.
    `wait_s`: how long one read waits for something new. `letter_bytes`: most that a dead letter keeps,
    `letters`: most letters that one read makes; the rest is counted.
    """

    max_records: int = 20_000
    max_bytes: int = 4 << 20
    min_interval_s: float = 0.0
    wait_s: float = 5.0
    attempts: int = 5
    first_pause_s: float = 0.1
    longest_pause_s: float = 30.0
    letter_bytes: int = 64 << 10
    letters: int = 100


@dataclass(slots=True)
class Handled:
    """What a consumer has done since it started."""

    records: int = 0
    samples: int = 0
    batches: int = 0
    failures: int = 0
    dead_letters: int = 0


@dataclass(frozen=True, slots=True)
class Following:
    """What all partitions of a consumer share. `group` None: nothing is committed.

    `keep_unreadable`: records without samples go to the dead letters; one group of a stream is to do that.
    """

    log: Log
    stream: str
    name: str
    group: str | None
    handle: Handler
    codec: SampleCodec
    keep_unreadable: bool
    limits: ConsumerLimits
    handled: Handled


class Follower:
    """One partition, from `position` on."""

    def __init__(self, following: Following, partition: int, position: int) -> None:
        self.partition = partition
        self.position = position
        self._log = following.log
        self._following = following
        self._handled = following.handled
        self._limits = following.limits
        self._waits_for_handler = False  # something was handled that is not durable yet
        self._stopping = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None  # this follower's own task while it waits for records
        self._names = {"consumer": following.name, "stream": following.stream, "partition": partition}

    async def run(self) -> None:
        """Follow the partition until `stop`."""
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            records = await self._read_patiently()
            started = loop.time()
            if records:
                await self._handle_records(records)
            if not self._is_full(records):
                await self._pause(started + self._limits.min_interval_s - loop.time())

    def stop(self) -> None:
        """Have `run` end after the batch in hand; the handler is not interrupted."""
        self._stopping.set()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def lag(self) -> int:
        """Records that are in the partition and not handled yet."""
        return max(await self._log.end(self._following.stream, self.partition) - self.position, 0)

    # Reading

    def _is_full(self, records: Sequence[Record]) -> bool:
        """Whether a read probably left something behind: it was near one of its limits."""
        size = sum(len(record.payload) for record in records)
        return len(records) >= self._limits.max_records or size >= self._limits.max_bytes // 2

    async def _read_patiently(self) -> Sequence[Record]:
        attempt = 0
        while True:
            try:
                records = await self._read()
            except UnavailableError as error:
                attempt += 1
                if attempt == 1:
                    log.warning("the log cannot be read", extra={**self._names, "error": error.message})
                if not await self._pause_before(attempt):
                    return ()
            else:
                if attempt:
                    log.info("the log can be read again", extra=self._names)
                return records

    async def _read(self) -> Sequence[Record]:
        """What there is, or nothing when there is none in time or `stop` is called."""
        limits = self._limits
        task = self._reading = asyncio.current_task()
        assert task is not None
        try:
            return await self._log.read(
                self._following.stream,
                self.position,
                limits.max_records,
                limits.max_bytes,
                limits.wait_s,
                self.partition,
            )
        except asyncio.CancelledError:
            if not self._stopping.is_set() or task.uncancel():
                raise  # it is the task that is to end, not the reading alone
            return []
        finally:
            self._reading = None

    # Handling

    async def _handle_records(self, records: Sequence[Record]) -> None:
        decoded = await self._decode(records)
        if decoded is None or not await self._refuse(decoded.refused):
            return
        if len(decoded.refused) == len(records):
            await self._done(records[-1].position, None)
            return
        for attempt in range(1, self._limits.attempts + 1):
            error = await self._try(records, decoded.batch)
            if error is None:
                if attempt > 1:
                    log.info("handling works again", extra={**self._names, "attempts": attempt})
                return
            if attempt == 1:
                log.warning("handling failed, trying again", extra={**self._names, "error": repr(error)})
            if not await self._pause_before(attempt):
                return
        unreadable = {each.record.position for each in decoded.refused}
        await self._split([record for record in records if record.position not in unreadable])
        if not self._stopping.is_set():
            await self._done(records[-1].position, None)

    async def _try(self, records: Sequence[Record], batch: SampleBatch) -> Exception | None:
        """Handle and commit; waits out whatever is away. The error when these records cannot be handled."""
        attempt = 0
        while True:
            try:
                await self._once(records, batch)
            except _AWAY as error:
                attempt += 1
                self._handled.failures += 1
                if attempt == 1:
                    log.warning("handling waits for what is away", extra={**self._names, "error": str(error)})
                if not await self._pause_before(attempt):
                    return None
            except Exception as error:  # noqa: BLE001 (a handler may fail in any way, the stream must go on)
                self._handled.failures += 1
                return error
            else:
                if attempt:
                    log.info("what was away is back", extra=self._names)
                return None

    async def _once(self, records: Sequence[Record], batch: SampleBatch) -> None:
        last = records[-1].position
        durable = await self._following.handle(batch, last, self.partition)
        self._waits_for_handler = durable is not None and durable < last
        self._handled.batches += 1
        self._handled.records += len(records)
        self._handled.samples += len(batch)
        await self._done(last, durable)

    async def _split(self, records: Sequence[Record]) -> None:
        """Find the records that cannot be handled by halving, and set them aside."""
        if self._stopping.is_set():
            return
        decoded = await self._decode(records)
        if decoded is None:
            return
        error = await self._try(records, decoded.batch)
        if error is None:
            return
        if len(records) == 1:
            found = Refused(records[0], "handler_failed", f"{self._following.name}: {error!r}")
            if await self._set_aside([found]):
                await self._done(records[0].position, None)
            return
        middle = len(records) // 2
        await self._split(records[:middle])
        await self._split(records[middle:])

    async def _decode(self, records: Sequence[Record]) -> Decoded | None:
        """The samples; waits out whatever is away. None when the consumer is to stop before that could be done."""
        attempt = 0
        while True:
            try:
                return await self._following.codec.decode(records)
            except _AWAY as error:
                attempt += 1
                if attempt == 1:
                    log.warning("reading waits for what is away", extra={**self._names, "error": str(error)})
                if not await self._pause_before(attempt):
                    return None
            except Exception as error:
                log.exception("records cannot be read, trying each by itself", extra=self._names)
                if len(records) == 1:
                    return Decoded(SampleBatch.empty(), [Refused(records[0], "unreadable", repr(error))])
                each = [await self._decode([record]) for record in records]
                if None in each:
                    return None
                found = [decoded for decoded in each if decoded is not None]
                refused = [one for decoded in found for one in decoded.refused]
                return Decoded(concatenate([decoded.batch for decoded in found]), refused)

    async def _refuse(self, refused: Sequence[Refused]) -> bool:
        if not refused or not self._following.keep_unreadable:
            return True
        return await self._set_aside(refused)

    async def _set_aside(self, refused: Sequence[Refused]) -> bool:
        """Put records into the dead letters; False when the consumer is to stop before that could be done."""
        limits, stream = self._limits, self._following.stream
        made = letters(
            refused,
            stream=stream,
            partition=self.partition,
            max_count=limits.letters,
            max_bytes=limits.letter_bytes,
        )
        attempt = 0
        while True:
            try:
                await self._log.append(DEAD_LETTERS, made)
                break
            except UnavailableError:
                attempt += 1
                if not await self._pause_before(attempt):
                    return False
        self._handled.dead_letters += len(refused)
        first = refused[0]
        log.error(
            "records cannot be handled and were set aside",
            extra={**self._names, "count": len(refused), "position": first.record.position, "error": first.detail},
        )
        return True

    async def _done(self, position: int, durable: int | None) -> None:
        """Go on after a position; commit it, or what the handler says is durable."""
        self.position = position
        group = self._following.group
        if group is None or (durable is None and self._waits_for_handler):
            return
        done = position if durable is None else min(durable, position)
        try:
            await self._log.commit(group, self._following.stream, done, self.partition)
        except UnavailableError as error:
            # Handling again after a restart is all that it costs.
            log.warning("a position cannot be committed", extra={**self._names, "error": error.message})

    # Pauses

    async def _pause_before(self, attempt: int) -> bool:
        """Wait longer with each attempt; False when the consumer is to stop."""
        limits = self._limits
        await self._pause(min(limits.first_pause_s * 2 ** min(attempt - 1, 30), limits.longest_pause_s))
        return not self._stopping.is_set()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
