"""The bands of a signal: where it is normal, and where an alarm begins."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Normal band and alarm limits in the tag's unit; None means there is none on that side."""

    normal_min: float | None = None
    normal_max: float | None = None
    alert_min: float | None = None
    alert_max: float | None = None
