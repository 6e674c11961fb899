"""What an operator does with alarms."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-1")]


def row(page: Page, device_id: str) -> Locator:
    """The alarm of a device in the list."""
    link = page.get_by_role("link", name=device_id.title(), exact=True)
    return page.get_by_role("list", name="Alarms").get_by_role("listitem").filter(has=link)


def answer_dialog(page: Page, action: str, comment: str) -> None:
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Comment").fill(comment)
    dialog.get_by_role("button", name=action).click()
    expect(dialog).to_have_count(0)


def test_a_new_alarm_appears_by_itself_and_is_announced(page: Page, plant: Plant) -> None:
    device = plant.add_device("pump-1", severity="critical")
    page.goto("/alerts")
    expect(page.get_by_role("heading", name="Alarms", level=1)).to_be_visible()
    expect(page.get_by_test_id("connection")).to_have_text("Live")
    plant.raise_alarm(device, 97)
    expect(row(page, device)).to_contain_text("Critical")
    expect(row(page, device)).to_contain_text("97.0 °C")
    expect(row(page, device)).to_contain_text("90.0 °C")
    expect(page.get_by_role("region", name="Alarm strip")).to_contain_text("Pump-1")
    expect(page.get_by_role("status").filter(has_text="New critical alarm: Pump-1")).to_be_attached()


def test_an_alarm_is_acknowledged_with_a_comment(page: Page, plant: Plant) -> None:
    device = plant.add_device("pump-2")
    plant.raise_alarm(device)
    page.goto("/alerts")
    row(page, device).get_by_role("button", name="Acknowledge").click()
    answer_dialog(page, "Acknowledge", "Valve 3 was shut")
    expect(row(page, device)).to_contain_text("Acknowledged by admin")
    expect(row(page, device)).to_contain_text("Valve 3 was shut")
    expect(row(page, device).get_by_role("button", name="Acknowledge")).to_have_count(0)
    (alarm,) = plant.open_alarms(device)
    assert (alarm["acknowledgedBy"], alarm["comments"][0]["text"]) == ("admin", "Valve 3 was shut")


def test_a_choice_without_alarms_says_nothing_of_the_others(page: Page, plant: Plant) -> None:
    plant.raise_alarm(plant.add_device("pump-21", severity="low"))
    page.goto("/alerts?severity=critical")
    expect(page.get_by_role("heading", name="No such alarms")).to_be_visible()
    expect(page.get_by_text("beyond its limits")).to_have_count(0)


def test_many_alarms_are_acknowledged_at_once(page: Page, plant: Plant) -> None:
    devices = [plant.add_device(f"fan-{number}", type="fan") for number in range(1, 5)]
    for device in devices:
        plant.raise_alarm(device)
    page.goto("/alerts")
    boxes = page.get_by_role("checkbox", name=re.compile("^Choose alert"))
    first, last = (row(page, device).get_by_role("checkbox") for device in (devices[0], devices[-1]))
    first.click()
    last.click(modifiers=["Shift"])
    chosen = [box for box in boxes.all() if box.is_checked()]
    assert len(chosen) >= len(devices)
    page.get_by_text(f"{len(chosen)} chosen").wait_for()
    page.get_by_role("button", name="Acknowledge", exact=True).first.click()
    answer_dialog(page, "Acknowledge", "Ventilation test")
    for device in devices:
        expect(row(page, device)).to_contain_text("Acknowledged by admin")
        expect(row(page, device)).to_contain_text("Ventilation test")


def test_a_resolved_alarm_leaves_the_list_for_the_history(page: Page, plant: Plant) -> None:
    device = plant.add_device("pump-3")
    plant.raise_alarm(device)
    page.goto("/alerts")
    row(page, device).get_by_role("button", name="Resolve").click()
    answer_dialog(page, "Resolve", "Filter changed")
    expect(row(page, device)).to_have_count(0)
    page.get_by_role("radiogroup", name="Which alarms").get_by_text("History", exact=True).click()
    expect(page).to_have_url("/alerts?view=history")
    expect(row(page, device)).to_contain_text("Resolved by admin")
    page.go_back()
    expect(page).to_have_url("/alerts")
    expect(row(page, device)).to_have_count(0)


def test_what_came_back_to_normal_waits_to_be_seen(page: Page, plant: Plant) -> None:
    device = plant.add_device("pump-4")
    plant.raise_alarm(device)
    page.goto("/alerts")
    expect(row(page, device)).to_contain_text("Nobody has it")
    plant.push(device, 50)
    expect(row(page, device)).to_contain_text("Back to normal")


def test_severities_can_be_filtered_and_the_url_keeps_it(page: Page, plant: Plant) -> None:
    minor = plant.add_device("pump-5", severity="low")
    major = plant.add_device("pump-6", severity="critical")
    plant.raise_alarm(minor)
    plant.raise_alarm(major)
    page.goto("/alerts")
    page.get_by_role("combobox", name="Severity").select_option("low")
    expect(page).to_have_url("/alerts?severity=low")
    expect(row(page, minor)).to_be_visible()
    expect(row(page, major)).to_have_count(0)
    page.reload()
    expect(row(page, minor)).to_be_visible()
    expect(row(page, major)).to_have_count(0)


def test_the_alarm_strip_leads_to_its_alarm(page: Page, plant: Plant) -> None:
    device = plant.add_device("pump-7", severity="critical")
    plant.raise_alarm(device)
    page.goto("/devices")
    strip = page.get_by_role("region", name="Alarm strip")
    strip.get_by_role("link", name=re.compile("Pump-7")).click()
    expect(row(page, device)).to_be_in_viewport()
    expect(row(page, device)).to_have_attribute("aria-current", "true")


def test_a_device_page_has_its_alarms(page: Page, plant: Plant) -> None:
    device = plant.add_device("pump-8")
    page.goto(f"/devices/{device}")
    alarms = page.get_by_role("region", name="Alarms", exact=True)
    expect(alarms).to_contain_text("No alarms yet")
    plant.raise_alarm(device)
    alarms.get_by_role("button", name="Acknowledge").click()
    answer_dialog(page, "Acknowledge", "Seen")
    expect(alarms).to_contain_text("Acknowledged by admin")


def test_what_is_over_cannot_be_chosen(page: Page, plant: Plant) -> None:
    over, still = plant.add_device("pump-9"), plant.add_device("pump-10")
    plant.raise_alarm(over)
    plant.raise_alarm(still)
    plant.resolve(over)
    page.goto("/alerts?view=history")
    expect(row(page, over)).to_contain_text("Resolved by admin")
    expect(row(page, still).get_by_role("checkbox")).to_be_visible()
    expect(row(page, over).get_by_role("checkbox")).to_have_count(0)
    expect(row(page, over).get_by_role("button")).to_have_count(0)
