"""What callers send to the alarm endpoints, and what these answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from andon.kit.contract import Answer, example

MAX_IDS = 1_000

CommentText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000)]
StatusFilter = Literal["active", "acknowledged", "resolved", "all"]
Severity = Literal["critical", "high", "medium", "low"]


class CommentBody(BaseModel):
    """An optional note for the journal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"comment": "valve replaced"}})

    comment: CommentText | None = None


class ManyBody(CommentBody):
    """Many alarms at once."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"ids": ["alert-001", "alert-002"], "comment": "on my way"}}
    )

    ids: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(min_length=1, max_length=MAX_IDS)]


_ALERT = {
    "id": "alert-001",
    "deviceId": "device-002",
    "deviceName": "Hydraulic pressure",
    "tag": "pressure",
    "type": "high_pressure",
    "alertType": "threshold_exceeded",
    "message": "Pressure sensor reading above threshold",
    "severity": "high",
    "level": "warning",
    "value": 58.5,
    "threshold": 55,
    "unit": "psi",
    "status": "active",
    "state": "unacknowledged",
    "lifecycle": "triggered",
    "triggeredAt": "2025-01-11T10:05:00.000Z",
    "acknowledgedAt": None,
    "acknowledgedBy": None,
    "resolvedAt": None,
    "resolvedBy": None,
    "escalatedAt": None,
    "lastValue": 58.5,
    "lastValueAt": "2025-01-11T10:05:00.000Z",
    "comments": [],
    "guidance": "Find the cause at Hydraulic pressure and bring pressure back below 55 psi.",
}


class AlertComment(Answer):
    """A note in an alert's journal."""

    at: str
    author: str
    text: str


class Alert(Answer):
    """An alarm as the API names it. `state` is ISA-18.2's, `threshold` the limit that was passed."""

    model_config = example(_ALERT)

    id: str
    device_id: str
    device_name: str
    tag: str | None
    type: str
    alert_type: Literal["threshold_exceeded", "threshold_below", "device_offline"]
    message: str
    severity: Severity
    level: Literal["critical", "warning", "info"]
    value: float | None
    threshold: float | None
    unit: str | None
    status: Literal["active", "acknowledged", "resolved"]
    state: Literal["normal", "unacknowledged", "acknowledged", "rtn_unacknowledged"]
    lifecycle: Literal["triggered", "acknowledged", "resolved", "escalated"]
    triggered_at: str
    acknowledged_at: str | None
    acknowledged_by: str | None
    resolved_at: str | None
    resolved_by: str | None
    escalated_at: str | None
    last_value: float | None
    last_value_at: str | None
    comments: list[AlertComment]
    guidance: str


class AlertList(Answer):
    """A page of alerts."""

    model_config = example({"alerts": [_ALERT]})

    alerts: list[Alert]


class AlertsMeta(Answer):
    """Counts of all that match, also beyond the page."""

    model_config = example(
        {
            "totalAlerts": 1,
            "criticalAlerts": 0,
            "highAlerts": 1,
            "mediumAlerts": 0,
            "lowAlerts": 0,
            "timestamp": "2025-01-11T10:05:01.000Z",
        }
    )

    total_alerts: int
    critical_alerts: int
    high_alerts: int
    medium_alerts: int
    low_alerts: int
    timestamp: str


class FailedAlert(Answer):
    """An alert that could not be acknowledged, and why."""

    id: str
    reason: str


class AcknowledgedMany(Answer):
    """What became of each."""

    model_config = example(
        {"alerts": [_ALERT], "failed": [{"id": "alert-002", "reason": "alert-002 is acknowledged already"}]}
    )

    alerts: list[Alert]
    failed: list[FailedAlert]


class AcknowledgedMeta(Answer):
    """How many it was."""

    model_config = example({"acknowledged": 1, "failed": 1})

    acknowledged: int
    failed: int
