"""A consumer follows a stream of samples: read, decode, handle, commit; at least once, in order.

A handler that fails is tried again with growing pauses. UnavailableError and OSError mean that something
is away: those are tried for ever. Any other failure that lasts is a record nobody can handle: the batch is
halved until the record is found, it goes to the dead letters, and the stream goes on.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from andon.engines.log.port import DEAD_LETTERS, Log, Record
from andon.kit.clock import now_us, to_iso
from andon.kit.errors import UnavailableError
from andon.kit.samples import SampleBatch, concatenate, decode

log = logging.getLogger(__name__)
_AWAY = (UnavailableError, OSError)

Handler = Callable[[SampleBatch, int], Awaitable[None]]
"""Handles the samples of some records; the second argument is the position of the last of them."""


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """`max_records`, `max_bytes`: most that one call of the handler gets. `attempts`: before a batch is halved.

    `min_interval_s`: handle at most so often, unless a full read is waiting: larger, cheaper batches.
    `wait_s`: how long one read waits for something new. `letter_bytes`: most that a dead letter keeps.
    """

    max_records: int = 1000
    max_bytes: int = 4 << 20
    min_interval_s: float = 0.0
    wait_s: float = 5.0
    attempts: int = 5
    first_pause_s: float = 0.1
    longest_pause_s: float = 30.0
    letter_bytes: int = 64 << 10


@dataclass(slots=True)
class Handled:
    """What a consumer has done since it started."""

    records: int = 0
    samples: int = 0
    batches: int = 0
    failures: int = 0
    dead_letters: int = 0


class UndecodableError(ValueError):
    """A record is not an encoded sample batch: trying again cannot help."""


class Consumer:
    """Follows one stream for one group.

    `start_at`: where the group committed, the stream's end (what is new from now on), or the position that
    the consumer keeps itself. `commit=False` tells the log nothing: retention does not wait for this group.
    """

    def __init__(
        self,
        log: Log,
        stream: str,
        group: str,
        handle: Handler,
        *,
        start_at: Literal["committed", "end"] | int = "committed",
        commit: bool = True,
        limits: ConsumerLimits | None = None,
    ) -> None:
        self.group = group
        self.stream = stream
        self.position = 0
        self.handled = Handled()
        self._log = log
        self._handle = handle
        self._start_at = start_at
        self._commit = commit
        self._limits = limits or ConsumerLimits()
        self._stopping = asyncio.Event()
        self._names = {"consumer": group, "stream": stream}

    async def run(self) -> None:
        """Follow the stream until `stop`."""
        await self.seek()
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            records = await self._read_patiently()
            started = loop.time()
            if records:
                await self._handle_records(records)
            if not self._is_full(records):
                await self._pause(started + self._limits.min_interval_s - loop.time())

    async def stop(self) -> None:
        """Have `run` end after the batch in hand; the handler is not interrupted."""
        self._stopping.set()

    async def lag(self) -> int:
        """Records that are in the stream and not handled yet."""
        return max(await self._log.end(self.stream) - self.position, 0)

    async def seek(self) -> None:
        """Go to the starting position; `run` does it first."""
        end = await self._log.end(self.stream)
        if self._start_at == "end":
            self.position = end
        elif self._start_at == "committed":
            self.position = await self._log.committed(self.group, self.stream)
        else:
            self.position = self._start_at
        if self.position > end:
            log.warning(
                "the log is shorter than this consumer remembers, it was replaced: starting at its beginning",
                extra={**self._names, "position": self.position, "end": end},
            )
            self.position = 0
        if self._commit:
            # From now on retention waits for this group.
            await self._log.commit(self.group, self.stream, self.position)

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

    async def _read(self) -> list[Record]:
        limits = self._limits
        reading = asyncio.ensure_future(
            self._log.read(self.stream, self.position, limits.max_records, limits.max_bytes, limits.wait_s)
        )
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((reading, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not reading.done():
                reading.cancel()
        return reading.result() if reading.done() else []

    async def _handle_records(self, records: Sequence[Record]) -> None:
        for attempt in range(1, self._limits.attempts + 1):
            error = await self._try(records)
            if error is None:
                if attempt > 1:
                    log.info("handling works again", extra={**self._names, "attempts": attempt})
                return
            if isinstance(error, UndecodableError):
                break
            if attempt == 1:
                log.warning("handling failed, trying again", extra={**self._names, "error": repr(error)})
            if not await self._pause_before(attempt):
                return
        await self._split(records)

    async def _try(self, records: Sequence[Record]) -> Exception | None:
        """Handle and commit; waits out whatever is away. The error when these records cannot be handled."""
        attempt = 0
        while True:
            try:
                await self._once(records)
            except _AWAY as error:
                attempt += 1
                self.handled.failures += 1
                if attempt == 1:
                    log.warning("handling waits for what is away", extra={**self._names, "error": str(error)})
                if not await self._pause_before(attempt):
                    return None
            except Exception as error:  # noqa: BLE001 (a handler may fail in any way, the stream must go on)
                self.handled.failures += 1
                return error
            else:
                if attempt:
                    log.info("what was away is back", extra=self._names)
                return None

    async def _once(self, records: Sequence[Record]) -> None:
        last = records[-1].position
        batch = concatenate([_decoded(record) for record in records])
        await self._handle(batch, last)
        self.handled.batches += 1
        self.handled.records += len(records)
        self.handled.samples += len(batch)
        await self._done(last)

    async def _split(self, records: Sequence[Record]) -> None:
        """Find the records that cannot be handled by halving, and set them aside."""
        if self._stopping.is_set():
            return
        error = await self._try(records)
        if error is None:
            return
        if len(records) == 1:
            await self._set_aside(records[0], error)
            return
        middle = len(records) // 2
        await self._split(records[:middle])
        await self._split(records[middle:])

    async def _set_aside(self, record: Record, error: Exception) -> None:
        letter = {
            "at": to_iso(now_us()),
            "source": "log",
            "topic": self.stream,
            "reason": "handler_failed",
            "detail": f"{self.group}: {error!r}"[:500],
            "payload": base64.b64encode(record.payload[: self._limits.letter_bytes]).decode(),
            "size": len(record.payload),
            "position": record.position,
        }
        attempt = 0
        while True:
            try:
                await self._log.append(DEAD_LETTERS, [msgspec.json.encode(letter)])
                break
            except UnavailableError:
                attempt += 1
                if not await self._pause_before(attempt):
                    return
        self.handled.dead_letters += 1
        log.error("a record cannot be handled and was set aside", extra={**self._names, "error": repr(error)})
        await self._done(record.position)

    async def _done(self, position: int) -> None:
        self.position = position
        if self._commit:
            await self._log.commit(self.group, self.stream, position)

    async def _pause_before(self, attempt: int) -> bool:
        """Wait longer with each attempt; False when the consumer is to stop."""
        limits = self._limits
        await self._pause(min(limits.first_pause_s * 2 ** min(attempt - 1, 30), limits.longest_pause_s))
        return not self._stopping.is_set()

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


def _decoded(record: Record) -> SampleBatch:
    try:
        return decode(record.payload)
    except ValueError as error:
        raise UndecodableError(f"record {record.position}: {error}") from error
