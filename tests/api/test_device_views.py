"""How a device looks from outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from andon.api.device_views import DeviceViews, stale_after_s
from andon.engines.livestate.memory import MemoryLiveState
from andon.kit.clock import US_PER_S
from andon.kit.limits import Limits, value_status
from andon.kit.quality import Quality
from andon.kit.samples import SampleBatch
from andon.registry.directory import DeviceInfo, TagInfo

NOW = 1_736_589_600 * US_PER_S
TAG = TagInfo(
    id=7, organisation_id="org", device_uuid="u", device_id="device-001", name="temperature", unit="celsius",
    kind="number", decimals=1, is_primary=True, limits=Limits(20, 80, 15, 85), deadband=0.5, on_delay_s=0,
    off_delay_s=0, severity="high", expected_interval_s=2.0,
)  # fmt: skip
DEVICE = DeviceInfo(
    uuid="u", organisation_id="org", device_id="device-001", name="Furnace", type="temperature",
    location="assembly-line-1", protocol="mqtt", status="active", offline_after_s=30, equipment_id="e",
    equipment_path=("Demo plant", "Assembly"), timezone="UTC", tags=(TAG,), created_at=0,
)  # fmt: skip


@pytest.fixture
def live() -> MemoryLiveState:
    return MemoryLiveState()


@pytest.fixture
def views(live: MemoryLiveState) -> DeviceViews:
    return DeviceViews(live)


def seen(
    live: MemoryLiveState, value: float | str, *, ago_s: float = 0, quality: int = Quality.GOOD, tag: int = 7
) -> None:
    at = NOW - round(ago_s * US_PER_S)
    live.apply(SampleBatch.from_rows([(tag, at, value, quality, at)]))


def item(views: DeviceViews, device: DeviceInfo = DEVICE, **levels: tuple[str, int]) -> dict[str, object]:
    return views.items([device], NOW, {key.replace("_", "-"): level for key, level in levels.items()})[0]


def test_a_device_that_was_never_seen_is_unknown_not_zero(views: DeviceViews) -> None:
    found = item(views)
    assert (found["status"], found["lastReading"], found["alertStatus"]) == ("unknown", None, "unknown")
    assert found["stats"] == {"avg24h": None, "trend": None}


def test_a_fresh_value_is_shown_with_its_time_and_quality(views: DeviceViews, live: MemoryLiveState) -> None:
    seen(live, 75.2)
    found = item(views)
    assert found["lastReading"] == {"value": 75.2, "timestamp": "2025-01-11T10:00:00.000Z", "quality": "good"}
    assert (found["status"], found["online"], found["alertStatus"]) == ("active", True, "normal")


def test_a_value_past_its_time_is_stale(views: DeviceViews, live: MemoryLiveState) -> None:
    seen(live, 75.2, ago_s=7)
    found = item(views)
    assert found["lastReading"]["quality"] == "stale"  # type: ignore[index]
    assert found["status"] == "active"


def test_a_silent_device_is_offline(views: DeviceViews, live: MemoryLiveState) -> None:
    seen(live, 75.2, ago_s=31)
    assert item(views)["status"] == "offline"


def test_a_device_is_online_while_any_of_its_tags_speaks(views: DeviceViews, live: MemoryLiveState) -> None:
    other = replace(TAG, id=8, name="pressure", is_primary=False)
    seen(live, 75.2, ago_s=60)
    seen(live, 1.0, ago_s=1, tag=8)
    assert item(views, replace(DEVICE, tags=(TAG, other)))["status"] == "active"


def test_a_death_certificate_makes_a_device_offline_at_once(views: DeviceViews, live: MemoryLiveState) -> None:
    seen(live, 75.2, quality=Quality.STALE)
    assert item(views)["status"] == "offline"


def test_the_worst_open_alarm_is_the_alert_status(views: DeviceViews, live: MemoryLiveState) -> None:
    seen(live, 90.0)
    found = item(views, device_001=("critical", 2))
    assert (found["alertStatus"], found["activeAlerts"]) == ("critical", 2)


def test_a_value_beyond_its_alarm_limit_is_not_normal_even_without_an_open_alarm(
    views: DeviceViews, live: MemoryLiveState
) -> None:
    seen(live, 90.0)
    assert item(views)["alertStatus"] == "warning"  # the tag's severity is high
    seen(live, 90.0, quality=Quality.BAD)
    assert item(views)["alertStatus"] == "normal"


def test_text_and_boolean_values_keep_their_kind(views: DeviceViews, live: MemoryLiveState) -> None:
    seen(live, "idle")
    assert item(views)["lastReading"]["value"] == "idle"  # type: ignore[index]
    seen(live, 1.0, tag=9)
    switch = replace(TAG, id=9, kind="boolean")
    assert item(views, replace(DEVICE, tags=(switch,)))["lastReading"]["value"] is True  # type: ignore[index]


def test_the_current_body_has_the_primary_value_on_top_and_all_below(views: DeviceViews, live: MemoryLiveState) -> None:
    seen(live, 90.0)
    body = views.current(DEVICE, NOW)
    assert (body["value"], body["unit"], body["status"]) == (90.0, "celsius", "critical")
    assert [reading["tag"] for reading in body["readings"]] == ["temperature"]


def test_the_current_body_of_an_unseen_device_is_null(views: DeviceViews) -> None:
    body = views.current(DEVICE, NOW)
    assert (body["value"], body["timestamp"], body["status"], body["readings"]) == (None, None, "unknown", [])


@pytest.mark.parametrize(
    ("value", "status"),
    [(50.0, "normal"), (20.0, "normal"), (81.0, "warning"), (85.0, "warning"), (85.1, "critical"), (14.0, "critical")],
)
def test_a_value_is_judged_by_its_bands(value: float, status: str) -> None:
    assert value_status(value, Quality.GOOD, TAG.limits) == status


def test_a_bad_value_is_not_judged() -> None:
    assert value_status(50.0, Quality.BAD, TAG.limits) == "unknown"


def test_staleness_follows_the_expected_interval_or_else_the_offline_limit() -> None:
    assert stale_after_s(DEVICE, TAG) == 6
    assert stale_after_s(DEVICE, replace(TAG, expected_interval_s=None)) == 30
