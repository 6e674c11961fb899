"""A device is told its configuration when somebody changes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from andon.kit.limits import Limits
from andon.realtime.config_push import ConfigPush
from andon.registry.directory import DeviceInfo, Directory, TagInfo

TAG = TagInfo(
    id=1, organisation_id="org", device_uuid="u1", device_id="oven-1", name="temperature", unit="celsius",
    kind="number", decimals=1, is_primary=True, limits=Limits(150, 220, None, 230), deadband=0.5, on_delay_s=0,
    off_delay_s=0, severity="high", expected_interval_s=2.0,
)  # fmt: skip
OVEN = DeviceInfo(
    uuid="u1", organisation_id="org", device_id="oven-1", name="Oven", type="temperature", location="paint-shop",
    protocol="mqtt", status="active", offline_after_s=30, equipment_id="e", equipment_path=("Site",), timezone="UTC",
    tags=(TAG,), created_at=0,
)  # fmt: skip


class Pushed:
    def __init__(self) -> None:
        self.directory = Directory()
        self.directory.put(OVEN, replace(OVEN, uuid="u2", device_id="loom-1", type="loom", tags=()))
        self.messages: list[tuple[str, dict[str, Any], int, bool]] = []
        self.push = ConfigPush(self.directory, self._publish)

    def _publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        self.messages.append((topic, json.loads(payload), qos, retain))


@pytest.fixture
async def pushed() -> AsyncIterator[Pushed]:
    found = Pushed()
    found.push.start()
    yield found
    found.push.stop()


async def test_nothing_is_sent_for_what_was_there_at_start(pushed: Pushed) -> None:
    await asyncio.sleep(0)
    assert pushed.messages == []


async def test_changed_limits_go_to_the_device_retained_at_qos_1(pushed: Pushed) -> None:
    pushed.directory.put(replace(OVEN, tags=(replace(TAG, limits=Limits(150, 220, None, 225)),)))
    await asyncio.sleep(0)
    [(topic, body, qos, retain)] = pushed.messages
    assert (topic, qos, retain) == ("factory-plus/devices/oven-1/config", 1, True)
    assert body["tags"]["temperature"]["alertMax"] == 225
    assert body["tags"]["temperature"]["unit"] == "celsius"


async def test_a_loom_is_told_on_its_own_topic(pushed: Pushed) -> None:
    pushed.directory.put(replace(OVEN, uuid="u2", device_id="loom-1", type="loom", name="Loom 1", tags=()))
    await asyncio.sleep(0)
    assert [message[0] for message in pushed.messages] == ["kaldor/loom/loom-1/config"]


async def test_a_change_that_does_not_concern_the_device_is_not_sent(pushed: Pushed) -> None:
    pushed.directory.put(replace(OVEN, offline_after_s=60))
    await asyncio.sleep(0)
    assert pushed.messages == []
