"""What a publisher's messages do to a local live state: order, gaps, and warming from a snapshot. No I/O.

A new epoch, or a number that is missing, means that something was lost: the state goes on with what comes, and a
fresh one is built beside it from a snapshot and the batches since. It takes the old one's place when it is complete.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from andon.engines.livestate import redis_messages as messages
from andon.engines.livestate.memory import LiveStateLimits, MemoryLiveState
from andon.engines.livestate.redis_messages import Kind
from andon.engines.livestate.snapshot import ReceivedCounts, decode_counts, decode_part
from andon.kit.samples import SampleBatch, decode


@dataclass(slots=True)
class _Fresh:
    """A state built from a snapshot. `upto[tag]`: the last batch that it contains of a tag."""

    live: MemoryLiveState
    upto: NDArray[np.int64]
    counts: ReceivedCounts
    counts_upto: int

    def take(self, number: int, data: bytes) -> None:
        """Apply of the batch what the snapshot does not contain."""
        batch = decode(data)
        inside = batch.tag_ids < len(self.upto)
        missing = np.where(inside, self.upto[np.where(inside, batch.tag_ids, 0)], 0) < number
        self.live.apply(batch if missing.all() else batch.take(missing))


class Snapshot(NamedTuple):
    """Keys of a snapshot that serves now; `term` says whether it still does when they have been read."""

    keys: Sequence[str]
    term: int


class Mirror:
    """Give it every message; `live` is the state. `warming` until the state is complete."""

    def __init__(self, limits: LiveStateLimits | None = None, buffer_bytes: int = 64 << 20) -> None:
        self.live = MemoryLiveState(limits)
        self.warming = True
        self.gaps = 0
        self.listeners: list[Callable[[SampleBatch], None]] = []
        self._limits = limits
        self._buffer_bytes = buffer_bytes
        self._epoch: bytes | None = None
        self._next = 0  # number of the batch that must come next
        self._complete_from = 0  # all batches from this number on are in the buffer
        self._buffer: deque[tuple[int, bytes]] = deque()
        self._buffered = 0
        self._term = 0  # grows whenever the buffer begins anew

    def take(self, data: bytes) -> Snapshot | None:
        """Take a message in. The snapshot to `warm` it with, when it tells of one that serves.

        ValueError when it is not a message; then it is as if it had not come.
        """
        message = messages.read(data)
        if message.kind is Kind.SNAPSHOT:
            note = messages.read_note(message.body)
            serves = message.epoch == self._epoch and note.started + 1 >= self._complete_from
            return Snapshot(note.keys, self._term) if self.warming and serves else None
        encoded = messages.read_batches(message.body) if message.kind is Kind.BATCHES else []
        if message.epoch != self._epoch:
            self._epoch = message.epoch
            self._warm_from(message.number)
        elif message.number > self._next:
            self.gaps += 1
            self._warm_from(message.number)
        for number, each in enumerate(encoded, message.number):
            if number == self._next:
                self._take_batch(number, each)
        return None

    async def warm(self, parts: Sequence[bytes], term: int) -> None:
        """Build the state from a snapshot's parts, the last of which are the counters, and what came since.

        ValueError when a part is damaged.
        """
        fresh = await asyncio.to_thread(self._build, parts)
        # What the counters contain already must not be counted again, so they come in between.
        if await self._catch_up(fresh, term, fresh.counts_upto):
            fresh.live.received.restore(fresh.counts)
            if await self._catch_up(fresh, term, None):
                self.live, self.warming = fresh.live, False

    async def _catch_up(self, fresh: _Fresh, term: int, upto: int | None) -> bool:
        """Apply what came since; False when something was lost meanwhile: this state would have a hole."""
        while term == self._term:
            if not self._buffer or (upto is not None and self._buffer[0][0] > upto):
                return True
            number, data = self._buffer.popleft()
            self._buffered -= len(data)
            fresh.take(number, data)
            await asyncio.sleep(0)
        return False

    def _build(self, parts: Sequence[bytes]) -> _Fresh:
        live = MemoryLiveState(self._limits)
        counts, counts_upto = decode_counts(parts[-1])
        found = [decode_part(part) for part in parts[:-1]]
        highest = max((int(columns.tag_ids.max(initial=0)) for columns, _ in found), default=0)
        upto = np.zeros(highest + 1, np.int64)
        for columns, number in found:
            live.restore(columns)
            upto[columns.tag_ids] = number
        return _Fresh(live, upto, counts, counts_upto)

    def _warm_from(self, number: int) -> None:
        self.warming = True
        self._term += 1
        self._next = self._complete_from = number
        self._buffer.clear()
        self._buffered = 0

    def _take_batch(self, number: int, data: bytes) -> None:
        batch = decode(data)
        self._next = number + 1
        if self.warming:
            self._buffer.append((number, data))
            self._buffered += len(data)
            if self._buffered > self._buffer_bytes:
                self._warm_from(self._next)
        self.live.apply(batch)
        for listener in tuple(self.listeners):
            listener(batch)
