"""The following side of live state on Redis: a copy in this process, warmed from a snapshot and fed by the channel."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from andon.engines.livestate import redis_messages as messages
from andon.engines.livestate.delegating import Delegating
from andon.engines.livestate.memory import LiveStateLimits, MemoryLiveState
from andon.engines.livestate.redis_link import Pauses, RedisLink, RedisOutage
from andon.engines.livestate.redis_mirror import Mirror, Snapshot
from andon.kit.samples import SampleBatch
from andon.kit.tasks import end_tasks

if TYPE_CHECKING:
    import redis.asyncio

logger = logging.getLogger(__name__)

State = Literal["following", "warming", "silent", "away"]


@dataclass(frozen=True, slots=True)
class FollowerLimits:
    """`silent_s`: without a word for so long, the publisher is called silent; after `reconnect_s` we connect anew.

    `buffer_bytes`: batches kept while a snapshot is on its way. `ask_s`: a snapshot is asked for so often.
    """

    silent_s: float = 3.0
    reconnect_s: float = 15.0
    buffer_bytes: int = 64 << 20
    ask_s: float = 0.5
    longest_pause_s: float = 2.0


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """`following`: complete and fresh. `warming`: a snapshot is on its way. `silent`: nobody publishes.

    `away`: Redis cannot be reached, `problem` says why. `heard_s`: seconds since this connection's last message.
    """

    state: State
    heard_s: float | None
    gaps: int
    problem: str | None


class RedisFollower(Delegating):
    """`LiveState` of what another process publishes. `start` and `stop` it; reading never waits.

    While Redis is away it answers with what it had last, and says so in `status`.
    """

    def __init__(
        self,
        link: RedisLink,
        *,
        shard: str = "0",
        state_limits: LiveStateLimits | None = None,
        limits: FollowerLimits | None = None,
    ) -> None:
        self._link = link
        self._limits = limits or FollowerLimits()
        self._names = messages.Names(shard)
        self._mirror = Mirror(state_limits, self._limits.buffer_bytes)
        self._outage = RedisOutage(link, "live state's follower", logger)
        self._connected = False
        self._heard: float | None = None
        self._complete = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._warming: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow; does not wait for Redis."""
        self._running = asyncio.create_task(self._run(), name="redis follower")

    async def wait_complete(self, timeout_s: float) -> bool:
        """Wait until the state has been complete once; False when that takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._complete.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """Stop following; the state stays as it is."""
        if self._running is not None:
            await end_tasks(self._running)
            self._running = None

    def subscribe(self, listener: Callable[[SampleBatch], None]) -> Callable[[], None]:
        """Call `listener` on the loop with each batch as it comes; it must be quick. Returns what ends that."""
        self._mirror.listeners.append(listener)
        return lambda: self._mirror.listeners.remove(listener)

    @property
    def status(self) -> FollowerStatus:
        """How complete and fresh the state is."""
        heard_s = None if self._heard is None else time.monotonic() - self._heard
        if not self._connected:
            state: State = "away"
        elif heard_s is None or heard_s > self._limits.silent_s:
            state = "silent"
        else:
            state = "warming" if self._mirror.warming else "following"
        return FollowerStatus(state, heard_s, self._mirror.gaps, self._outage.reason)

    async def _run(self) -> None:
        pauses = Pauses(self._limits.longest_pause_s)
        while True:
            try:
                async with self._link.client() as client, client.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(self._names.channel)
                    await self._follow(client, channel)
            except self._link.away as error:
                self._outage.lost(error)
            finally:
                self._connected = False
                await self._end_warming()
            await pauses.wait()

    async def _follow(self, client: redis.asyncio.Redis, channel: redis.asyncio.client.PubSub) -> None:
        """Until Redis is away, or nothing has been heard for so long that the connection is doubted."""
        connected, asked = time.monotonic(), 0.0
        self._heard = None  # until the first message it is not known whether something was missed
        while time.monotonic() - max(self._heard or 0.0, connected) < self._limits.reconnect_s:
            message = await channel.get_message(timeout=self._limits.ask_s)
            self._connected = True
            self._outage.end()
            if message is not None:
                self._take(client, message["data"])
            if self._mirror.warming and self._warming is None and time.monotonic() - asked >= self._limits.ask_s:
                asked = time.monotonic()
                await client.set(self._names.wanted, b"1", ex=10)

    def _take(self, client: redis.asyncio.Redis, data: bytes) -> None:
        try:
            snapshot = self._mirror.take(data)
        except ValueError as error:
            logger.warning("a message of live state cannot be read", extra={"error": str(error)})
            return
        self._heard = time.monotonic()
        if snapshot is not None and self._warming is None:
            self._warming = asyncio.create_task(self._warm(client, snapshot), name="warming live state")

    async def _warm(self, client: redis.asyncio.Redis, snapshot: Snapshot) -> None:
        try:
            parts = [part for key in snapshot.keys if isinstance(part := await client.get(key), bytes)]
            if len(parts) == len(snapshot.keys):  # else some expired or were evicted: the next snapshot may do
                await self._mirror.warm(parts, snapshot.term)
            if not self._mirror.warming and not self._complete.is_set():
                self._complete.set()
                logger.info("live state is complete", extra={"parts": len(parts)})
        except ValueError as error:
            logger.warning("a snapshot of live state cannot be read", extra={"error": str(error)})
        except self._link.away as error:
            self._outage.lost(error)
        finally:
            self._warming = None

    async def _end_warming(self) -> None:
        if self._warming is not None:
            await end_tasks(self._warming)
            self._warming = None  # one that had not begun has not said so

    @property
    def memory(self) -> MemoryLiveState:
        """The state in this process's memory; another one after it has been warmed anew."""
        return self._mirror.live

    def apply(self, batch: SampleBatch) -> None:
        """Take samples in that did not come over the channel: for this process alone."""
        self._mirror.live.apply(batch)
