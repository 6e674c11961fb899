"""Dead letters as they are kept in the log, and reading them back."""

from __future__ import annotations

import base64
import binascii
import heapq
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from andon.engines.log.port import DEAD_LETTERS, Log
from andon.engines.log.reading import read_range
from andon.kit.clock import parse_timestamp

_PREVIEW = 200
_PAGE = 100
_PARTITION = 1 << 43
"""Ids of letters are positions; those of further partitions begin here. They stay exact in JavaScript's numbers."""


class StoredLetter(msgspec.Struct, omit_defaults=True):
    """A dead letter as the stream holds it."""

    at: str
    source: str
    topic: str
    reason: str
    detail: str
    payload: str = ""
    size: int = 0
    device: str | None = None
    organisation: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`at` µs UTC. `payload` is what was kept of `size` bytes; `count` above 1: a summary of letters not kept."""

    id: int
    at: int
    source: str
    topic: str
    reason: str
    detail: str
    payload: bytes
    size: int
    device: str | None
    organisation: str | None
    count: int

    @property
    def replayable(self) -> bool:
        """Whether the whole payload is there to try again."""
        return self.size > 0 and len(self.payload) == self.size

    @property
    def preview(self) -> str:
        """The first characters of the payload, unreadable bytes replaced."""
        return self.payload[:_PREVIEW].decode("utf-8", "replace")


class LetterReader:
    """UnavailableError when the log cannot be read."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def recent(self, organisation: str, before: int | None, limit: int) -> list[DeadLetter]:
        """The newest letters first, those before the letter `before` when it is given."""
        bound = await self._bound(before)
        found: list[DeadLetter] = []
        async for letter in self._newest_first(before if before is not None else 0):
            if len(found) >= limit:
                break
            is_older = bound is None or (letter.at, letter.id) < bound
            if is_older and letter.organisation in (None, organisation):
                found.append(letter)
        return found

    async def get(self, organisation: str, letter_id: int) -> DeadLetter | None:
        """The letter of that id, None when it is not kept any more or belongs to another organisation."""
        letter = await self._get(letter_id)
        return letter if letter is not None and letter.organisation in (None, organisation) else None

    async def _get(self, letter_id: int) -> DeadLetter | None:
        partition, position = divmod(letter_id, _PARTITION)
        if position < 1 or not 0 <= partition < await self._log.partitions(DEAD_LETTERS):
            return None
        records = await self._log.read(DEAD_LETTERS, position - 1, max_records=1, partition=partition)
        found = (_letter(letter_id, record.payload) for record in records if record.position == position)
        return next(found, None)

    async def _bound(self, before: int | None) -> tuple[int, int] | None:
        """Time and id that letters of several partitions have to lie before."""
        if before is None or await self._log.partitions(DEAD_LETTERS) == 1:
            return None
        letter = await self._get(before)
        return None if letter is None else (letter.at, letter.id)

    async def _newest_first(self, before: int) -> AsyncIterator[DeadLetter]:
        """All letters, merged by their times; where there is one partition, those before a letter (0: all)."""
        partitions = await self._log.partitions(DEAD_LETTERS)
        if partitions == 1:
            upto = before - 1 if before else await self._log.end(DEAD_LETTERS)
            async for letter in self._backwards(0, upto):
                yield letter
            return
        sources = [self._backwards(each, await self._log.end(DEAD_LETTERS, each)) for each in range(partitions)]
        heap: list[tuple[int, int, DeadLetter]] = []
        for source in sources:
            await _push(heap, source)
        while heap:
            _, _, letter = heapq.heappop(heap)
            yield letter
            await _push(heap, sources[letter.id // _PARTITION])

    async def _backwards(self, partition: int, upto: int) -> AsyncIterator[DeadLetter]:
        while upto > 0:
            first = max(upto - _PAGE, 0)
            records = await read_range(self._log, DEAD_LETTERS, first, upto, partition)
            for record in reversed(records):
                yield _letter(partition * _PARTITION + record.position, record.payload)
            if not records:
                return
            upto = first


async def _push(heap: list[tuple[int, int, DeadLetter]], source: AsyncIterator[DeadLetter]) -> None:
    async for letter in source:
        heapq.heappush(heap, (-letter.at, -letter.id, letter))
        return


_decoder = msgspec.json.Decoder(StoredLetter)


def _letter(letter_id: int, payload: bytes) -> DeadLetter:
    try:
        stored = _decoder.decode(payload)
        at, kept = parse_timestamp(stored.at), base64.b64decode(stored.payload)
    except (msgspec.MsgspecError, ValueError, binascii.Error) as error:
        detail = f"this letter cannot be read: {error}"
        return DeadLetter(letter_id, 0, "log", "", "unreadable_letter", detail, payload, 0, None, None, 1)
    return DeadLetter(
        letter_id,
        at,
        stored.source,
        stored.topic,
        stored.reason,
        stored.detail,
        kept,
        stored.size,
        stored.device,
        stored.organisation,
        stored.count,
    )
