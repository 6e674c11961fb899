"""What could not be taken, kept with its reason so that a person can see it and try again."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from andon.engines.log.port import DEAD_LETTERS, Log
from andon.ingest.settings import IngestSettings
from andon.kit.clock import now_us, parse_timestamp, to_iso

Source = Literal["mqtt", "http", "log"]

WINDOW_S = 1.0
_MAX_KEYS = 1_000
_STUB_BYTES = 256
_PREVIEW = 200
_MAX_DETAIL = 500


class _Stored(msgspec.Struct, omit_defaults=True):
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


@dataclass(slots=True)
class _Withheld:
    source: Source
    count: int = 0


class DeadLetters:
    """Collects letters for the next flush; reads them back from the log.

    Whatever a sender does, no more is kept in a second than the settings allow: what is above is counted and
    told in one summary letter per reason.
    """

    def __init__(self, log: Log, settings: IngestSettings, ready: Callable[[], None]) -> None:
        self._log = log
        self._settings = settings
        self._ready = ready
        self._queue: list[bytes] = []
        self._seen: dict[tuple[str, str], int] = {}
        self._withheld: dict[tuple[str, str], _Withheld] = {}
        self._kept: dict[str, int] = {}
        self._kept_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def put(
        self,
        source: Source,
        topic: str,
        payload: bytes,
        reason: str,
        detail: str,
        *,
        device: str | None = None,
        organisation: str | None = None,
        at: int | None = None,
    ) -> None:
        """Keep a letter, or count it when there were too many like it within the second."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_S, self._end_window)
        key = (reason, topic)
        if key not in self._seen and len(self._seen) >= _MAX_KEYS:
            key = (reason, "")
        self._seen[key] = seen = self._seen.get(key, 0) + 1
        kept_so_far = self._kept.get(reason, 0)
        if seen > self._settings.letters_each or kept_so_far >= self._settings.letters_per_reason:
            self._withhold(key, source)
            return
        self._kept[reason] = kept_so_far + 1
        kept = self._cut(payload)
        self._add(
            _Stored(
                to_iso(now_us() if at is None else at),
                source,
                topic[:_MAX_DETAIL],
                reason,
                detail[:_MAX_DETAIL],
                base64.b64encode(kept).decode(),
                len(payload),
                device,
                organisation,
            )
        )

    def take(self) -> list[bytes]:
        """The letters that wait to be written."""
        taken, self._queue = self._queue, []
        return taken

    async def total(self) -> int:
        """How many letters there have been."""
        return await self._log.end(DEAD_LETTERS)

    async def recent(self, organisation: str, before: int | None = None, limit: int = 100) -> list[DeadLetter]:
        """The newest letters first, those before the letter `before` when it is given."""
        newest = await self._log.end(DEAD_LETTERS) if before is None else before - 1
        found: list[DeadLetter] = []
        while newest > 0 and len(found) < limit:
            first = max(newest - limit, 0)
            letters = await self._read(first, newest)
            mine = [letter for letter in letters if letter.organisation in (None, organisation)]
            found.extend(reversed(mine))
            if not letters:
                break
            newest = first
        return found[:limit]

    async def get(self, organisation: str, letter_id: int) -> DeadLetter | None:
        """The letter of that id, None when it is not kept any more or belongs to another organisation."""
        if letter_id < 1:
            return None
        letters = await self._read(letter_id - 1, letter_id)
        return next((letter for letter in letters if letter.organisation in (None, organisation)), None)

    async def _read(self, after: int, last: int) -> list[DeadLetter]:
        records = await self._log.read(DEAD_LETTERS, after, max_records=last - after, max_bytes=16 << 20)
        return [_letter(record.position, record.payload) for record in records if record.position <= last]

    def _cut(self, payload: bytes) -> bytes:
        kept = payload[: self._settings.letter_payload_bytes]
        if self._kept_bytes + len(kept) > self._settings.letters_bytes:
            kept = payload[:_STUB_BYTES]
        self._kept_bytes += len(kept)
        return kept

    def _withhold(self, key: tuple[str, str], source: Source) -> None:
        withheld = self._withheld.get(key)
        if withheld is None:
            withheld = self._withheld[key] = _Withheld(source)
        withheld.count += 1

    def _end_window(self) -> None:
        self._timer = None
        now = to_iso(now_us())
        by_reason: dict[str, list[tuple[str, _Withheld]]] = {}
        for (reason, topic), withheld in self._withheld.items():
            by_reason.setdefault(reason, []).append((topic, withheld))
        for reason, entries in by_reason.items():
            count = sum(withheld.count for _, withheld in entries)
            topic = entries[0][0] if len(entries) == 1 else f"{len(entries)} topics"
            detail = f"and {count:,} more"
            self._add(_Stored(now, entries[0][1].source, topic[:_MAX_DETAIL], reason, detail, count=count))
        self._seen.clear()
        self._withheld.clear()
        self._kept.clear()
        self._kept_bytes = 0

    def _add(self, letter: _Stored) -> None:
        self._queue.append(msgspec.json.encode(letter))
        self._ready()


_decoder = msgspec.json.Decoder(_Stored)


def _letter(position: int, payload: bytes) -> DeadLetter:
    try:
        stored = _decoder.decode(payload)
        at, kept = parse_timestamp(stored.at), base64.b64decode(stored.payload)
    except (msgspec.MsgspecError, ValueError, binascii.Error) as error:
        detail = f"this letter cannot be read: {error}"
        return DeadLetter(position, 0, "log", "", "unreadable_letter", detail, payload, 0, None, None, 1)
    return DeadLetter(
        position,
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
