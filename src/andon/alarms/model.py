"""The alarm state machine after ISA-18.2, pure: a point and what happens to it give the next point.

A point is one thing that can be in alarm: a side of a tag's limits, or a device's silence. It joins two parts:
the condition (is the process beyond the limit, after deadband and delays?) and the alarm's state (does the
operator know?). All times are µs UTC; `at` is when something happened, `seen` when this process learned of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, NamedTuple

from andon.kit.clock import US_PER_S

Side = Literal["high", "low"]


class AlertType(StrEnum):
    """What kind of condition an alarm watches, in the words of the wire."""

    THRESHOLD_EXCEEDED = "threshold_exceeded"
    THRESHOLD_BELOW = "threshold_below"
    DEVICE_OFFLINE = "device_offline"


class PointKey(NamedTuple):
    """Names a point; there is at most one open alarm for each. `tag_id` is None where the device is meant."""

    device_uuid: str
    tag_id: int | None
    alert_type: AlertType


class Condition(StrEnum):
    """Whether the limit is violated; pending while a delay runs."""

    CLEAR = "clear"
    PENDING_ON = "pending_on"
    VIOLATED = "violated"
    PENDING_OFF = "pending_off"


class State(StrEnum):
    """ISA-18.2's alarm states, as far as operators bring them about today."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RTN_UNACKNOWLEDGED = "rtn_unacknowledged"


