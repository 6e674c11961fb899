"""Follows all partitions of a stream whose records are not samples, such as `alerts`: at least once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from andon.engines.log.port import Log, Record
from andon.kit.errors import UnavailableError
from andon.kit.outage import Outage
from andon.kit.tasks import end_tasks

logger = logging.getLogger(__name__)

RecordHandler = Callable[[Sequence[Record]], Awaitable[None]]
"""Handles some records of one partition. UnavailableError has them handed over again."""

_WAIT_S = 5.0
_PAUSE_S = 0.5


class RecordFollower:
    """`start` it, `stop` it. Partitions are followed side by side, each in its own order.

    `start_at` "end": what is new from the start on. "committed": where `group` left off, or what is new when it never
    was here; then what was handled is committed.
    """

    def __init__(
        self,
        log: Log,
        stream: str,
        handle: RecordHandler,
        *,
        start_at: Literal["end", "committed"] = "end",
        group: str = "",
    ) -> None:
        self._log = log
        self._stream = stream
        self._handle = handle
        self._start_at = start_at
        self._group = group
        self._positions: dict[int, int] = {}
        self._moved = asyncio.Condition()
        self._asking: asyncio.Task[dict[int, int]] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._outage = Outage(logger, "a stream cannot be followed", "a stream is followed again", stream=stream)

    async def start(self) -> None:
        """Begin to follow: what is appended from now on is handled. UnavailableError when the log is away."""
        partitions = range(await self._log.partitions(self._stream))
        self._positions = {each: await self._first(each) for each in partitions}
        self._tasks = [
            asyncio.create_task(self._follow(each), name=f"{self._stream}/{each} records") for each in partitions
        ]

    async def stop(self) -> None:
        """Follow no more; what is in hand may be handled again by whoever goes on."""
        await end_tasks(*self._tasks)
        self._tasks = []

    async def caught_up(self, patience_s: float) -> bool:
        """Wait until all is handled that was in the stream at the call; False when that takes too long.

        Asking where the stream ends is done once for all who come while it has not begun.
        """
        try:
            async with asyncio.timeout(patience_s):
                ends = await self._ends()
                async with self._moved:
                    await self._moved.wait_for(lambda: all(self._positions[each] >= end for each, end in ends.items()))
        except (TimeoutError, UnavailableError):
            return False
        return True

    async def _ends(self) -> dict[int, int]:
        """Positions that the stream had after the call."""
        asked = self._asking
        if asked is not None:
            await asyncio.wait({asked})  # it may have been answered before what the caller waits for
        if self._asking is None or self._asking is asked:
            self._asking = asyncio.create_task(self._ask(), name=f"ends of {self._stream}")
        return await asyncio.shield(self._asking)

    async def _ask(self) -> dict[int, int]:
        return {each: await self._log.end(self._stream, each) for each in self._positions}

    async def _first(self, partition: int) -> int:
        end = await self._log.end(self._stream, partition)
        if self._start_at == "end":
            return end
        committed = await self._log.committed(self._group, self._stream, partition)
        if committed:
            return min(committed, end)
        await self._log.commit(self._group, self._stream, end, partition)
        return end

    async def _follow(self, partition: int) -> None:
        while True:
            try:
                after = self._positions[partition]
                records = await self._log.read(self._stream, after, wait_s=_WAIT_S, partition=partition)
                if records:
                    await self._hand_over(records)
                    await self._advance(partition, records[-1].position)
                self._outage.end()
            except UnavailableError as error:
                self._outage.begin(error.message)
                await asyncio.sleep(_PAUSE_S)

    async def _hand_over(self, records: Sequence[Record]) -> None:
        try:
            await self._handle(records)
        except UnavailableError:
            raise
        except Exception:
            # A fault in one record must not hold up all that follow.
            logger.exception("records could not be handled", extra={"stream": self._stream})

    async def _advance(self, partition: int, position: int) -> None:
        async with self._moved:
            self._positions[partition] = position
            self._moved.notify_all()
        if self._start_at == "committed":
            with contextlib.suppress(UnavailableError):  # then they are handled again, at worst
                await self._log.commit(self._group, self._stream, position, partition)
