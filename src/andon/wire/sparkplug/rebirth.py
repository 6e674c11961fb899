"""When to ask an edge node for its births: at once, then ever more rarely while it does not answer."""

from __future__ import annotations

from andon.kit.clock import US_PER_S


class RebirthDemand:
    """Whether a rebirth is wanted, and how often it may be asked for; times in µs.

    Between two requests lies at least the interval, which doubles up to its maximum until the node is born again.
    """

    def __init__(self, interval_s: float, interval_max_s: float) -> None:
        self._shortest = round(interval_s * US_PER_S)
        self._longest = round(interval_max_s * US_PER_S)
        self._interval = self._shortest
        self._reason: str | None = None
        self._not_before = 0

    def ask(self, reason: str, now: int) -> bool:
        """Note that a rebirth is wanted; whether to send the request now."""
        self._reason = self._reason or reason
        if now < self._not_before:
            return False
        self._not_before = now + self._interval
        self._interval = min(self._interval * 2, self._longest)
        return True

    def due(self, now: int) -> str | None:
        """The reason if the request is to be sent (again) now."""
        if self._reason is None or not self.ask(self._reason, now):
            return None
        return self._reason

    def satisfied(self) -> None:
        """The births have come, or the node is gone. The time to the next request stays."""
        self._reason = None
        self._interval = self._shortest
