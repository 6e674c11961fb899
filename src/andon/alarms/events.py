"""Tells the world what happened to alarms: listeners in this process, and the log's `alerts` stream."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from prometheus_client import Counter

from andon.alarms.model import Change
from andon.alarms.records import LIFECYCLE, Alarm
from andon.alarms.views import alert_body, event_body
from andon.engines.log.port import ALERTS, Log
from andon.kit.clock import parse_timestamp
from andon.kit.errors import UnavailableError

logger = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""Whoever acts on an alarm waits no longer than this for the log: the database has it already."""

CHANGES = Counter("andon_alarm_changes_total", "What happened to alarms", ["change"])


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """What happened to an alarm. `lifecycle` is the seeds' word: triggered, acknowledged, resolved, escalated.

    `at` in µs UTC; `alert` is the alert's body as the API gives it.
    """

    organisation_id: str
    device_id: str
    change: Change
    lifecycle: str
    level: str
    at: int
    alert: dict[str, Any]


def read_event(payload: bytes) -> AlarmEvent:
    """A record of the `alerts` stream. ValueError when it is none."""
    try:
        body = msgspec.json.decode(payload)
        alert = body["alert"]
        return AlarmEvent(
            organisation_id=body["organizationId"],
            device_id=alert["deviceId"],
            change=Change(body["change"]),
            lifecycle=body["event"],
            level=alert["level"],
            at=parse_timestamp(body["at"]),
            alert=alert,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an alarm event: {error!r}") from error


Listener = Callable[[AlarmEvent], None]


class AlarmEvents:
    """Publishes after the database has committed, in order.

    While the log is away at most `max_waiting` events wait for it; the oldest beyond that are dropped and said so.
    """

    def __init__(self, log: Log, max_waiting: int) -> None:
        self._log = log
        self._waiting: deque[tuple[str, bytes]] = deque()  # with the key: events of a device stay in order
        self._sending: asyncio.Task[None] | None = None
        self._max_waiting = max_waiting
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the loop with each event; it must be quick. Returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, alarm: Alarm, change: Change, at: int) -> None:
        """Tell the listeners, and queue the event for the log."""
        CHANGES.labels(change.value).inc()
        event = AlarmEvent(
            alarm.organisation_id,
            alarm.device_id,
            change,
            LIFECYCLE[change],
            alarm.level,
            at,
            alert_body(alarm),
        )
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:
                logger.exception("a listener failed on an alarm event", extra={"change": change.value})
        self._waiting.append((alarm.device_id, msgspec.json.encode(event_body(alarm, change, at))))
        if len(self._waiting) > self._max_waiting:
            self._waiting.popleft()
            logger.error("the log is away for too long: an alarm event is not published")

    async def flush(self, patience_s: float = PATIENCE_S) -> None:
        """Append what waits to the log; what is not written in time goes on by itself, or waits for the next call."""
        if self._sending is None or self._sending.done():
            if not self._waiting:
                return
            self._sending = asyncio.create_task(self._send(), name="alarm events")
        await asyncio.wait((self._sending,), timeout=patience_s)

    async def _send(self) -> None:
        waiting = list(self._waiting)
        self._waiting.clear()
        try:
            await self._log.append(ALERTS, [payload for _, payload in waiting], [key for key, _ in waiting])
        except UnavailableError as error:
            self._waiting.extendleft(reversed(waiting))
            logger.warning("alarm events wait for the log", extra={"waiting": len(waiting), "error": error.message})
