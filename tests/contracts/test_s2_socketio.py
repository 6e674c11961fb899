"""The WebSocket events of the loom system's document, to the letter, on a live plant."""

from __future__ import annotations

import pytest

from contracts.conftest import Pushed
from support.listener import Listener

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.topology]


async def test_a_loom_streams_measurements(listener: Listener) -> None:
    await listener.client.emit("subscribe:loom:loom-001")
    body = await listener.next("measurement:update")
    assert body["loom_id"] == "loom-001"
    assert body["time"].endswith("Z")
    for name in ("bbw_value", "temperature", "vibration"):
        assert isinstance(body[name], float), name
    assert body["quality_flag"] in (0, 1, 2)


async def test_only_the_loom_that_was_asked_for_is_streamed(listener: Listener) -> None:
    await listener.ask("subscribe:loom:loom-002")
    assert {(await listener.next("measurement:update"))["loom_id"] for _ in range(4)} == {"loom-002"}


async def test_after_unsubscribing_nothing_comes(listener: Listener) -> None:
    await listener.ask("subscribe:loom:loom-001")
    await listener.next("measurement:update")
    await listener.ask("unsubscribe:loom:loom-001")
    listener.drain()
    with pytest.raises(TimeoutError):
        await listener.next("measurement:update", within_s=2)


async def test_an_unknown_loom_is_an_error(listener: Listener) -> None:
    assert (await listener.ask("subscribe:loom:loom-777"))["success"] is False
    assert "loom-777" in (await listener.next("error"))["message"]


async def test_a_new_alert_of_the_loom_is_told(listener: Listener, loom: Pushed) -> None:
    await listener.ask(f"subscribe:loom:{loom.device_id}")
    loom.push({"tag": "bbw_value", "value": 1650.0})
    body = await listener.next("alert:new")
    assert (body["deviceId"], body["value"], body["threshold"]) == (loom.device_id, 1650.0, 1615)
    assert {"id", "type", "severity", "message", "triggeredAt"} <= set(body)


async def test_a_change_of_the_looms_status_is_told(listener: Listener, loom: Pushed) -> None:
    await listener.ask(f"subscribe:loom:{loom.device_id}")
    loom.push({"tag": "bbw_value", "value": 1600.0})
    body = await listener.next_of("status:change", loom.device_id, status="offline")
    assert (body["online"], body["time"][-1]) == (False, "Z")
    loom.push({"tag": "bbw_value", "value": 1600.0})
    assert (await listener.next_of("status:change", loom.device_id, status="active"))["online"] is True
