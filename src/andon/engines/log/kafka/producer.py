"""Appends on Kafka: idempotent, acknowledged by all replicas, bounded in bytes.

The client reports every message by itself. The reports are fetched on the event loop, every millisecond or two while
something is on its way: a thread of its own would wait for the interpreter's lock at each message.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from andon.engines.log.kafka.client import is_fatal, library, options, unavailable
from andon.engines.log.kafka.settings import KafkaAddress, KafkaLimits
from andon.kit.errors import AndonError, TooLargeError, UnavailableError

log = logging.getLogger(__name__)

_POLL_S = 0.002
_OVERHEAD = 1 << 10  # headers around the payload of a record


class _Append:
    """Payloads on their way; counts the reports."""

    __slots__ = ("done", "error", "left", "position", "size")

    def __init__(self, count: int, size: int, done: asyncio.Future[int]) -> None:
        self.left = count
        self.size = size
        self.done = done
        self.position = 0
        self.error: Any = None

    def report(self, error: Any, message: Any) -> None:
        self.left -= 1
        if error is not None:
            self.error = error

    def report_last(self, error: Any, message: Any) -> None:
        self.report(error, message)
        if error is None:
            self.position = message.offset() + 1


class KafkaProducer:
    """Use it from one event loop."""

    def __init__(self, address: KafkaAddress, limits: KafkaLimits) -> None:
        self._address = address
        self._limits = limits
        self._client = self._connect()
        self._appends: list[_Append] = []
        self._room = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._closed = False
        self._slipped = False
        self.queued_bytes = 0
        self.failure: UnavailableError | None = None

    async def append(
        self, topic: str, payloads: Sequence[bytes], keys: Sequence[str] | None, max_record_bytes: int
    ) -> int:
        """See `Log.append`."""
        largest = max(map(len, payloads))
        if largest > max_record_bytes:
            raise TooLargeError(
                f"a record of {largest} bytes is over what the topic {topic} takes ({max_record_bytes})",
                cure="send smaller batches, or raise max.message.bytes of the topic",
            )
        while self.queued_bytes >= self._limits.queue_bytes:
            self._room.clear()
            await self._room.wait()
        if self._closed:
            raise UnavailableError("the log is closed")
        done = asyncio.get_running_loop().create_future()
        self._produce(topic, payloads, keys, _Append(len(payloads), sum(map(len, payloads)), done))
        return int(await done)

    def _produce(self, topic: str, payloads: Sequence[bytes], keys: Sequence[str] | None, append: _Append) -> None:
        messages: list[dict[str, Any]]
        if keys is None:
            messages = [{"value": payload} for payload in payloads]
        else:
            messages = [{"value": payload, "key": key} for payload, key in zip(payloads, keys, strict=True)]
        messages[-1]["callback"] = append.report_last
        self._appends.append(append)
        self.queued_bytes += append.size
        try:
            taken = self._client.produce_batch(topic, messages, on_delivery=append.report)
        except Exception as error:  # noqa: BLE001 (BufferError and the client's own: all mean that nothing was taken)
            append.left, append.error = 0, error
        else:
            if taken < len(messages):
                append.left -= len(messages) - taken
                append.error = next(message["_error"] for message in messages if "_error" in message)
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll(), name="kafka deliveries")

    async def _poll(self) -> None:
        """Fetch reports until nothing is on its way."""
        while self._appends:
            self._look()
            self._finish()
            await asyncio.sleep(_POLL_S)

    def _look(self) -> None:
        """Have the client report what it knows.

        It slips now and then, with a SystemError: it is told once in a row; what is left comes with the next look.
        """
        try:
            self._client.poll(0)
        except Exception:
            if not self._slipped:
                log.warning("a look for delivery reports failed", exc_info=True)
            self._slipped = True
        else:
            self._slipped = False

    def _finish(self) -> None:
        finished = [append for append in self._appends if append.left <= 0]
        if not finished:
            return
        self._appends = [append for append in self._appends if append.left > 0]
        for append in finished:
            self.queued_bytes -= append.size
            self._answer(append)
        if self.queued_bytes < self._limits.queue_bytes:
            self._room.set()

    def _answer(self, append: _Append) -> None:
        error: AndonError | None = None
        if append.error is None:
            self.failure = None
        else:
            error = unavailable(append.error, "does not take records")
            if isinstance(error, UnavailableError):
                self._failed(error)
            if is_fatal(append.error):
                self._replace()
        if append.done.done():
            return  # whoever waited was cancelled
        if error is None:
            append.done.set_result(append.position)
        else:
            append.done.set_exception(error)

    def _replace(self) -> None:
        """After a fatal error the client takes nothing more; what is still on its way there is given back."""
        log.error("the Kafka producer failed and is replaced")
        old, self._client = self._client, self._connect()
        old.purge()
        old.poll(0)

    def _failed(self, error: UnavailableError) -> None:
        if self.failure is None:
            log.error("the log cannot be written", extra={"error": error.message})
        self.failure = error

    async def close(self) -> None:
        """Wait for what is on its way, as long as a delivery may take; then stop."""
        self._closed = True
        self._room.set()
        if self._polling is not None:
            await asyncio.wait((self._polling,), timeout=self._limits.delivery_s + 1)
            self._polling.cancel()
        for append in self._appends:
            append.error = "the log was closed before they were confirmed"
            self._answer(append)
        self._appends.clear()
        client, self._client = self._client, None
        await asyncio.to_thread(_close, client)

    def _connect(self) -> Any:
        limits = self._limits
        return library().Producer(
            options(
                self._address,
                enable_idempotence=True,
                acks="all",
                linger_ms=2,
                compression_type="lz4",
                # As the clients of other languages choose the partition of a key: one order for all producers.
                partitioner="murmur2_random",
                message_max_bytes=limits.max_record_bytes + _OVERHEAD,
                message_timeout_ms=round(limits.delivery_s * 1000),
                socket_timeout_ms=min(round(limits.delivery_s * 1000), 10_000),
                queue_buffering_max_messages=10_000_000,
                queue_buffering_max_kbytes=max(4 * limits.queue_bytes // 1024, 65_536),
            )
        )


def _close(client: Any) -> None:
    client.purge()
    client.flush(1)
