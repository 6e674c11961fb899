"""From the registry's limits to alarm rules: which points a tag has, and what holds for each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from andon.alarms.model import AlertType, PointKey, Rule, Side
from andon.kit.clock import US_PER_S
from andon.registry.directory import DeviceInfo, TagInfo


@dataclass(frozen=True, slots=True)
class Watched:
    """One point of a tag: its name and its rule."""

    key: PointKey
    rule: Rule


def watched_points(tag: TagInfo, device: DeviceInfo | None) -> tuple[Watched, ...]:
    """The points of a tag, none while its device is disabled or gone, or while it has no alert limits."""
    if device is None or device.status == "disabled":
        return ()
    sides: list[tuple[float | None, Side, AlertType]] = [
        (tag.limits.alert_max, "high", AlertType.THRESHOLD_EXCEEDED),
        (tag.limits.alert_min, "low", AlertType.THRESHOLD_BELOW),
    ]
    return tuple(
        Watched(PointKey(tag.device_uuid, tag.id, alert_type), _rule(tag, side, threshold))
        for threshold, side, alert_type in sides
        if threshold is not None
    )


def _rule(tag: TagInfo, side: Side, threshold: float) -> Rule:
    return Rule(
        side,
        threshold,
        deadband=tag.deadband,
        on_delay=round(tag.on_delay_s * US_PER_S),
        off_delay=round(tag.off_delay_s * US_PER_S),
        severity=tag.severity,
    )


def same_condition(one: Rule | None, other: Rule | None) -> bool:
    """Whether two rules judge alike, whatever their severity."""
    if one is None or other is None:
        return one is other
    return replace(one, severity=other.severity) == other
