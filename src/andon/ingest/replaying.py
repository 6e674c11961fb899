"""Dead letters, tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from andon.engines.log.port import SENSORS_DATA, Log, Record
from andon.ingest.letter_reader import DeadLetter
from andon.ingest.pipeline import Pipeline
from andon.ingest.push import Pusher
from andon.ingest.receiver import Receiver
from andon.kit.errors import AndonError, UnavailableError
from andon.wire.errors import WireError


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How many letters went through, and (id, reason) of those that did not."""

    replayed: int
    failed: list[tuple[int, str]]


class Replayer:
    """Gives the payload of a letter to ingest again, at the time at which it came."""

    def __init__(self, log: Log, pipeline: Pipeline, receiver: Receiver, pusher: Pusher) -> None:
        self._log = log
        self._pipeline = pipeline
        self._receiver = receiver
        self._pusher = pusher

    async def replay(self, organisation: str, ids: Sequence[int]) -> ReplayResult:
        """Try letters again; what went through is durable when this returns. No new letters are written.

        UnavailableError when the log cannot be read or written.
        """
        failed: list[tuple[int, str]] = []
        for letter_id in ids:
            letter = await self._pipeline.letters.get(organisation, letter_id)
            reason = "there is no such letter any more" if letter is None else await self._try(letter)
            if reason is not None:
                failed.append((letter_id, reason))
        await self._pipeline.settled()
        return ReplayResult(len(ids) - len(failed), failed)

    async def _try(self, letter: DeadLetter) -> str | None:
        """None when all of the letter went through, else why not."""
        if not letter.replayable:
            return "only a part of the payload was kept" if letter.size else "there is no payload"
        try:
            if letter.source == "mqtt":
                problem = await self._receiver.replay(letter.topic, letter.payload, letter.at)
                return None if problem is None else str(problem)
            if letter.source == "http":
                return await self._push(letter)
            return await self._append(letter)
        except UnavailableError:
            raise
        except (WireError, AndonError) as error:
            return str(error)

    async def _push(self, letter: DeadLetter) -> str | None:
        if letter.device is None or letter.organisation is None:
            return "the letter does not say whose sample it is"
        sample = msgspec.json.decode(letter.payload)
        result = await self._pusher.push(
            letter.organisation, letter.device, [sample], received=letter.at, keep_letters=False
        )
        return result.rejected[0][2] if result.rejected else None

    async def _append(self, letter: DeadLetter) -> str | None:
        """A record of the log that a consumer could not handle: the whole batch goes into the log again."""
        if letter.topic != SENSORS_DATA:
            return f"records of {letter.topic} cannot be replayed"
        codec = self._log.codec
        decoded = await codec.decode([Record(1, letter.payload, letter.at)])
        if decoded.refused:
            return decoded.refused[0].detail
        await self._log.append(SENSORS_DATA, *codec.encode([decoded.batch]))
        return None