class Change(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    RERAISED = "reraised"  # beyond the limit again before anybody acknowledged that it had returned
    RETURNED = "returned"  # back to normal, nobody had acknowledged
    CLEARED = "cleared"  # back to normal after acknowledgement: over
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"  # acknowledged after it had returned: over
    RESOLVED = "resolved"  # an operator ended it, whatever the process does
    ESCALATED = "escalated"


TRANSITIONS: dict[Change, tuple[frozenset[State], State]] = {
    Change.RAISED: (frozenset({State.NORMAL}), State.UNACKNOWLEDGED),
    Change.RERAISED: (frozenset({State.RTN_UNACKNOWLEDGED}), State.UNACKNOWLEDGED),
    Change.RETURNED: (frozenset({State.UNACKNOWLEDGED}), State.RTN_UNACKNOWLEDGED),
    Change.CLEARED: (frozenset({State.ACKNOWLEDGED}), State.NORMAL),
    Change.ACKNOWLEDGED: (frozenset({State.UNACKNOWLEDGED}), State.ACKNOWLEDGED),
    Change.CLOSED: (frozenset({State.RTN_UNACKNOWLEDGED}), State.NORMAL),
    Change.RESOLVED: (frozenset(State) - {State.NORMAL}, State.NORMAL),
    Change.ESCALATED: (frozenset({State.UNACKNOWLEDGED}), State.UNACKNOWLEDGED),
}
"""The legal transitions: from which states, to which."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in µs and a count that hold for every point.

    A point that is raised `chatter_count` times within `chatter_window` chatters: its return then has to last
    `chatter_hold`, so that a signal that trembles on its limit cannot flood the operator or the database.
    """

    escalate_after: int = 300 * US_PER_S
    rearm_after: int = 300 * US_PER_S
    chatter_count: int = 5
    chatter_window: int = 60 * US_PER_S
    chatter_hold: int = 60 * US_PER_S


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit. `deadband` in the signal's unit, delays in µs; the severity does not bear on the condition."""

    side: Side
    threshold: float
    deadband: float = 0.0
    on_delay: int = 0
    off_delay: int = 0
    severity: str = "medium"

    def violates(self, value: float) -> bool:
        """Beyond the limit; on the limit is still inside."""
        return value > self.threshold if self.side == "high" else value < self.threshold

    def returns(self, value: float) -> bool:
        """Inside the limit by the deadband at least."""
        if self.side == "high":
            return value <= self.threshold - self.deadband
        return value >= self.threshold + self.deadband


@dataclass(frozen=True, slots=True)
class Point:
    """Where one point stands.

    `since`/`armed`: when the running delay began, as event time and as seen here. `raised_at` is when it was
    last raised. `resolved_seen` is set while an operator's resolve holds although the limit is still violated.
    """

    condition: Condition = Condition.CLEAR
    state: State = State.NORMAL
    since: int = 0
    armed: int = 0
    raised_at: int = 0
    raised_seen: int = 0
    escalated: bool = False
    resolved_seen: int | None = None
    raises: tuple[int, ...] = ()

    @property
    def quiet(self) -> bool:
        """Nothing is going on: the point need not be kept."""
        return self.condition is Condition.CLEAR and self.state is State.NORMAL and not self.raises


QUIET = Point()


class Transition(NamedTuple):
    """A change at a point, with the value and the limit that brought it about."""

    key: PointKey
    change: Change
    at: int
    value: float | None
    threshold: float | None


class Step(NamedTuple):
    """The next point and what happened, if anything. `at` is the time of the change."""

    point: Point
    change: Change | None = None
    at: int = 0


def on_sample(point: Point, rule: Rule, timing: Timing, value: float, at: int, seen: int) -> Step:
    """A good sample of `value` at `at`; samples have to come in order of time."""
    if rule.violates(value):
        return _beyond(point, rule, timing, at, seen)
    if point.condition is Condition.PENDING_ON:
        # The on-delay asks for an unbroken violation: the deadband only holds an alarm that is already there.
        return Step(replace(point, condition=Condition.CLEAR))
    if point.condition is Condition.CLEAR:
        return Step(point)
    if rule.returns(value) or point.condition is Condition.PENDING_OFF:
        return _inside(point, rule, timing, at, seen)
    return Step(point)


def on_tick(point: Point, rule: Rule, timing: Timing, now: int) -> Step:
    """Time passes without a sample. Delays run from when the sample was seen, so that a consumer that catches
    up on old samples does not mistake its own lateness for a lasting condition."""
    if now < max(point.armed, point.raised_seen, point.resolved_seen or 0):
        point = _set_back(point, now)
    if point.condition is Condition.PENDING_ON and now - point.armed >= rule.on_delay:
        return _violated(point, timing, point.since + rule.on_delay, now)
    hold = _off_delay(point, rule, timing)
    if point.condition is Condition.PENDING_OFF and now - point.armed >= hold:
        return _returned(point, point.since + hold)
    if point.raises and point.condition is Condition.CLEAR and now - point.raises[-1] > timing.chatter_window:
        return Step(replace(point, raises=()))
    if _escalates(point, timing, now):
        return Step(replace(point, escalated=True), Change.ESCALATED, now)
    return Step(point)


def on_rule(point: Point, rule: Rule | None, timing: Timing, value: float | None, at: int, now: int) -> Step:
    """The limit was changed or removed (None): judged at once by the last good value, if there is one.

    An alarm that the new limit would not have raised returns without waiting for deadband or off-delay.
    """
    if rule is not None:
        if value is None:
            return Step(point)
        if rule.violates(value):
            return on_sample(point, rule, timing, value, at, now)
    if point.condition is Condition.PENDING_ON:
        return Step(replace(point, condition=Condition.CLEAR))
    return Step(point) if point.condition is Condition.CLEAR else _returned(point, now)


def acknowledge(point: Point, now: int) -> Step:
    """An operator has seen it. No change when it is acknowledged or over already."""
    if point.state is State.UNACKNOWLEDGED:
        return Step(replace(point, state=State.ACKNOWLEDGED), Change.ACKNOWLEDGED, now)
    if point.state is State.RTN_UNACKNOWLEDGED:
        return Step(replace(point, state=State.NORMAL), Change.CLOSED, now)
    return Step(point)


def resolve(point: Point, now: int) -> Step:
    """An operator ends it. While the limit stays violated it keeps still until the condition has returned
    once, or for `rearm_after`: the next sample beyond the limit then raises it anew, for a lasting danger must
    not stay hidden."""
    if point.state is State.NORMAL:
        return Step(point)
    lasting = point.condition is not Condition.CLEAR
    return Step(replace(point, state=State.NORMAL, resolved_seen=now if lasting else None), Change.RESOLVED, now)


def _beyond(point: Point, rule: Rule, timing: Timing, at: int, seen: int) -> Step:
    if point.condition is Condition.PENDING_OFF:
        point = replace(point, condition=Condition.VIOLATED)
    if point.condition is Condition.VIOLATED:
        if point.resolved_seen is not None and seen - point.resolved_seen >= timing.rearm_after:
            return _raise(replace(point, resolved_seen=None), Change.RAISED, timing, at, seen)
        return Step(point)
    if point.condition is Condition.CLEAR:
        point = replace(point, condition=Condition.PENDING_ON, since=at, armed=seen)
    if at - point.since >= rule.on_delay:
        return _violated(point, timing, at, seen)
    return Step(point)


def _inside(point: Point, rule: Rule, timing: Timing, at: int, seen: int) -> Step:
    if point.condition is Condition.VIOLATED:
        point = replace(point, condition=Condition.PENDING_OFF, since=at, armed=seen)
    if at - point.since >= _off_delay(point, rule, timing):
        return _returned(point, at)
    return Step(point)


def _violated(point: Point, timing: Timing, at: int, seen: int) -> Step:
    point = replace(point, condition=Condition.VIOLATED)
    if point.state is State.RTN_UNACKNOWLEDGED:
        return _raise(point, Change.RERAISED, timing, at, seen)
    return _raise(point, Change.RAISED, timing, at, seen)


def _raise(point: Point, change: Change, timing: Timing, at: int, seen: int) -> Step:
    new_alarm = change is Change.RAISED
    point = replace(
        point,
        state=State.UNACKNOWLEDGED,
        raised_at=at,
        raised_seen=seen,
        escalated=False if new_alarm else point.escalated,
        raises=(*point.raises, at)[-timing.chatter_count :],
    )
    return Step(point, change, at)


def _returned(point: Point, at: int) -> Step:
    point = replace(point, condition=Condition.CLEAR, resolved_seen=None)
    if point.state is State.UNACKNOWLEDGED:
        return Step(replace(point, state=State.RTN_UNACKNOWLEDGED), Change.RETURNED, at)
    if point.state is State.ACKNOWLEDGED:
        return Step(replace(point, state=State.NORMAL), Change.CLEARED, at)
    return Step(point)


def _set_back(point: Point, now: int) -> Point:
    """This machine's clock was set back: what was seen counts as seen just now, or delays would last as long again."""
    resolved = point.resolved_seen if point.resolved_seen is None else min(point.resolved_seen, now)
    armed, raised = min(point.armed, now), min(point.raised_seen, now)
    return replace(point, armed=armed, raised_seen=raised, resolved_seen=resolved)


def _off_delay(point: Point, rule: Rule, timing: Timing) -> int:
    many = len(point.raises) >= timing.chatter_count
    chatters = many and point.raises[-1] - point.raises[0] <= timing.chatter_window
    return max(rule.off_delay, timing.chatter_hold) if chatters else rule.off_delay


def _escalates(point: Point, timing: Timing, now: int) -> bool:
    return (
        point.state is State.UNACKNOWLEDGED and not point.escalated and now - point.raised_seen >= timing.escalate_after
    )
