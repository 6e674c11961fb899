"""When a sample was taken: timestamps that cannot be are refused, clocks that are wrong are flagged."""

from __future__ import annotations

from andon.ingest.settings import IngestSettings
from andon.kit.clock import US_PER_DAY, US_PER_S, to_iso
from andon.kit.quality import Quality
from andon.wire.errors import WireError

_ENOUGH = 5  # samples of a window that must all be late before the clock is to blame


class ClockWatch:
    """Whether one device's clock is wrong.

    Ahead shows at once. A late sample proves nothing, it may have waited in a buffer; but a clock that is
    behind makes every sample late by the same, so the delays of a whole window decide until the next window. While
    something that waited is worked off, they differ: that says nothing.
    """

    __slots__ = ("_count", "_least", "_most", "_tolerance", "_window", "_window_end", "offset_us")

    def __init__(self, settings: IngestSettings) -> None:
        self._tolerance = round(settings.clock_tolerance_s * US_PER_S)
        self._window = round(settings.clock_window_s * US_PER_S)
        self._window_end = self._count = self._least = self._most = 0
        self.offset_us = 0
        """How far the device's clock is off (negative: behind), 0 while it is within the tolerance."""

    def is_wrong(self, timestamp: int, received: int) -> bool:
        """Take note of a live sample's times; whether the clock counts as wrong."""
        delay = received - timestamp
        if -self._tolerance <= delay <= self._tolerance:
            self.offset_us = self._count = 0
            return False
        if delay < 0:
            self.offset_us, self._count = -delay, 0
            return True
        self._note_late(delay, received)
        return self.offset_us < 0

    def _note_late(self, delay: int, received: int) -> None:
        if self._count == 0:
            self._window_end, self._least, self._most = received + self._window, delay, delay
        self._count += 1
        self._least = min(self._least, delay)
        self._most = max(self._most, delay)
        if received >= self._window_end and self._count >= _ENOUGH:
            self._count = 0
            if self._most - self._least <= self._tolerance:
                self.offset_us = -self._least


class TimePolicy:
    """Decides on the timestamps of samples."""

    def __init__(self, settings: IngestSettings) -> None:
        self._ahead = round(settings.max_ahead_s * US_PER_S)
        self._age = round(settings.max_age_days * US_PER_DAY)

    def check(
        self,
        timestamp: int | None,
        received: int,
        quality: int,
        *,
        historical: bool = False,
        watch: ClockWatch | None = None,
    ) -> tuple[int, int]:
        """(timestamp, quality) to store; without a timestamp the receive time, marked as an uncertain clock.

        WireError `timestamp_in_future` or `timestamp_too_old` when the sample cannot be taken.
        """
        if timestamp is None:
            return received, min(quality, Quality.UNCERTAIN_CLOCK)
        if timestamp > received + self._ahead:
            raise WireError("timestamp_in_future", f"timestamp {to_iso(timestamp)} is ahead of the server", "timestamp")
        if historical:
            return timestamp, quality
        if timestamp < received - self._age:
            message = f"timestamp {to_iso(timestamp)} is too old for live data; mark it historical to import it"
            raise WireError("timestamp_too_old", message, "timestamp")
        if watch is not None and watch.is_wrong(timestamp, received):
            return timestamp, min(quality, Quality.UNCERTAIN_CLOCK)
        return timestamp, quality
