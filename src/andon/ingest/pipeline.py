"""From received to durable: gathers samples and dead letters, writes them to the log, then acknowledges."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from andon.engines.log.port import DEAD_LETTERS, SENSORS_DATA, Log
from andon.ingest import metrics
from andon.ingest.batch import BatchBuilder
from andon.ingest.dead_letters import DeadLetters
from andon.ingest.pace import Pace
from andon.ingest.rates import RateWindow
from andon.ingest.settings import IngestSettings
from andon.kit.errors import AndonError, TooLargeError
from andon.kit.samples import SampleBatch
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


def _ignore(_asked: bool) -> None:
    """Nobody is to be asked to hold back."""


class Pipeline:
    """One flush at a time: at once after a quiet moment, else at a `Pace`.

    Each flush costs the disk, the broker and every consumer of the log a turn: a few messages wait for one another.
    `on_rest(True)` tells the sources that nothing is flushed until `on_rest(False)`, unless many messages come: when
    few come, to read them one by one costs several times what reading them together does.

    While the log is slow or away nothing is acknowledged, what arrives is gathered, and above the limit
    `on_full(True)` asks the sources to hold back.
    """

    def __init__(
        self,
        log: Log,
        settings: IngestSettings,
        on_full: Callable[[bool], None] = _ignore,
        on_rest: Callable[[bool], None] = _ignore,
    ) -> None:
        self._log = log
        self._settings = settings
        self._on_full = on_full
        self._on_rest = on_rest
        self.out = BatchBuilder(settings.batch_samples, settings.batch_text_bytes)
        self.letters = DeadLetters(log, settings, self.wake)
        self.messages, self.samples, self.rejected = RateWindow(), RateWindow(), RateWindow()
        self._done: list[Callable[[], None]] = []
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()
        self._full = self._resting = self._stopping = False
        self._in_flight = 0
        self._new_messages = self._new_bytes = self._pending_bytes = self._gathered = 0
        self._reasons: Counter[str] = Counter()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to flush."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="ingest flush")

    async def stop(self, patience_s: float = 2.0) -> None:
        """Flush what is there, as far as the log takes it within `patience_s`."""
        self._stopping = True
        if self._task is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.settled()
        await end_tasks(self._task)
        self._task = None

    @property
    def pending_samples(self) -> int:
        """Samples that are received and not yet durable."""
        return len(self.out) + self._in_flight

    @property
    def holds_back(self) -> bool:
        """Whether the sources are to bring nothing now."""
        return self._full or self._resting or self._stopping

    def received(self, size: int, done: Callable[[], None] | None) -> None:
        """A message of the broker was handled; `done` is called when everything it brought is durable."""
        self._new_messages += 1
        self._new_bytes += size
        self._pending_bytes += size
        if done is not None:
            self._done.append(done)
        if not self._work.is_set():
            self._work.set()
        self._gathered += 1
        if self._gathered == self._settings.busy_messages:
            self._hurry.set()
        if not self._full and self._is_full():
            self._full = True
            self._on_full(True)

    async def append_now(self, batches: Sequence[SampleBatch]) -> None:
        """A request's samples, which wait for no flush: durable when this returns. UnavailableError: none is kept."""
        if batches:
            await self._log.append(SENSORS_DATA, *self._log.codec.encode(batches))
        samples = sum(map(len, batches))
        metrics.MESSAGES.labels("http").inc()
        metrics.SAMPLES.inc(samples)
        self.messages.add(1)
        self.samples.add(samples)

    def count_rejected(self, reason: str, count: int = 1) -> None:
        """A message, or a part of it, was refused; or so many were."""
        self._reasons[reason] += count

    async def settled(self) -> None:
        """Until all that was received so far is durable."""
        done = asyncio.Event()
        self._done.append(done.set)
        self._work.set()
        self._hurry.set()
        await done.wait()

    def wake(self) -> None:
        """Flush what there is."""
        self._work.set()

    def _is_full(self) -> bool:
        settings = self._settings
        return len(self.out) > settings.max_pending_samples or self._pending_bytes > settings.max_pending_bytes

    async def _run(self) -> None:
        pace = Pace(self._settings)
        while True:
            await self._work.wait()
            began = time.monotonic()
            pause = pace.next_s(self._gathered)
            with self._rest(pause):
                await self._flush()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(began + pause - time.monotonic()):
                        await self._hurry.wait()
                await asyncio.sleep(max(0.0, began + pace.least_s - time.monotonic()))

    @contextlib.contextmanager
    def _rest(self, longest_s: float) -> Iterator[None]:
        """The sources rest while the block runs, but no longer than this should the log take its time.

        Not when they bring so many messages that each read brings many by itself.
        """
        if self._gathered >= self._settings.many_messages:
            yield
            return
        self._set_resting(True)
        over = asyncio.get_running_loop().call_later(longest_s, self._set_resting, False)
        try:
            yield
        finally:
            over.cancel()
            self._set_resting(False)

    def _set_resting(self, resting: bool) -> None:
        if resting != self._resting:
            self._resting = resting
            self._on_rest(resting)

    async def _flush(self) -> None:
        self._work.clear()
        self._hurry.clear()
        self._gathered = 0
        batches, letters = self.out.take(), self.letters.take()
        done, self._done = self._done, []
        self._in_flight, self._pending_bytes = sum(map(len, batches)), 0
        began = time.perf_counter()
        await self._write(batches, letters)
        metrics.FLUSH_SECONDS.observe(time.perf_counter() - began)
        self._count()
        self._in_flight = 0
        for callback in done:
            callback()
        if self._full and not self._is_full():
            self._full = False
            self._on_full(False)

    async def _write(self, batches: list[SampleBatch], letters: list[bytes]) -> None:
        if batches:
            await self._append(SENSORS_DATA, *self._log.codec.encode(batches))
        if letters:
            await self._append(DEAD_LETTERS, letters)

    async def _append(self, stream: str, payloads: list[bytes], keys: list[str] | None = None) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                await self._log.append(stream, payloads, keys)
            except TooLargeError as error:
                await self._append_smaller(stream, payloads, keys, error)
                return
            except (AndonError, OSError) as error:
                if pause == _FIRST_PAUSE_S:
                    logger.error("the log takes nothing, samples wait", extra={"reason": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                if pause > _FIRST_PAUSE_S:
                    logger.info("the log takes samples again")
                return

    async def _append_smaller(
        self, stream: str, payloads: list[bytes], keys: list[str] | None, error: TooLargeError
    ) -> None:
        """Find what no record of the log can hold; the rest is to get through."""
        if len(payloads) > 1:
            for index, payload in enumerate(payloads):
                await self._append(stream, [payload], None if keys is None else [keys[index]])
        elif stream == SENSORS_DATA:
            self.letters.put("log", stream, payloads[0], "too_large", error.message)
        else:
            logger.error("a dead letter is too large for the log", extra={"reason": error.message})

    def _count(self) -> None:
        self.messages.add(self._new_messages)
        self.samples.add(self._in_flight)
        metrics.SAMPLES.inc(self._in_flight)
        metrics.BYTES.inc(self._new_bytes)
        metrics.PENDING.set(len(self.out))
        metrics.MESSAGES.labels("mqtt").inc(self._new_messages)
        for reason, count in self._reasons.items():
            metrics.REJECTED.labels(reason).inc(count)
            self.rejected.add(count)
        self._new_messages = self._new_bytes = 0
        self._reasons.clear()
