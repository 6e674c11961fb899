"""The bands of a signal: where it is normal, and where an alarm begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

from andon.kit.quality import Quality


@dataclass(frozen=True, slots=True)
class Limits:
    """Normal band and alarm limits in the tag's unit; None means there is none on that side."""

    normal_min: float | None = None
    normal_max: float | None = None
    alert_min: float | None = None
    alert_max: float | None = None


def value_status(value: float | str | None, quality: int, limits: Limits) -> str:
    """`normal`, `warning` (outside the normal band), `critical` (beyond an alert limit) or `unknown`."""
    if not isinstance(value, float) or math.isnan(value) or quality < Quality.UNCERTAIN:
        return "unknown"
    if _outside(value, limits.alert_min, limits.alert_max):
        return "critical"
    return "warning" if _outside(value, limits.normal_min, limits.normal_max) else "normal"


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)
