"""How long received messages wait for one another before they are flushed together. Pure."""

from __future__ import annotations

from andon.ingest.settings import IngestSettings


class Pace:
    """Seconds from one flush to the next: as long as brings about `busy_messages`, within the two intervals.

    Judged by the last pause, not by a rate: a broker that sends only some twenty messages before they are acknowledged
    looks slow at any rate, and is flushed more and more often as long as it brings as many as it may.
    """

    def __init__(self, settings: IngestSettings) -> None:
        self._longest = settings.flush_interval_ms / 1_000
        self._least = min(settings.busy_interval_ms / 1_000, self._longest)
        self._wanted = settings.busy_messages
        self._pause = self._longest

    @property
    def least_s(self) -> float:
        """Shortest pause."""
        return self._least

    def next_s(self, gathered: int) -> float:
        """The next pause, after one that brought so many messages."""
        pause = self._pause * self._wanted / max(gathered, 1)
        self._pause = min(max(pause, self._least), self._longest)
        return self._pause
