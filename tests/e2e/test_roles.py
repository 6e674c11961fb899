"""What a role may not use is not on its screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from support.running import RunningAndon

from .conftest import Tabs
from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-2")]

PASSWORD = "a window to look through"


@pytest.fixture(scope="module")
def alarmed(andon: RunningAndon) -> Iterator[str]:
    """A device with an open alarm."""
    with Plant(andon) as plant:
        device = plant.add_device("mixer-1")
        plant.raise_alarm(device)
        yield device


@pytest.fixture
def viewer(tabs: Tabs, andon: RunningAndon, plant: Plant, request: pytest.FixtureRequest) -> Page:
    """Somebody who may look, and no more."""
    name = f"viewer-{abs(hash(request.node.name))}"
    plant.add_user(name, PASSWORD, "viewer")
    return tabs.open(andon.url, username=name, password=PASSWORD)


def test_a_viewer_sees_values_and_alarms_and_can_change_none(viewer: Page, alarmed: str) -> None:
    viewer.goto("/alerts")
    expect(viewer.get_by_role("link", name="Mixer-1", exact=True).first).to_be_visible()
    for forbidden in ("Acknowledge", "Resolve"):
        expect(viewer.get_by_role("button", name=forbidden)).to_have_count(0)
    expect(viewer.get_by_role("checkbox")).to_have_count(0)
    viewer.goto(f"/devices/{alarmed}")
    expect(viewer.get_by_test_id("value").first).to_have_text("95.00")
    expect(viewer.get_by_role("region", name="Limits")).to_contain_text("90.00")
    expect(viewer.get_by_role("button", name="Edit")).to_have_count(0)
    expect(viewer.get_by_role("button", name="Acknowledge")).to_have_count(0)


def test_a_viewer_is_not_offered_devices_to_add_or_adopt(viewer: Page, plant: Plant) -> None:
    plant.publish("kiln-9", '{"deviceId": "kiln-9", "value": 1, "unit": "celsius"}')
    viewer.goto("/devices?new=1")
    expect(viewer.get_by_role("link", name="Hydraulic pressure")).to_be_visible()
    expect(viewer.get_by_role("dialog")).to_have_count(0)
    for forbidden in ("Add a device", "Adopt", "Dismiss"):
        expect(viewer.get_by_role("button", name=forbidden)).to_have_count(0)


@pytest.mark.usefixtures("alarmed")
def test_an_operator_handles_alarms_and_devices(tabs: Tabs, andon: RunningAndon, plant: Plant) -> None:
    plant.add_user("operator-1", PASSWORD, "operator")
    page = tabs.open(andon.url, username="operator-1", password=PASSWORD)
    page.goto("/alerts")
    expect(page.get_by_role("button", name="Acknowledge").first).to_be_visible()
    page.goto("/devices")
    expect(page.get_by_role("button", name="Add a device")).to_be_visible()


def test_a_viewer_is_told_that_the_system_page_is_not_for_them(viewer: Page, tabs: Tabs) -> None:
    viewer.goto("/")
    expect(viewer.get_by_role("navigation", name="Main").get_by_role("link", name="System")).to_have_count(0)
    viewer.goto("/admin/system")
    expect(viewer.get_by_role("alert").first).to_contain_text("permission")
    tabs.forgive("403")
