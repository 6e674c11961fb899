"""What others may ask about alarms: answered by the service itself, or by one that follows it from another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from andon.alarms.events import Listener
from andon.alarms.records import Alarm
from andon.alarms.repository import AlarmFilter


class AlarmReader(Protocol):
    """Everything but acting on alarms. Called on the event loop."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the loop with every alarm event, after it was stored. Returns what ends that."""
        ...

    async def caught_up(self, patience_s: float = 1.0) -> bool:
        """Wait until everything is here that happened before; False when that takes too long.

        Who was told of an event and asks then is not to see what was before it.
        """
        ...

    def severity_counts(self, organisation_id: str) -> dict[str, int]:
        """Number of open alarms by severity; every severity is there."""
        ...

    def device_levels(self, organisation_id: str) -> dict[str, tuple[str, int]]:
        """By device id: the worst level among its open alarms, and how many are open."""
        ...

    def open_alarms(self, organisation_id: str) -> list[Alarm]:
        """Open alarms with their present values, the most urgent first."""
        ...

    async def find(self, organisation_id: str, alarm_id: int) -> Alarm | None:
        """One alarm, open or over."""
        ...

    async def search(
        self, organisation_id: str, wanted: AlarmFilter, limit: int, offset: int
    ) -> tuple[list[Alarm], dict[str, int]]:
        """A page of alarms, newest first, and the count of all that match by severity."""
        ...
