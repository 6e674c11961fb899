"""The plant's key figures: for the endpoints that show them, and for the roles that publish them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from andon.api.context import ApiContext
from andon.kit.clock import US_PER_HOUR, now_us


def plant_figures(state: ApiContext, organisation_id: str) -> dict[str, Any]:
    """Counts of devices, alarms and samples, as S1's `system:metrics` names them."""
    now = now_us()
    devices = state.directory.devices(organisation_id)
    statuses = Counter(state.views.statuses(devices, now))
    severities = state.alarms.severity_counts(organisation_id)
    return {
        "totalDevices": len(devices),
        "activeDevices": statuses["active"],
        "offlineDevices": statuses["offline"],
        "unknownDevices": statuses["unknown"],
        "activeAlertsCount": sum(severities.values()),
        "alertsBySeverity": {name: severities.get(name, 0) for name in ("critical", "high", "medium", "low")},
        "dataPointsLastHour": state.livestate.samples_since(now - US_PER_HOUR),
        "discoveredDevices": state.discovered(organisation_id),
    }
