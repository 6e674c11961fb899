"""What still has to reach the broker: a bounded queue, and what was sent but is not acknowledged yet."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_OVERHEAD_BYTES = 200  # the tuple, its strings' headers and its place in the queue


class Outgoing(NamedTuple):
    """A message of QoS 1; `queued_at` is monotonic seconds."""

    topic: str
    payload: bytes
    retain: bool
    queued_at: float

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        return len(self.topic) + len(self.payload) + _OVERHEAD_BYTES


class Outbox:
    """First in, first out. Over `max_bytes`, or older than `max_age_s`, the oldest messages are dropped and counted.

    `window` messages at most are with the broker and not acknowledged. After a lost connection they are sent again
    first, so that the order is kept and nothing is missing (a message may then arrive twice).
    """

    def __init__(self, max_age_s: float, max_bytes: int, window: int) -> None:
        self._max_age_s = max_age_s
        self._max_bytes = max_bytes
        self.window = window
        self._waiting: deque[Outgoing] = deque()
        self._sent: dict[int, Outgoing] = {}
        self._bytes = 0
        self.dropped = 0
        self.acknowledged = 0

    def __len__(self) -> int:
        """Messages that are not acknowledged."""
        return len(self._waiting) + len(self._sent)

    @property
    def waiting(self) -> int:
        """Messages that are not sent."""
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        """Memory that the messages hold."""
        return self._bytes

    def put(self, message: Outgoing) -> None:
        """Queue a message; what no longer fits is dropped from the old end."""
        self._waiting.append(message)
        self._bytes += message.size
        oldest = message.queued_at - self._max_age_s
        while self._waiting and (self._bytes > self._max_bytes or self._waiting[0].queued_at < oldest):
            self._bytes -= self._waiting.popleft().size
            self.dropped += 1

    def take(self) -> Outgoing | None:
        """The next message to send; None when there is none, or the window is full. Tell `sent` about it at once."""
        if not self._waiting or len(self._sent) >= self.window:
            return None
        return self._waiting.popleft()

    def sent(self, packet_id: int, message: Outgoing) -> None:
        """The message went out under this packet identifier."""
        self._sent[packet_id] = message

    def settle(self, packet_id: int) -> None:
        """The broker has the message of this packet identifier; one that is unknown changes nothing."""
        message = self._sent.pop(packet_id, None)
        if message is not None:
            self._bytes -= message.size
            self.acknowledged += 1

    def connection_lost(self) -> None:
        """What was not acknowledged is sent again, before what waits."""
        self._waiting.extendleft(reversed(self._sent.values()))
        self._sent.clear()
