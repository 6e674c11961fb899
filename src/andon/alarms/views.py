"""How alarms look from outside: the seeds' alert bodies, for REST, Socket.IO and MQTT alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from andon.alarms.model import Change
from andon.alarms.records import LIFECYCLE, SEVERITIES, Alarm, format_id, guidance
from andon.kit.clock import now_us, to_iso


def alert_body(alarm: Alarm) -> dict[str, Any]:
    """An alert as S1 lists it, with ISA-18.2's state and what an operator needs beside it."""
    assert alarm.id is not None
    return {
        "id": format_id(alarm.id),
        "deviceId": alarm.device_id,
        "deviceName": alarm.device_name,
        "tag": alarm.tag,
        "type": alarm.type,
        "alertType": alarm.key.alert_type.value,
        "message": alarm.message,
        "severity": alarm.severity,
        "level": alarm.level,
        "value": alarm.value,
        "threshold": alarm.threshold,
        "unit": alarm.unit,
        "status": alarm.status,
        "state": alarm.state.value,
        "lifecycle": alarm.lifecycle,
        "triggeredAt": to_iso(alarm.triggered_at),
        "acknowledgedAt": _iso(alarm.acknowledged_at),
        "acknowledgedBy": alarm.acknowledged_by,
        "resolvedAt": _iso(alarm.resolved_at),
        "resolvedBy": alarm.resolved_by,
        "escalatedAt": _iso(alarm.escalated_at),
        "lastValue": alarm.last_value,
        "lastValueAt": _iso(alarm.last_value_at),
        "comments": [{"at": to_iso(c.at), "author": c.author, "text": c.text} for c in alarm.comments],
        "guidance": guidance(alarm),
    }


def event_body(alarm: Alarm, change: Change, at: int) -> dict[str, Any]:
    """A record of the `alerts` stream."""
    return {
        "event": LIFECYCLE[change],
        "change": change.value,
        "at": to_iso(at),
        "organizationId": alarm.organisation_id,
        "alert": alert_body(alarm),
    }


def listing_meta(counts: Mapping[str, int]) -> dict[str, Any]:
    """`meta` of an alert list: counts of all that match, also beyond the page."""
    by_severity = {f"{severity}Alerts": counts.get(severity, 0) for severity in SEVERITIES}
    return {"totalAlerts": sum(counts.values()), **by_severity, "timestamp": to_iso(now_us())}


def _iso(us: int | None) -> str | None:
    return None if us is None else to_iso(us)
