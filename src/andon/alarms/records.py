"""An alarm's record, how a transition changes it, and the words in it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from andon.alarms.model import AlertType, Change, Condition, Point, PointKey, State, Transition
from andon.kit.errors import NotFoundError
from andon.kit.units import symbol
from andon.registry.directory import DeviceInfo, TagInfo

_IDS_END = 2**31  # ids are 32 bits wide: PostgreSQL does not even look for a larger one
SEVERITIES = ("critical", "high", "medium", "low")
LEVELS = {"critical": "critical", "high": "warning", "medium": "warning", "low": "info"}

_STATUS = {
    State.UNACKNOWLEDGED: "active",
    State.ACKNOWLEDGED: "acknowledged",
    State.RTN_UNACKNOWLEDGED: "resolved",
    State.NORMAL: "resolved",
}

LIFECYCLE = {
    Change.RAISED: "triggered",
    Change.RERAISED: "triggered",
    Change.RETURNED: "resolved",
    Change.CLEARED: "resolved",
    Change.RESOLVED: "resolved",
    Change.ACKNOWLEDGED: "acknowledged",
    Change.CLOSED: "acknowledged",
    Change.ESCALATED: "escalated",
}
"""The seeds' word for each change."""


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody noted at an alarm; `at` in µs UTC."""

    at: int
    author: str
    text: str


@dataclass(slots=True)
class Alarm:
    """One alarm. Times in µs UTC; `triggered_at` is when it was last raised. `id` is None until it is stored."""

    id: int | None
    organisation_id: str
    key: PointKey
    device_id: str
    device_name: str
    tag: str | None
    type: str
    message: str
    severity: str
    unit: str
    value: float | None
    threshold: float | None
    state: State
    triggered_at: int
    acknowledged_at: int | None = None
    acknowledged_by: str | None = None
    resolved_at: int | None = None
    resolved_by: str | None = None
    escalated_at: int | None = None
    last_value: float | None = None
    last_value_at: int | None = None
    comments: tuple[Comment, ...] = ()

    @property
    def open(self) -> bool:
        """Somebody still has to do something, or the limit is still violated."""
        return self.state is not State.NORMAL

    @property
    def status(self) -> str:
        """`active`, `acknowledged` or `resolved`, as the seeds say it."""
        return _STATUS[self.state]

    @property
    def level(self) -> str:
        """`critical`, `warning` or `info`."""
        return LEVELS[self.severity]

    @property
    def lifecycle(self) -> str:
        """The seeds' alert states: triggered, acknowledged, resolved, escalated."""
        if self.status != "active":
            return self.status
        return "escalated" if self.escalated_at is not None else "triggered"


def new_alarm(transition: Transition, device: DeviceInfo, tag: TagInfo | None, severity: str) -> Alarm:
    """The record of an alarm that was just raised."""
    alarm = Alarm(
        id=None,
        organisation_id=device.organisation_id,
        key=transition.key,
        device_id=device.device_id,
        device_name=device.name,
        tag=tag.name if tag else None,
        type=alarm_type(transition.key.alert_type, device, tag),
        message=message(transition.key.alert_type, device, tag),
        severity=severity if severity in LEVELS else "medium",
        unit=tag.unit if tag else "s",
        value=None,
        threshold=None,
        state=State.NORMAL,
        triggered_at=transition.at,
    )
    apply(alarm, transition)
    return alarm


def apply(alarm: Alarm, transition: Transition, by: str | None = None) -> None:
    """Bring a record up to date with what happened at its point; `by` is the operator who did it, if one did."""
    change, at = transition.change, transition.at
    if transition.value is not None:
        alarm.last_value, alarm.last_value_at = transition.value, at
    if change in (Change.RAISED, Change.RERAISED):
        alarm.state = State.UNACKNOWLEDGED
        alarm.triggered_at, alarm.resolved_at = at, None
        alarm.value, alarm.threshold = transition.value, transition.threshold
    elif change is Change.ESCALATED:
        alarm.escalated_at = at
    elif change in (Change.ACKNOWLEDGED, Change.CLOSED):
        alarm.state = State.ACKNOWLEDGED if change is Change.ACKNOWLEDGED else State.NORMAL
        alarm.acknowledged_at, alarm.acknowledged_by = at, by
    else:
        _end(alarm, change, at, by)


def _end(alarm: Alarm, change: Change, at: int, by: str | None) -> None:
    alarm.state = State.RTN_UNACKNOWLEDGED if change is Change.RETURNED else State.NORMAL
    alarm.resolved_at = at if alarm.resolved_at is None else alarm.resolved_at
    if change is Change.RESOLVED:
        alarm.resolved_by = by
        if alarm.acknowledged_at is None:  # who ends an alarm has seen it
            alarm.acknowledged_at, alarm.acknowledged_by = at, by


def restored_point(alarm: Alarm) -> Point:
    """The point of an alarm that was open when Andon stopped."""
    returned = alarm.state is State.RTN_UNACKNOWLEDGED
    return Point(
        condition=Condition.CLEAR if returned else Condition.VIOLATED,
        state=alarm.state,
        raised_at=alarm.triggered_at,
        raised_seen=alarm.triggered_at,
        escalated=alarm.escalated_at is not None,
    )


def alarm_type(alert_type: AlertType, device: DeviceInfo, tag: TagInfo | None) -> str:
    """`high_pressure`, `low_bbw_value`, `device_offline`: side and quantity."""
    if tag is None:
        return alert_type.value
    side = "high" if alert_type is AlertType.THRESHOLD_EXCEEDED else "low"
    quantity = device.type if len(device.tags) == 1 else tag.name
    return f"{side}_{re.sub(r'[^a-z0-9]+', '_', quantity.lower()).strip('_') or 'value'}"[:255]


def message(alert_type: AlertType, device: DeviceInfo, tag: TagInfo | None) -> str:
    """One sentence for people."""
    if tag is None:
        return f"No data received for more than {device.offline_after_s:g} seconds"
    side = "above" if alert_type is AlertType.THRESHOLD_EXCEEDED else "below"
    quantity = f"{device.type.capitalize()} sensor" if len(device.tags) == 1 else _words(tag.name).capitalize()
    return f"{quantity} reading {side} threshold"


def guidance(alarm: Alarm) -> str:
    """What to do about it."""
    if alarm.key.alert_type is AlertType.DEVICE_OFFLINE:
        return "Check the device's power and network, then its connection to the MQTT broker."
    side = "below" if alarm.key.alert_type is AlertType.THRESHOLD_EXCEEDED else "above"
    limit = "the limit" if alarm.threshold is None else f"{alarm.threshold:g} {symbol(alarm.unit or '')}".strip()
    return f"Find the cause at {alarm.device_name} and bring {_words(alarm.tag or 'it')} back {side} {limit}."


def _words(name: str) -> str:
    """A tag's name as it is read: `bbw_value` is "bbw value"."""
    return name.replace("_", " ").strip()


def format_id(alarm_id: int) -> str:
    """`alert-001`."""
    return f"alert-{alarm_id:03d}"


def parse_id(text: str) -> int | None:
    """The number of `alert-001`, or of `1`; None when it is neither."""
    found = re.fullmatch(r"(?:alert-)?0*(\d{1,15})", text)
    number = int(found[1]) if found else 0
    return number if 0 < number < _IDS_END else None


def unknown_alarm(text: str) -> NotFoundError:
    """The error for an id that names no alarm of the caller's organisation."""
    return NotFoundError(f"there is no alert {text[:40]!r}", field="id", cure="see GET /api/v1/alerts?status=all")
