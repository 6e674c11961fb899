"""Devices: finding, adopting, adding, configuring, and what was."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import Tabs
from .plant import Plant, message

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-1")]


def test_a_device_that_nobody_announced_is_adopted(page: Page, plant: Plant) -> None:
    plant.publish("kiln-1", *(message("kiln-1", value) for value in (70, 71, 72)))
    page.goto("/devices")
    page.get_by_role("button", name="Adopt kiln-1").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Kiln at the gate")
    dialog.get_by_role("button", name="Adopt").click()
    expect(page).to_have_url("/devices/kiln-1")
    plant.owns("kiln-1")
    expect(page.get_by_role("heading", name="Kiln at the gate", level=1)).to_be_visible()
    expect(page.get_by_role("region", name="Temperature", exact=True)).to_contain_text("72")
    expect(page.get_by_role("table", name="Newest samples").get_by_role("row")).to_have_count(1 + 3)
    plant.publish("kiln-1", message("kiln-1", 74))
    expect(page.get_by_role("region", name="Temperature", exact=True)).to_contain_text("74")


def test_a_discovered_device_can_be_dismissed(page: Page, plant: Plant) -> None:
    plant.publish("kiln-2", message("kiln-2", 70))
    page.goto("/devices")
    page.get_by_role("button", name="Dismiss kiln-2").click()
    expect(page.get_by_role("button", name="Dismiss kiln-2")).to_have_count(0)


def test_a_device_is_added_and_its_first_value_seen(page: Page, plant: Plant) -> None:
    page.goto("/devices")
    page.get_by_role("button", name="Add a device").click()
    dialog = page.get_by_role("dialog")
    for label, text in {"Device id": "tank-1", "What it measures": "level", "Unit": "%", "Place": "cellar"}.items():
        dialog.get_by_label(label).fill(text)
    dialog.get_by_role("button", name="Add").click()
    expect(dialog).to_contain_text("factory-plus/devices/tank-1/data")
    plant.owns("tank-1")
    expect(dialog.get_by_role("status").filter(has_text="Waiting for the first value")).to_be_visible()
    plant.publish("tank-1", {**message("tank-1", 33, unit="%"), "sensorType": "level"})
    expect(dialog.get_by_role("status").filter(has_text="It works")).to_contain_text("33")
    dialog.get_by_role("link", name="Open the device").click()
    expect(page).to_have_url("/devices/tank-1")
    expect(page.get_by_test_id("value").first).to_contain_text("33")


def test_a_device_id_that_is_taken_is_said_at_its_field(page: Page, tabs: Tabs) -> None:
    page.goto("/devices?new=1")
    dialog = page.get_by_role("dialog")
    for label, text in {"Device id": "device-001", "What it measures": "level", "Unit": "%", "Place": "cellar"}.items():
        dialog.get_by_label(label).fill(text)
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_label("Device id")).to_have_accessible_description(re.compile("device-001|exists|taken"))
    tabs.forgive("409")


def test_the_list_is_searched_and_sorted_and_the_url_keeps_it(page: Page) -> None:
    page.goto("/devices")
    names = page.get_by_role("table", name="Devices").get_by_role("link")
    page.get_by_role("textbox", name="Search devices").fill("loom")
    expect(names).to_have_text(["Loom 1", "Loom 2", "Loom 3"])
    page.get_by_role("button", name="Device", exact=True).click()
    page.get_by_role("button", name="Device", exact=True).click()
    expect(names).to_have_text(["Loom 3", "Loom 2", "Loom 1"])
    expect(page).to_have_url("/devices?q=loom&sort=-name")
    page.reload()
    expect(names).to_have_text(["Loom 3", "Loom 2", "Loom 1"])


def test_limits_are_changed_after_seeing_the_difference(page: Page, plant: Plant) -> None:
    device = plant.add_device("oven-10")
    page.goto(f"/devices/{device}")
    limits = page.get_by_role("region", name="Limits")
    expect(limits).to_contain_text("90.00")
    limits.get_by_role("button", name="Edit").click()
    limits.get_by_label("Alarm above").fill("45")
    limits.get_by_role("button", name="Save limits").click()
    expect(limits).to_contain_text("Must not be below")
    limits.get_by_label("Normal to").fill("40")
    expect(limits).to_contain_text("Normal to: 80 → 40; Alarm above: 90 → 45")
    limits.get_by_role("button", name="Save limits").click()
    expect(limits).to_contain_text("45.00")
    expect(page.get_by_role("region", name="Alarms", exact=True)).to_contain_text("50.0 °C")


def test_the_range_of_the_history_is_in_the_url(page: Page) -> None:
    page.goto("/devices/device-001")
    history = page.get_by_role("region", name="History")
    expect(history.get_by_role("radio", name="1 h")).to_be_checked()
    for label, name in {"24 h": "24h", "30 d": "30d"}.items():
        history.get_by_text(label, exact=True).click()
        expect(page).to_have_url(f"/devices/device-001?range={name}")
        expect(history.get_by_role("img", name=f"last {label}")).to_be_visible()
        expect(page.get_by_role("heading", name=f"Statistics, last {label}")).to_be_visible()
    page.reload()
    expect(history.get_by_role("radio", name="30 d")).to_be_checked()


def test_the_range_is_exported_as_csv(page: Page, plant: Plant, tmp_path: Path) -> None:
    device = plant.add_device("oven-11")
    plant.push(device, 51.5)
    page.goto(f"/devices/{device}")
    expect(page.get_by_role("table", name="Newest samples")).to_contain_text("51.50")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export CSV").click()
    saved = tmp_path / "export.csv"
    waiting.value.save_as(saved)
    assert waiting.value.suggested_filename.endswith(".csv")
    rows = list(csv.DictReader(saved.read_text().splitlines()))
    assert [float(row["value"]) for row in rows] == [50, 51.5]
