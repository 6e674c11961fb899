"""S1's and S2's events, body by body."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from andon.alarms.model import Change
from andon.kit.clock import US_PER_S, now_us
from andon.kit.quality import Quality
from andon.realtime import announce
from andon.realtime.settings import RealtimeSettings
from realtime.harness import (
    AT,
    DEVICES,
    LOOM_TEMPERATURE,
    PRESSURE,
    TEMPERATURE,
    WIDTH,
    Listener,
    Plant,
    alarm_event,
    device,
    row,
    running,
    tag,
    until,
)


async def test_a_connection_is_confirmed_with_the_position_where_live_values_begin(plant: Plant) -> None:
    position = await plant.sample(row(TEMPERATURE, 75.2))
    await until(lambda: plant.service.fanout.position == position)
    listener = await plant.listen()
    body = await listener.next("connection-status")
    assert body["status"] == "connected"
    assert body["position"] == position
    assert set(body) == {"status", "timestamp", "position", "sessionId"}


async def test_sensor_data_has_the_documents_body(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-device", "device-001")
    await plant.sample(row(TEMPERATURE, 75.2))
    assert await listener.next("sensor-data") == {
        "deviceId": "device-001",
        "timestamp": "2025-01-11T10:00:00.000Z",
        "data": {"value": 75.2, "unit": "celsius", "status": "normal"},
        "stats": {"avg": None, "trend": None},
    }


async def test_sensor_data_carries_the_last_hours_average_and_trend(plant: Plant, listener: Listener) -> None:
    now = now_us()
    past = [row(TEMPERATURE, 70.0 + minute, now - (20 - minute) * 60 * US_PER_S) for minute in range(10)]
    await plant.sample(*past)
    await listener.ask("subscribe-device", "device-001")
    assert (await listener.next("sensor-data"))["stats"] == {"avg": 74.5, "trend": "increasing"}


@pytest.mark.parametrize(
    ("value", "quality", "shown", "status"),
    [
        (75.2, Quality.GOOD, 75.2, "normal"),
        (82.0, Quality.GOOD, 82.0, "warning"),
        (85.5, Quality.GOOD, 85.5, "critical"),
        (14.0, Quality.GOOD, 14.0, "critical"),
        (75.2, Quality.STALE, 75.2, "unknown"),
        (float("nan"), Quality.BAD, None, "unknown"),
    ],
)
async def test_status_says_where_the_value_stands(
    plant: Plant, listener: Listener, value: float, quality: int, shown: float | None, status: str
) -> None:
    await listener.ask("subscribe-device", "device-001")
    await plant.sample(row(TEMPERATURE, value, quality=quality))
    body = await listener.next("sensor-data")
    assert (body["data"]["value"], body["data"]["status"]) == (shown, status)


async def test_a_device_with_several_tags_sends_them_all(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-device", "loom-001")
    await plant.sample(row(WIDTH, 1600.5), row(LOOM_TEMPERATURE, 31.0))
    assert (await listener.next("sensor-data"))["data"] == {
        "value": 1600.5,
        "unit": "mm",
        "status": "normal",
        "values": {"bbw_value": 1600.5, "temperature": 31.0},
    }


@pytest.mark.parametrize(
    "payload",
    ["device-001", {"deviceId": "device-001"}, {"deviceIds": ["device-001"]}, ["device-001"], "*", {"deviceIds": "*"}],
)
async def test_devices_are_named_in_any_of_these_ways(plant: Plant, listener: Listener, payload: Any) -> None:
    assert (await listener.ask("subscribe-device", payload))["success"]
    await plant.sample(row(TEMPERATURE, 75.2))
    assert (await listener.next("sensor-data"))["deviceId"] == "device-001"


async def test_subscribing_shows_the_present_value_at_once(plant: Plant, listener: Listener) -> None:
    await plant.sample(row(TEMPERATURE, 75.2))
    await listener.ask("subscribe-device", "device-001")
    assert (await listener.next("sensor-data"))["data"]["value"] == 75.2


async def test_only_what_is_subscribed_is_sent(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-device", "device-001")
    await plant.sample(row(PRESSURE, 30.0), row(TEMPERATURE, 75.2))
    assert (await listener.next("sensor-data"))["deviceId"] == "device-001"
    assert await listener.all() == []


async def test_after_unsubscribing_nothing_comes(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-device", {"deviceIds": ["device-001", "device-002"]})
    await listener.ask("unsubscribe-device", "device-001")
    await plant.sample(row(TEMPERATURE, 75.2), row(PRESSURE, 30.0))
    assert (await listener.next("sensor-data"))["deviceId"] == "device-002"
    assert await listener.all() == []


async def test_an_unknown_device_is_an_error_that_names_the_cure(listener: Listener) -> None:
    answer = await listener.ask("subscribe-device", "no-such-device")
    expected = {
        "code": "notfound",
        "message": "there is no device 'no-such-device'",
        "field": "deviceId",
        "cure": "see GET /api/v1/devices for those there are",
    }
    assert await listener.next("error") == expected
    assert answer == {"success": False, "error": expected}


async def test_an_unknown_device_among_known_ones_does_not_hold_them_up(plant: Plant, listener: Listener) -> None:
    answer = await listener.ask("subscribe-device", {"deviceIds": ["device-001", "nobody"]})
    assert answer == {"success": True, "devices": ["device-001"]}
    assert "'nobody'" in (await listener.next("error"))["message"]


@pytest.mark.parametrize("payload", [7, None, {}, {"deviceId": ""}, {"deviceIds": [1]}, {"deviceIds": []}, [[]]])
async def test_a_payload_that_names_nothing_is_an_error(listener: Listener, payload: Any) -> None:
    await listener.ask("subscribe-device", payload)
    error = await listener.next("error")
    assert error["code"] == "invalid"
    assert "device-001" in error["cure"]


async def test_an_event_that_does_not_exist_is_an_error_that_lists_those_that_do(listener: Listener) -> None:
    await listener.ask("subscribe-everything", {})
    assert "subscribe-device" in (await listener.next("error"))["cure"]


async def test_ping_is_acknowledged_and_answered(listener: Listener) -> None:
    answer = await listener.ask("ping")
    assert await listener.next("pong") == {"timestamp": answer["timestamp"]}


async def test_alert_triggered_has_the_documents_body(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-alerts")
    plant.service.on_alarm(alarm_event("triggered", Change.RAISED))
    assert await listener.next("alert-triggered") == {
        "alertId": "alert-001",
        "deviceId": "device-002",
        "type": "high_pressure",
        "severity": "high",
        "message": "Pressure reading above threshold",
        "value": 58.5,
        "threshold": 55,
        "timestamp": "2025-01-11T10:05:00.000Z",
    }


@pytest.mark.parametrize(
    ("lifecycle", "change"),
    [
        ("resolved", Change.CLEARED),
        ("acknowledged", Change.ACKNOWLEDGED),
        ("escalated", Change.ESCALATED),
    ],
)
async def test_what_happens_to_an_alert_later_is_told(
    plant: Plant, listener: Listener, lifecycle: str, change: Change
) -> None:
    await listener.ask("subscribe-alerts", {})
    plant.service.on_alarm(alarm_event(lifecycle, change, status="resolved", state="normal", resolvedBy="anna"))
    body = await listener.next(f"alert-{lifecycle}")
    assert (body["alertId"], body["deviceId"], body["value"]) == ("alert-001", "device-002", 58.5)
    assert (body["status"], body["state"], body["resolvedBy"]) == ("resolved", "normal", "anna")


@pytest.mark.parametrize("what", ["an alarm", "a device"])
async def test_who_subscribes_hears_for_how_long_nothing_has_happened(
    plant: Plant, listener: Listener, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    an_hour_on = SimpleNamespace(monotonic=lambda: time.monotonic() + 3_600)
    monkeypatch.setattr(announce, "time", an_hour_on)

    async def quiet_s() -> float:
        milliseconds: int = (await listener.ask("subscribe-alerts"))["quietMs"]
        return milliseconds / 1_000

    await listener.ask("subscribe-system")
    assert await quiet_s() >= 3_600
    if what == "an alarm":
        plant.service.on_alarm(alarm_event("triggered", Change.RAISED))
    else:
        await plant.sample(row(TEMPERATURE, 75.2, now_us()))
        await listener.next("device-status")
    assert await quiet_s() < 3_600


async def test_alerts_come_only_while_subscribed(plant: Plant, listener: Listener) -> None:
    plant.service.on_alarm(alarm_event("triggered", Change.RAISED))
    await listener.ask("subscribe-alerts")
    await listener.ask("unsubscribe-alerts")
    plant.service.on_alarm(alarm_event("triggered", Change.RAISED))
    assert [event for event, _ in await listener.all() if event.startswith("alert")] == []


async def test_system_status_comes_at_once_and_again(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-system")
    assert await listener.next("system-status") == {"totalDevices": 3, "systemHealth": "healthy"}
    plant.service.announcer.system("org-1", {"totalDevices": 4})
    assert await listener.next("system-status") == {"totalDevices": 4}
    await listener.ask("unsubscribe-system")
    plant.service.announcer.system("org-1", {"totalDevices": 5})
    assert await listener.all() == []


async def test_device_status_tells_when_a_device_comes_and_goes(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-device", "device-001")
    now = now_us()
    await plant.sample(row(TEMPERATURE, 75.2, now))
    body = await listener.next("device-status")
    assert (body["deviceId"], body["status"], body["online"]) == ("device-001", "active", True)
    await plant.sample(row(TEMPERATURE, 75.2, now + 1, quality=Quality.STALE))
    body = await listener.next("device-status")
    assert (body["deviceId"], body["status"], body["online"]) == ("device-001", "offline", False)
    assert set(body) == {"deviceId", "status", "online", "timestamp", "lastSeen"}


async def test_a_loom_streams_measurements(plant: Plant, listener: Listener) -> None:
    assert (await listener.ask("subscribe:loom:loom-001"))["success"]
    await plant.sample(row(WIDTH, 1600.5), row(LOOM_TEMPERATURE, 31.0))
    assert await listener.next("measurement:update") == {
        "time": "2025-01-11T10:00:00.000Z",
        "loom_id": "loom-001",
        "bbw_value": 1600.5,
        "temperature": 31.0,
    }
    await listener.ask("unsubscribe:loom:loom-001")
    await plant.sample(row(WIDTH, 1601.0, AT + 1))
    assert await listener.all() == []


async def test_a_looms_alerts_and_status_are_told_to_who_watches_it(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe:loom:loom-001")
    plant.service.on_alarm(alarm_event("triggered", Change.RAISED, deviceId="loom-001"))
    alert = await listener.next("alert:new")
    assert (alert["id"], alert["deviceId"]) == ("alert-001", "loom-001")
    await plant.sample(row(WIDTH, 1600.5, now_us()))
    change = await listener.next("status:change")
    assert (change["loom_id"], change["status"], change["online"]) == ("loom-001", "active", True)


async def test_an_unknown_loom_is_an_error(listener: Listener) -> None:
    await listener.ask("subscribe:loom:loom-999")
    assert "loom-999" in (await listener.next("error"))["message"]


async def test_frames_hold_position_and_samples(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-device", {"deviceIds": ["device-001", "loom-001"], "frames": True})
    at_ms = AT // 1000
    position = await plant.sample(row(TEMPERATURE, 82.0), row(WIDTH, "jammed"), row(LOOM_TEMPERATURE, float("nan")))
    frame = await listener.next("sensor-frame")
    assert frame["position"] == position
    assert sorted(frame["samples"]) == [
        ["device-001", "temperature", at_ms, 82.0, "good", "warning"],
        ["loom-001", "bbw_value", at_ms, "jammed", "good", "unknown"],
        ["loom-001", "temperature", at_ms, None, "good", "unknown"],
    ]


async def test_polling_clients_are_served_too(plant: Plant) -> None:
    listener = await plant.listen(transport="polling")
    await listener.ask("subscribe-device", "device-001")
    await plant.sample(row(TEMPERATURE, 75.2))
    assert (await listener.next("sensor-data"))["data"]["value"] == 75.2


async def test_a_tag_that_is_added_to_a_watched_device_is_sent(plant: Plant, listener: Listener) -> None:
    await listener.ask("subscribe-device", {"deviceId": "device-002", "frames": True})
    grown = device("device-002", *DEVICES[1].tags, tag(20, "device-002", "flow", "l/min", is_primary=False))
    plant.directory.put(grown)
    (audience,) = plant.service.fanout.audiences
    await until(lambda: 20 in audience.tags)
    await plant.sample(row(20, 5.0))
    assert (await listener.next("sensor-frame"))["samples"][0][:2] == ["device-002", "flow"]


@pytest.mark.parametrize("something_else_comes", [False, True])
async def test_what_a_new_device_sends_before_its_watchers_are_found_reaches_them(
    tmp_path: Path, something_else_comes: bool
) -> None:
    async with running(tmp_path, RealtimeSettings(directory_delay_s=3_600)) as plant:
        listener = await plant.listen()
        await listener.ask("subscribe-device", {"deviceIds": "*", "frames": True})
        plant.directory.put(device("oven-1", tag(20, "oven-1", "temperature", "celsius")))
        position = await plant.sample(row(20, 50.0))
        if something_else_comes:
            position = await plant.sample(row(TEMPERATURE, 75.2))
            assert (await listener.next("sensor-frame"))["samples"][0][:2] == ["device-001", "temperature"]
        await until(lambda: plant.service.fanout.position == position)
        plant.service.fanout.directory_changed()
        assert (await listener.next("sensor-frame"))["samples"] == [
            ["oven-1", "temperature", AT // 1_000, 50.0, "good", "normal"]
        ]
        assert "sensor-frame" not in [event for event, _ in await listener.all()]
