"""Tells what is dropped while more comes than can be taken."""

from __future__ import annotations

import logging

from andon.ingest.pipeline import Pipeline

logger = logging.getLogger(__name__)

REASON = "overload"
_CALM_S = 10


class Overload:
    """Only messages at QoS 0 are dropped: nobody was promised them, and nobody waits with what comes after them.

    They are counted as refused, a dead letter a second says how many, and the server's log when it began and ended.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._before = self._since = 0
        self._calm: int | None = None  # seconds without any, while it is not over

    def restart(self) -> None:
        """The sources begin to count anew."""
        self._before = 0

    def note(self, dropped: int, organisation: str) -> None:
        """Called each second with how many there were since the sources were started."""
        new, self._before = dropped - self._before, dropped
        if new:
            self._tell(new, organisation)
        elif self._calm is not None:
            self._calm += 1
            if self._calm == _CALM_S:
                self._calm = None
                logger.info("nothing is dropped any more", extra={"dropped": self._since})

    def _tell(self, new: int, organisation: str) -> None:
        if self._calm is None:
            self._since = 0
            logger.warning("more comes than can be taken: messages at QoS 0 are dropped", extra={"dropped": new})
        self._calm = 0
        self._since += new
        self._pipeline.count_rejected(REASON, new)
        detail = f"{new:,} messages at QoS 0 within about a second: more came than could be taken"
        self._pipeline.letters.tell("mqtt", REASON, detail, new, organisation)
