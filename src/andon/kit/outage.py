"""Tells an outage once: a warning when something goes away, an info when it is back."""

from __future__ import annotations

import logging
import time


class Outage:
    """Whether something is away now, and why. `begin` is called at each failure, `end` at each success.

    `away` and `back` are what the log says; `names` go with both, the reason goes with the first as `error`.
    """

    def __init__(self, log: logging.Logger, away: str, back: str, **names: object) -> None:
        self._log = log
        self._away = away
        self._back = back
        self._names = names
        self._since = 0.0
        self.reason: str | None = None

    def begin(self, reason: str) -> None:
        """It is away. Said when it was not; else it is only known from now on for another reason."""
        if self.reason is None:
            self._since = time.monotonic()
            self._log.warning(self._away, extra={**self._names, "error": reason})
        self.reason = reason

    def end(self) -> None:
        """It is there. Said when it was away."""
        if self.reason is not None:
            self._log.info(self._back, extra=self._names)
        self.reason = None

    @property
    def lasts_s(self) -> float:
        """For how long it has been away, 0 while it is there."""
        return 0.0 if self.reason is None else time.monotonic() - self._since
