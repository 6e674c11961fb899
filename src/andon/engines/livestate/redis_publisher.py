"""The publishing side of live state on Redis: S1's keys, every batch on a channel, snapshots for who starts.

Of several processes that publish the same shard one leads, by a lease in Redis; the others take their samples in and
stand by. A new leader is a new epoch, and followers warm themselves anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from andon.engines.livestate import redis_messages as messages
from andon.engines.livestate.delegating import Delegating
from andon.engines.livestate.memory import LiveStateLimits, MemoryLiveState
from andon.engines.livestate.redis_keywriter import Devices, KeyWriter
from andon.engines.livestate.redis_link import Pauses, RedisLink, RedisOutage
from andon.engines.livestate.snapshot import encode_counts, encode_part, parts_of
from andon.kit.clock import now_us
from andon.kit.samples import SampleBatch, encode
from andon.kit.tasks import end_tasks

if TYPE_CHECKING:
    import redis.asyncio

logger = logging.getLogger(__name__)

# Renews the lease, or takes it when nobody has it; says whether it is held, and whether somebody wants a snapshot.
_RENEW: Final = """
local held = redis.call('GET', KEYS[1]) == ARGV[1]
if held then redis.call('PEXPIRE', KEYS[1], ARGV[2])
elseif redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then held = true end
if not held then return {0, 0} end
return {1, redis.call('EXISTS', KEYS[2])}
"""
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


@dataclass(frozen=True, slots=True)
class PublisherLimits:
    """`keys_interval_s`, `beat_s`: keys and heartbeat are sent so often. `lease_s`: a leader that is silent for so long
    has lost the lease.

    `queue_bytes`: batches that wait for Redis; beyond it the oldest go, and followers warm themselves anew.
    `message_bytes`: batches that wait are sent together up to this. `snapshot_ttl_s`: its parts live so long.
    """

    keys_interval_s: float = 1.0
    beat_s: float = 0.5
    lease_s: float = 5.0
    queue_bytes: int = 16 << 20
    message_bytes: int = 256 << 10
    snapshot_ttl_s: int = 60
    longest_pause_s: float = 5.0


class RedisPublisher(Delegating):
    """`LiveState` that others can follow. `warm` it, then `start` it; `apply` never waits for Redis."""

    def __init__(
        self,
        link: RedisLink,
        *,
        shard: str = "0",
        state_limits: LiveStateLimits | None = None,
        limits: PublisherLimits | None = None,
    ) -> None:
        self.leading = False
        self.dropped = 0
        self.link = link
        self._live = MemoryLiveState(state_limits)
        self._limits = limits or PublisherLimits()
        self._names = messages.Names(shard)
        self._keys = KeyWriter(link, self._live)
        self._outage = RedisOutage(link, "live state's channel", logger)
        self._keys_outage = RedisOutage(link, "live state's keys", logger)
        self._epoch = messages.new_epoch()
        self._number = 0  # of the newest batch of this epoch
        self._queue: deque[tuple[int, bytes]] = deque()
        self._queued = 0
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._snapshot: asyncio.Task[messages.SnapshotNote] | None = None

    @property
    def problem(self) -> str | None:
        """Why Redis does not get what it should; None when it does."""
        return self._outage.reason or self._keys_outage.reason

    def apply(self, batch: SampleBatch) -> None:
        """Take the samples in, here and for all followers."""
        self._live.apply(batch)
        if not self.leading or not len(batch):
            return
        self._keys.touch(batch.tag_ids)
        self._number += 1
        self._push((self._number, encode(batch)))
        self._wake.set()

    @property
    def memory(self) -> MemoryLiveState:
        """The state in this process's memory."""
        return self._live

    async def start(self, devices: Devices) -> None:
        """Begin to publish, for these devices, as soon as Redis lets us; does not wait for it."""
        self._keys.devices = devices
        self._tasks = [asyncio.create_task(self._run(), name="redis publisher")]
        self._tasks.append(asyncio.create_task(self._write_keys(), name="redis keys"))

    async def stop(self) -> None:
        """Send what waits, as far as that goes at once, and let another lead."""
        self._stopping = True
        self._wake.set()
        self._tasks[1].cancel()
        await asyncio.wait(self._tasks, timeout=2 * self._limits.lease_s)
        await end_tasks(*self._tasks)
        await self._keys.close()
        self.leading = False

    async def _run(self) -> None:
        pauses = Pauses(self._limits.longest_pause_s)
        while not self._stopping:
            try:
                async with self.link.client() as client:
                    await self._serve(client)
            except self.link.away as error:
                self._outage.lost(error)
                self._keys.forget()
                await pauses.wait()

    async def _serve(self, client: redis.asyncio.Redis) -> None:
        """Until it is stopped, or Redis is away."""
        try:
            while not self._stopping:
                await self._renew(client)
                await self._publish_until(client, asyncio.get_running_loop().time() + self._limits.beat_s)
            await client.eval(_RELEASE, 1, self._names.lease, self._epoch)
        finally:
            if self._snapshot is not None:
                await end_tasks(self._snapshot)
                self._snapshot = None

    async def _renew(self, client: redis.asyncio.Redis) -> None:
        lease_ms = round(self._limits.lease_s * 1000)
        leads, wanted = await client.eval(_RENEW, 2, self._names.lease, self._names.wanted, self._epoch, lease_ms)
        self._outage.end()
        if bool(leads) != self.leading:
            self._lead(bool(leads))
        if not self.leading:
            return
        await self._send_waiting(client)
        await client.publish(self._names.channel, messages.beat(self._epoch, self._number + 1))
        if wanted and self._snapshot is None:
            await client.delete(self._names.wanted)
            self._snapshot = asyncio.create_task(self._store_snapshot(client), name="live snapshot")
            self._snapshot.add_done_callback(lambda _: self._wake.set())

    def _lead(self, leads: bool) -> None:
        self.leading = leads
        logger.info("publishing live state" if leads else "another process publishes live state, standing by")
        self._queue.clear()
        self._queued = self._number = 0
        self._keys.forget()
        if not leads:
            self._epoch = messages.new_epoch()

    async def _publish_until(self, client: redis.asyncio.Redis, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping and (left := deadline - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                return
            self._wake.clear()
            await self._send_waiting(client)
            if self._snapshot is not None and self._snapshot.done():
                done, self._snapshot = self._snapshot, None
                await client.publish(self._names.channel, messages.snapshot_note(self._epoch, done.result()))

    async def _send_waiting(self, client: redis.asyncio.Redis) -> None:
        while self._queue:
            taken = self._take()
            try:
                await client.publish(
                    self._names.channel, messages.batches(self._epoch, taken[0][0], [data for _, data in taken])
                )
            except BaseException:
                self._queue.extendleft(reversed(taken))
                self._queued += sum(len(data) for _, data in taken)
                self._trim()
                raise

    def _take(self) -> list[tuple[int, bytes]]:
        taken = [self._queue.popleft()]
        size = len(taken[0][1])
        while self._queue and size + len(self._queue[0][1]) <= self._limits.message_bytes:
            taken.append(self._queue.popleft())
            size += len(taken[-1][1])
        self._queued -= size
        return taken

    def _push(self, item: tuple[int, bytes]) -> None:
        self._queue.append(item)
        self._queued += len(item[1])
        self._trim()

    def _trim(self) -> None:
        while self._queued > self._limits.queue_bytes and len(self._queue) > 1:
            self._queued -= len(self._queue.popleft()[1])
            self.dropped += 1

    async def _store_snapshot(self, client: redis.asyncio.Redis) -> messages.SnapshotNote:
        """Each part says up to which batch it goes: samples go on coming meanwhile."""
        started, now = self._number, now_us()
        base, keys = f"{self._names.snapshot}:{self._epoch.hex()}:{started}", list[str]()
        for tags in parts_of(self._live.seen()):
            columns, number = self._live.export(tags, now), self._number
            keys.append(f"{base}:{len(keys)}")
            data = await asyncio.to_thread(encode_part, columns, number)
            await client.set(keys[-1], data, ex=self._limits.snapshot_ttl_s)
        keys.append(f"{base}:counts")
        counts = encode_counts(self._live.received.export(), self._number)
        await client.set(keys[-1], counts, ex=self._limits.snapshot_ttl_s)
        return messages.SnapshotNote(started, keys)

    async def _write_keys(self) -> None:
        while True:
            await asyncio.sleep(self._limits.keys_interval_s)
            if not self.leading or self._outage.reason:
                continue
            try:
                await self._keys.write(now_us())
                self._keys_outage.end()
            except self.link.away as error:
                self._keys_outage.lost(error)
