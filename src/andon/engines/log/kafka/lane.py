"""One connection that reads: partitions are put on it and taken off it, a thread consumes what comes.

All state of the partitions belongs to the event loop. The thread does what the loop asks of it, hands over what it
has consumed in chunks, and stands still while two of them are not taken yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from andon.engines.log.kafka.client import library, options
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.engines.log.port import Record
from andon.kit.clock import US_PER_MS

log = logging.getLogger(__name__)

_CONSUME_S: Final = 0.1
_ALERT_S: Final = 0.01  # shortly after a command the next is looked for sooner: jumping about is to be quick
_ALERT_FOR_S: Final = 2.0
_MESSAGES = 1000
_CHUNKS = 2

Place = tuple[str, int]
"""(topic, partition)"""


@dataclass(slots=True)
class Chunk:
    """What came for one partition: records in order, where it ended (None: not said), what went wrong."""

    records: list[Record] = field(default_factory=list)
    bytes: int = 0
    ended_at: int | None = None
    error: Any = None


class Lane:
    """`on_chunks(lane, chunks)` is called on the loop with what was consumed."""

    def __init__(
        self, address: KafkaAddress, limits: KafkaLimits, on_chunks: Callable[[Lane, dict[Place, Chunk]], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_chunks = on_chunks
        self._commands: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(_CHUNKS)
        self._assigned: set[Place] = set()
        self._commanded_at = 0.0
        self._client = library().Consumer(
            options(
                address,
                group_id=f"{address.prefix}andon-reading",  # asked for by the client; nothing is committed
                enable_auto_commit=False,
                enable_partition_eof=True,
                auto_offset_reset="error",
                queued_max_messages_kbytes=max(limits.prefetch_bytes // 1024, 64),
                fetch_max_bytes=max(limits.prefetch_bytes, limits.max_record_bytes + (64 << 10)),
                message_max_bytes=limits.max_record_bytes + (64 << 10),
                max_partition_fetch_bytes=1 << 20,
                fetch_queue_backoff_ms=5,  # a full queue is soon empty again
                fetch_wait_max_ms=100,  # a partition that is taken up has to wait for the request before it
            )
        )
        self._thread = threading.Thread(target=self._run, name="kafka-lane", daemon=True)
        self._thread.start()

    async def open(self, place: Place, offset: int, opened: Callable[[], None]) -> None:
        """Read a partition from an offset on. `opened` is called on the loop after what was consumed before has

        reached it, and before anything from there does.
        """
        at = library().TopicPartition(*place, offset)
        done: asyncio.Future[None] = self._loop.create_future()

        def work() -> None:
            error: Exception | None = None
            try:
                self._unassign(place)
                self._client.incremental_assign([at])
                self._assigned.add(place)
            except Exception as problem:  # noqa: BLE001 (whoever asked gets it)
                error = problem
            self._tell(_settle, done, error, opened)

        self._commands.put(work)
        await done

    def drop(self, place: Place) -> None:
        """Read a partition no more."""
        self._commands.put(lambda: self._unassign(place))

    def pause(self, place: Place) -> None:
        """Let nothing more of a partition come; a little is on its way already."""
        self._commands.put(lambda: self._client.pause([library().TopicPartition(*place)]))

    def resume(self, place: Place) -> None:
        """Let it come again."""
        self._commands.put(lambda: self._client.resume([library().TopicPartition(*place)]))

    def taken(self) -> None:
        """The loop has taken a handful of chunks."""
        self._room.release()

    async def close(self) -> None:
        """End the thread and the connection."""
        self._commands.put(None)
        self._room.release()
        await asyncio.to_thread(self._thread.join)

    # On the thread

    def _run(self) -> None:
        try:
            while self._obey():
                if self._assigned:
                    self._consume()
        finally:
            self._client.close()

    def _obey(self) -> bool:
        """Do what was asked; waits for it while there is nothing to consume. False at the end."""
        try:
            while True:
                command = self._commands.get(block=not self._assigned)
                if command is None:
                    return False
                self._commanded_at = time.monotonic()
                try:
                    command()
                except library().KafkaException as error:
                    log.debug("Kafka refused a change of what is read", extra={"error": str(error)})
        except queue.Empty:
            return True

    def _consume(self) -> None:
        is_alert = time.monotonic() - self._commanded_at < _ALERT_FOR_S
        timeout_s = _ALERT_S if is_alert else _CONSUME_S
        if not self._room.acquire(timeout=timeout_s):
            return
        try:
            messages = self._client.consume(_MESSAGES, timeout_s)
        except library().KafkaException as error:
            log.debug("Kafka cannot be read", extra={"error": str(error)})
            messages = []
        if messages:
            self._tell(self._on_chunks, self, _sorted(messages))
        else:
            self._room.release()

    def _unassign(self, place: Place) -> None:
        if place in self._assigned:
            self._assigned.discard(place)
            self._client.incremental_unassign([library().TopicPartition(*place)])

    def _tell(self, work: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(work, *arguments)


def _settle(done: asyncio.Future[None], error: Exception | None, opened: Callable[[], None]) -> None:
    if error is None:
        opened()
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _sorted(messages: list[Any]) -> dict[Place, Chunk]:
    """Messages by partition."""
    end = library().KafkaError._PARTITION_EOF
    chunks: dict[Place, Chunk] = {}
    for message in messages:
        topic, partition, error = message.topic(), message.partition(), message.error()
        if topic is None or partition is None or partition < 0:
            continue  # the connection's own complaint: the next question to the broker finds out
        chunk = chunks.get((topic, partition))
        if chunk is None:
            chunk = chunks[topic, partition] = Chunk()
        if error is None:
            payload = message.value() or b""
            chunk.records.append(Record(message.offset() + 1, payload, message.timestamp()[1] * US_PER_MS))
            chunk.bytes += len(payload)
        elif error.code() == end:
            chunk.ended_at = message.offset()
        else:
            chunk.error = error
    return chunks
