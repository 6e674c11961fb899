"""What could not be taken, kept with its reason so that a person can see it and try again."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from andon.engines.log.port import DEAD_LETTERS, Log
from andon.engines.log.reading import count
from andon.ingest.letter_reader import DeadLetter, LetterReader, StoredLetter
from andon.ingest.settings import IngestSettings
from andon.kit.clock import now_us, to_iso

Source = Literal["mqtt", "http", "log"]

WINDOW_S = 1.0
_MAX_KEYS = 1_000
_STUB_BYTES = 256
_MAX_DETAIL = 500


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
            StoredLetter(
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

    def tell(self, source: Source, reason: str, detail: str, number: int, organisation: str) -> None:
        """One letter for so many messages that are not kept."""
        at = to_iso(now_us())
        self._add(StoredLetter(at, source, "", reason, detail, organisation=organisation, count=number))

    def take(self) -> list[bytes]:
        """The letters that wait to be written."""
        taken, self._queue = self._queue, []
        return taken

    async def total(self) -> int:
        """How many letters there have been."""
        return await count(self._log, DEAD_LETTERS)

    async def recent(self, organisation: str, before: int | None = None, limit: int = 100) -> list[DeadLetter]:
        """The newest letters first, those before the letter `before` when it is given."""
        return await LetterReader(self._log).recent(organisation, before, limit)

    async def get(self, organisation: str, letter_id: int) -> DeadLetter | None:
        """The letter of that id, None when it is not kept any more or belongs to another organisation."""
        return await LetterReader(self._log).get(organisation, letter_id)

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
            self._add(StoredLetter(now, entries[0][1].source, topic[:_MAX_DETAIL], reason, detail, count=count))
        self._seen.clear()
        self._withheld.clear()
        self._kept.clear()
        self._kept_bytes = 0

    def _add(self, letter: StoredLetter) -> None:
        self._queue.append(msgspec.json.encode(letter))
        self._ready()
