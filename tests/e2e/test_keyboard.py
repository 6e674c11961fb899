"""The whole of Andon without a mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-2")]


def focused(page: Page) -> str:
    """The text or name of what has the focus."""
    name: str = page.evaluate(
        "(document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || '').trim()"
    )
    return name.splitlines()[0] if name else ""


def test_search_opens_from_anywhere_and_goes_to_the_device(page: Page) -> None:
    page.goto("/admin/system")
    expect(page.get_by_role("heading", name="System", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    search = page.get_by_role("combobox", name="Search devices")
    expect(search).to_be_focused()
    page.keyboard.type("loom")
    options = page.get_by_role("option")
    expect(options).to_have_count(3)
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    number = re.search(r"loom-\d+", options.nth(1).inner_text())
    assert number
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"/devices/{number[0]}")


def test_escape_closes_the_search_and_gives_the_focus_back(page: Page) -> None:
    page.goto("/devices")
    page.get_by_role("link", name="Loom 1", exact=True).focus()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search devices")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Loom 1", exact=True)).to_be_focused()


def test_the_tab_key_goes_through_the_frame_in_order(page: Page) -> None:
    page.goto("/devices")
    expect(page.get_by_role("link", name="Loom 1", exact=True)).to_be_visible()
    stops: list[str] = []
    while "System" not in stops and len(stops) < 12:
        page.keyboard.press("Tab")
        stops.append(focused(page))
    assert stops[0] == "Skip to the content"
    order = [stops.index(name) for name in ("Search", "Account of admin", "Overview", "Devices", "Alarms", "System")]
    assert order == sorted(order)


def test_the_first_tab_stop_leads_past_the_frame(page: Page) -> None:
    page.goto("/devices")
    expect(page.get_by_role("link", name="Loom 1", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert focused(page) == "Add a device"


def test_an_alarm_is_acknowledged_with_keys_alone(page: Page, plant: Plant) -> None:
    device = plant.add_device("press-9")
    plant.raise_alarm(device)
    page.goto(f"/devices/{device}")
    page.get_by_role("region", name="Alarms", exact=True).get_by_role("button", name="Acknowledge").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Comment")).to_be_focused()
    page.keyboard.type("By hand")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused(page) == "Acknowledge"
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("region", name="Alarms", exact=True)).to_contain_text("Acknowledged by admin")
