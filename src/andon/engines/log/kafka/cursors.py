"""Readers of partitions: each stands where somebody has read up to, so that going on costs no seek.

`Log.read` names a position, not a reader: the cursor that stands there is used, else a free one is moved or a new
one opened. A partition can be on a lane once, so readers of the same partition take as many lanes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from andon.engines.log.kafka.client import library, unavailable
from andon.engines.log.kafka.lane import Chunk, Lane, Place
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.kafka.topics import Topics
from andon.engines.log.port import Record
from andon.kit.errors import UnavailableError

log = logging.getLogger(__name__)

_NOWHERE = -1
_ATTEMPTS = 5
_CURE = "see that the broker is well"


class Cursor:
    """One reader. `after` is the position of the last record it has handed out."""

    def __init__(self, lane: Lane, place: Place) -> None:
        self.lane = lane
        self.place = place
        self.after = _NOWHERE
        self.busy = True
        self.opening = True
        self.used_at = 0.0
        self.ended_at: int | None = None
        self.error: Any = None
        self._records: deque[Record] = deque()
        self._bytes = 0
        self._paused = False
        self._news: asyncio.Future[None] | None = None

    def moved(self, after: int) -> None:
        """It stands somewhere else now."""
        self.after, self.opening = after, False
        self.ended_at = self.error = None
        self._records.clear()
        self._bytes = 0
        if self._paused:
            self._paused = False
            self.lane.resume(self.place)

    def put(self, chunk: Chunk, buffer_bytes: int) -> None:
        """Something came."""
        if self.opening:
            return  # from where it stood before
        self._records.extend(chunk.records)
        self._bytes += chunk.bytes
        if chunk.ended_at is not None:
            self.ended_at = chunk.ended_at
        self.error = chunk.error or self.error
        if self._bytes > buffer_bytes and not self._paused:
            self._paused = True
            self.lane.pause(self.place)
        self.wake()

    def wake(self) -> None:
        """Have whoever waits look again."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def take(self, max_records: int, max_bytes: int, buffer_bytes: int) -> list[Record]:
        """The next records, at least one when there is any."""
        taken: list[Record] = []
        size = 0
        records = self._records
        while records and len(taken) < max_records:
            size += len(records[0].payload)
            if taken and size > max_bytes:
                break
            self._bytes -= len(records[0].payload)
            taken.append(records.popleft())
        if taken:
            self.after = taken[-1].position
        if self._paused and self._bytes < buffer_bytes // 2:
            self._paused = False
            self.lane.resume(self.place)
        return taken

    @property
    def has_records(self) -> bool:
        """Whether there is something to take."""
        return bool(self._records)

    @property
    def has_news(self) -> bool:
        """Whether there are records, or something went wrong."""
        return bool(self._records) or self.error is not None

    async def wait(self, timeout_s: float) -> None:
        """Until something comes, or the time is over."""
        self._news = asyncio.get_running_loop().create_future()
        await asyncio.wait((self._news,), timeout=timeout_s)


