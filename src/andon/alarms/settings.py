"""Everything about alarms that can be set."""

from __future__ import annotations

from dataclasses import dataclass

from andon.alarms.model import Timing
from andon.kit.clock import US_PER_S


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """Times in seconds.

    `max_age_s`: samples that arrive later than this are history and raise nothing. `rearm_after_s`: how long an
    operator's resolve holds while the limit stays violated. `position_every_s`: how often the position of
    batches that changed nothing is stored. `suspended_after_s`: a tick that comes so late means that the
    machine slept, and silence counts anew. `max_waiting_events`: events kept while the log is away.
    For the chatter settings see `model.Timing`.
    """

    max_age_s: float = 300
    escalate_after_s: float = 300
    rearm_after_s: float = 300
    chatter_count: int = 5
    chatter_window_s: float = 60
    chatter_hold_s: float = 60
    offline_severity: str = "high"
    tick_s: float = 1.0
    position_every_s: float = 1.0
    suspended_after_s: float = 10.0
    max_waiting_events: int = 10_000

    def timing(self) -> Timing:
        """As the state machine wants it, in µs."""
        return Timing(
            escalate_after=round(self.escalate_after_s * US_PER_S),
            rearm_after=round(self.rearm_after_s * US_PER_S),
            chatter_count=self.chatter_count,
            chatter_window=round(self.chatter_window_s * US_PER_S),
            chatter_hold=round(self.chatter_hold_s * US_PER_S),
        )
