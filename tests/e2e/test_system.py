"""Andon's own state, and data that it could not use."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from .plant import Plant, message

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-1")]


def letter(page: Page, device_id: str) -> Locator:
    rows = page.get_by_role("table", name="Dead letters").get_by_role("row")
    return rows.filter(has_text=f"factory-plus/devices/{device_id}/data")


def test_every_part_of_andon_is_shown_running(page: Page) -> None:
    page.goto("/admin/system")
    roles = page.get_by_role("table", name="Roles").get_by_role("row")
    for role in ("Broker", "Historian", "Realtime", "Simulator"):
        expect(roles.filter(has_text=role)).to_contain_text("Running")
    expect(page.get_by_role("table", name="Dependencies")).to_contain_text("Database")
    expect(page.get_by_role("table", name="Streams and their readers")).to_contain_text("sensors-data")


def test_a_dead_letter_says_why_and_what_came(page: Page, plant: Plant) -> None:
    plant.add_device("scale-1")
    plant.publish("scale-1", '{"deviceId": "scale-1", "value": ')
    page.goto("/admin/system")
    expect(letter(page, "scale-1")).to_contain_text('{"deviceId": "scale-1", "value": ')
    expect(letter(page, "scale-1").locator("strong")).not_to_be_empty()


def test_a_dead_letter_is_replayed_once_its_cause_is_gone(page: Page, plant: Plant) -> None:
    plant.add_device("scale-2")
    plant.configure("scale-2", status="disabled")
    plant.publish("scale-2", message("scale-2", 64))
    page.goto("/admin/system")
    letter(page, "scale-2").get_by_role("checkbox").check()
    page.get_by_role("button", name="Replay 1").click()
    expect(page.get_by_text("0 replayed, 1 not")).to_be_visible()
    plant.configure("scale-2", status="active")
    letter(page, "scale-2").get_by_role("checkbox").check()
    page.get_by_role("button", name="Replay 1").click()
    expect(page.get_by_text("1 replayed", exact=True)).to_be_visible()
    page.goto("/devices/scale-2")
    expect(page.get_by_role("table", name="Newest samples")).to_contain_text("64.00")
