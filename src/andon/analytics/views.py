"""The bodies of the analytics endpoints. Unknown is null, never 0."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from andon.analytics.model import Point, TrendAnalysis
from andon.analytics.service import DeviceSummary
from andon.kit.clock import to_iso
from andon.registry.directory import TagInfo


def trend_body(tag: TagInfo, analysis: TrendAnalysis) -> dict[str, Any]:
    """The trend of a tag; `start` and `end` are the ends of its line."""
    line = analysis.line
    return {
        "deviceId": tag.device_id,
        "tag": tag.name,
        "unit": tag.unit,
        "trend": line.trend if line else None,
        "slopePerHour": line.slope if line else None,
        "r2": line.r2 if line else None,
        "confidence": line.confidence if line else None,
        "start": _point(line.start) if line else None,
        "end": _point(line.end) if line else None,
        "points": [_point(point) for point in analysis.points],
    }


def summary_body(summaries: Sequence[DeviceSummary]) -> dict[str, Any]:
    """All devices, and how many there are of each kind."""
    trends = Counter(each.day.trend for each in summaries if each.day)
    samples = [each.day.count for each in summaries if each.day]
    return {
        "devices": [_device(each) for each in summaries],
        "totals": {
            "devices": len(summaries),
            "devicesWithData": len(samples),
            "samples24h": sum(samples),
            "increasing": trends["increasing"],
            "decreasing": trends["decreasing"],
            "stable": trends["stable"],
        },
    }


def _device(summary: DeviceSummary) -> dict[str, Any]:
    hour, day, tag = summary.hour, summary.day, summary.tag
    return {
        "deviceId": summary.device.device_id,
        "name": summary.device.name,
        "tag": tag.name if tag else None,
        "unit": tag.unit if tag else None,
        "avg1h": hour.avg if hour else None,
        "avg24h": day.avg if day else None,
        "min24h": day.min if day else None,
        "max24h": day.max if day else None,
        "trend": day.trend if day else None,
        "samples24h": day.count if day else 0,
    }


def _point(point: Point) -> dict[str, Any]:
    return {"timestamp": to_iso(point.timestamp), "value": point.value}
