"""Membership of a consumer group: Kafka says which partitions are ours, and we say when we can let them go.

The member only takes part in the group and commits; records are read elsewhere (see `cursors`), from the positions
that the consumer asks for. Its thread is the only one that uses its client.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final

from andon.engines.log.kafka.client import library, options
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.kit.outage import Outage

log = logging.getLogger(__name__)

_POLL_S: Final = 0.1
Finish = Callable[[frozenset[int]], Awaitable[None]]


class Member:
    """See `Membership`. Use it from one event loop."""

    def __init__(self, address: KafkaAddress, limits: KafkaLimits, group: str, topic: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._topic = topic
        self._names = {"group": group, "topic": topic}
        self._partitions: frozenset[int] = frozenset()
        self._seen: frozenset[int] = frozenset()
        self._releasing: frozenset[int] = frozenset()
        self._change = asyncio.Event()
        self._finish: Finish | None = None
        self._leaving = False
        self._commits: dict[int, int] = {}
        self._latest: dict[int, int] = {}
        self._commits_lock = threading.Lock()
        self._committed_at = time.monotonic()
        configuration = options(
            address,
            group_id=group,
            enable_auto_commit=False,
            partition_assignment_strategy="cooperative-sticky",
            session_timeout_ms=round(limits.session_s * 1000),
            heartbeat_interval_ms=round(limits.session_s * 1000 / 4),
            auto_offset_reset="latest",
            max_poll_interval_ms=round(max(limits.revoke_s * 4, limits.session_s) * 1000),
        )
        self._client = library().Consumer({**configuration, "on_commit": self._on_commit})
        self._client.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        self._thread = threading.Thread(target=self._run, name=f"kafka-member-{group}", daemon=True)
        self._thread.start()

    @property
    def partitions(self) -> frozenset[int]:
        """See `Membership.partitions`."""
        self._seen = self._partitions
        return self._partitions

    async def changed(self) -> None:
        """See `Membership.changed`."""
        while self._partitions == self._seen:
            self._change.clear()
            await self._change.wait()

    def on_revoke(self, finish: Finish) -> None:
        """See `Membership.on_revoke`."""
        self._finish = finish

    async def leave(self) -> None:
        """See `Membership.leave`. What was committed is durable when it returns, if the broker is there to take it.

        While it is away the client may not come to an end: after a session the group goes on without us anyway.
        """
        if not self._leaving:
            self._leaving = True
            self._set(frozenset())
        await asyncio.to_thread(self._thread.join, self._limits.session_s)
        if self._thread.is_alive():
            log.warning("the group could not be told that we leave", extra=self._names)

    @property
    def left(self) -> bool:
        """Whether it is no member any more."""
        return self._leaving

    def commit(self, position: int, partition: int) -> None:
        """Have a position stored within the commit delay. One of a partition that is not ours any more is dropped:

        Kafka would take it, and set back what its new owner has committed.
        """
        if partition in self._partitions or partition in self._releasing:
            with self._commits_lock:
                self._commits[partition] = self._latest[partition] = position

    def committed(self, partition: int) -> int | None:
        """What this process committed of a partition that is still its own; the broker may not have it yet."""
        return self._latest.get(partition)

    def _set(self, partitions: Iterable[int]) -> None:
        self._partitions = frozenset(partitions)
        self._change.set()

    # On the thread

    def _run(self) -> None:
        outage = Outage(log, "the group cannot be kept up", "the group is kept up again", **self._names)
        try:
            while not self._leaving:
                message = self._client.poll(_POLL_S)
                if message is not None and message.error() is not None:
                    outage.begin(str(message.error()))
                elif message is not None:
                    outage.end()
                if time.monotonic() - self._committed_at >= self._limits.commit_delay_s:
                    self._store(wait=False)
            self._store(wait=True)
        finally:
            self._client.close()

    def _store(self, *, wait: bool) -> None:
        self._committed_at = time.monotonic()
        with self._commits_lock:
            commits, self._commits = self._commits, {}
        if not commits:
            return
        place = library().TopicPartition
        offsets = [place(self._topic, partition, position) for partition, position in commits.items()]
        try:
            self._client.commit(offsets=offsets, asynchronous=not wait)
        except library().KafkaException as error:
            # Handling again after a restart is all that it costs.
            log.warning("positions cannot be committed", extra={**self._names, "error": str(error)})

    def _on_commit(self, error: Any, places: list[Any]) -> None:
        """Try again what was not taken, as during a rebalance, unless something newer waits."""
        if error is None:
            return
        with self._commits_lock:
            for at in places:
                self._commits.setdefault(at.partition, at.offset)

    def _on_assign(self, client: Any, places: list[Any]) -> None:
        # Nothing is to be fetched here: paused before the first poll after this.
        client.incremental_assign([library().TopicPartition(at.topic, at.partition, _END) for at in places])
        client.pause(places)
        self._tell(lambda: self._set(self._partitions | {at.partition for at in places}))
        log.info("partitions assigned", extra={**self._names, "partitions": sorted(at.partition for at in places)})

    def _on_revoke(self, client: Any, places: list[Any]) -> None:
        """Blocks, so that nobody else gets the partitions before they are let go."""
        gone = frozenset(at.partition for at in places)
        if not self._leaving:
            self._let_go(gone)
            self._store(wait=True)
        client.incremental_unassign(places)
        log.info("partitions revoked", extra={**self._names, "partitions": sorted(gone)})

    def _on_lost(self, client: Any, places: list[Any]) -> None:
        """The group has gone on without us: others have the partitions already, there is nothing to commit."""
        gone = frozenset(at.partition for at in places)
        log.warning("partitions lost", extra={**self._names, "partitions": sorted(gone)})
        if not self._leaving:
            self._let_go(gone)
        with self._commits_lock:
            for partition in gone:
                self._commits.pop(partition, None)
        client.incremental_unassign(places)

    def _let_go(self, gone: frozenset[int]) -> None:
        if self._loop.is_closed():
            return
        finishing = asyncio.run_coroutine_threadsafe(self._end(gone), self._loop)
        deadline = time.monotonic() + self._limits.revoke_s
        while not self._leaving and time.monotonic() < deadline:
            with contextlib.suppress(FutureTimeoutError):
                finishing.result(_POLL_S)
                return
        self._releasing = frozenset()
        if not self._leaving:
            log.warning("a batch is given up unfinished, others will handle it too", extra=self._names)

    async def _end(self, gone: frozenset[int]) -> None:
        self._releasing = gone
        self._set(self._partitions - gone)
        if self._finish is not None:
            await self._finish(gone)
        self._releasing = frozenset()
        for partition in gone:
            self._latest.pop(partition, None)

    def _tell(self, work: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(work)


_END: Final = -1
"""librdkafka's OFFSET_END."""