class Cursors:
    """Use it from one event loop."""

    def __init__(self, address: KafkaAddress, limits: KafkaLimits, topics: Topics) -> None:
        self._address = address
        self._limits = limits
        self._topics = topics
        self._lanes: dict[str, list[Lane]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._cursors: dict[Place, list[Cursor]] = {}
        self._free = asyncio.Event()
        self._swept_at = 0.0
        self._closed = False

    async def read(self, place: Place, after: int, max_records: int, max_bytes: int, wait_s: float) -> list[Record]:
        """See `Log.read`."""
        cursor = await self._cursor(place, after)
        try:
            if await self._has_records(cursor, wait_s):
                return cursor.take(max_records, max_bytes, self._limits.buffer_bytes)
            return []
        finally:
            cursor.busy = False
            cursor.used_at = asyncio.get_running_loop().time()
            self._free.set()
            self._sweep()

    async def close(self) -> None:
        """End all lanes."""
        self._closed = True
        self._free.set()
        for there in self._cursors.values():
            for cursor in there:
                cursor.wake()
        lanes = [lane for of_topic in self._lanes.values() for lane in of_topic]
        await asyncio.gather(*(lane.close() for lane in lanes), *self._closing)

    async def _has_records(self, cursor: Cursor, wait_s: float) -> bool:
        """Wait for records; False when there are none in time. UnavailableError when they cannot be had."""
        deadline = asyncio.get_running_loop().time() + wait_s
        for _ in range(_ATTEMPTS):
            if not cursor.has_news and not await self._wait(cursor, deadline - asyncio.get_running_loop().time()):
                return False
            if cursor.has_records:
                return True
            await self._recover(cursor)
        raise UnavailableError(f"Kafka sends nothing of {cursor.place[0]}/{cursor.place[1]}", cure=_CURE)

    async def _wait(self, cursor: Cursor, wait_s: float) -> bool:
        """Wait until something comes; False when there is nothing. UnavailableError when the broker does not answer."""
        if await self._until(cursor, wait_s, lambda: cursor.has_news):
            return True
        # Nothing came: because there is nothing, or because the broker is away?
        ends = await self._topics.ends(*cursor.place)
        # At the end of some partitions are offsets without a record (of transactions): then it says where it ended.
        if await self._until(
            cursor,
            self._limits.request_s,
            lambda: cursor.has_news or max(cursor.after, cursor.ended_at or 0) >= ends.high,
        ):
            return cursor.has_news
        raise UnavailableError(f"Kafka sends nothing of {cursor.place[0]}/{cursor.place[1]}", cure=_CURE)

    async def _until(self, cursor: Cursor, timeout_s: float, condition: Callable[[], bool]) -> bool:
        """Wait for what comes until a condition holds; whether it does."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not condition() and (left := deadline - loop.time()) > 0:
            await cursor.wait(left)
            if self._closed:
                raise UnavailableError("the log on Kafka is closed")
        return condition()

    async def _recover(self, cursor: Cursor) -> None:
        """After an error: go on, with the oldest record when those before it are gone."""
        error, cursor.error = cursor.error, None
        kafka = library().KafkaError
        if error.code() not in (kafka._AUTO_OFFSET_RESET, kafka.OFFSET_OUT_OF_RANGE):
            await self._move(cursor, cursor.after)  # the client does not go on by itself after every error
            raise unavailable(error, f"cannot be read ({cursor.place[0]}/{cursor.place[1]})")
        ends = await self._topics.ends(*cursor.place)
        if cursor.after > ends.high:
            raise UnavailableError(
                f"{cursor.place[0]}/{cursor.place[1]} ends at {ends.high}, before the position {cursor.after}",
                cure="the topic was made anew: start Andon again",
            )
        if 0 < cursor.after < ends.low:
            log.error(
                "records were deleted before they were read: retention does not wait for readers",
                extra={"topic": cursor.place[0], "partition": cursor.place[1], "records": ends.low - cursor.after},
            )
        await self._move(cursor, max(cursor.after, ends.low))

    # Finding a cursor

    async def _cursor(self, place: Place, after: int) -> Cursor:
        """A cursor that stands after a position, kept for the caller."""
        while not self._closed:
            there = self._cursors.setdefault(place, [])
            idle = [cursor for cursor in there if not cursor.busy]
            for cursor in idle:
                if cursor.after == after:
                    cursor.busy = True
                    return cursor
            self._free.clear()
            found = self._open(place) if len(there) < self._limits.lanes else self._oldest(idle)
            if found is not None:
                try:
                    await self._move(found, after)
                except BaseException:
                    found.busy = False
                    raise
                return found
            await self._free.wait()
        raise UnavailableError("the log is closed")

    def _open(self, place: Place) -> Cursor:
        there = self._cursors[place]
        # A lane is of one topic: the client takes a second to learn where a further one is.
        lanes = self._lanes.setdefault(place[0], [])
        used = {id(cursor.lane) for cursor in there}
        lane = next((each for each in lanes if id(each) not in used), None)
        if lane is None:
            lane = Lane(self._address, self._limits, self._on_chunks)
            lanes.append(lane)
        cursor = Cursor(lane, place)
        there.append(cursor)
        return cursor

    def _oldest(self, idle: list[Cursor]) -> Cursor | None:
        found = min(idle, key=lambda cursor: cursor.used_at, default=None)
        if found is not None:
            found.busy = True
        return found

    def _sweep(self) -> None:
        """Let go of what nobody has used for long: it holds what was read ahead."""
        now = asyncio.get_running_loop().time()
        if now - self._swept_at < self._limits.idle_s / 4:
            return
        self._swept_at = now
        for place, there in self._cursors.items():
            old = [each for each in there if not each.busy and now - each.used_at > self._limits.idle_s]
            for cursor in old:
                cursor.lane.drop(place)
            self._cursors[place] = [cursor for cursor in there if cursor not in old]
        used = {id(cursor.lane) for there in self._cursors.values() for cursor in there}
        for topic, lanes in self._lanes.items():
            for lane in lanes:
                if id(lane) not in used:
                    task = asyncio.create_task(lane.close())
                    self._closing.add(task)
                    task.add_done_callback(self._closing.discard)
            self._lanes[topic] = [lane for lane in lanes if id(lane) in used]

    async def _move(self, cursor: Cursor, after: int) -> None:
        """Have a cursor stand after a position."""
        # Until it is there nobody may take it for one that stands where it stood.
        cursor.after, cursor.opening = _NOWHERE, True
        try:
            await cursor.lane.open(cursor.place, after, lambda: cursor.moved(after))
        except library().KafkaException as error:
            raise unavailable(error, "cannot be read") from error

    def _on_chunks(self, lane: Lane, chunks: dict[Place, Chunk]) -> None:
        lane.taken()
        for place, chunk in chunks.items():
            for cursor in self._cursors.get(place, ()):
                if cursor.lane is lane:
                    cursor.put(chunk, self._limits.buffer_bytes)
