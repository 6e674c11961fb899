"""What history takes and how long it is kept, as those see it who may ask or decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from support.running import RunningAndon

from .conftest import Tabs
from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-2")]

PASSWORD = "a window to look through"
FIGURES = "**/api/v1/storage"
USUAL: dict[str, Any] = {"preset": "s2"}


@pytest.fixture
def usual(plant: Plant) -> Iterator[None]:
    """History is kept as usual, before and after."""
    plant.api.put("/api/v1/storage/retention", json=USUAL).raise_for_status()
    yield
    plant.api.put("/api/v1/storage/retention", json=USUAL).raise_for_status()


def kept(plant: Plant) -> dict[str, Any]:
    found: dict[str, Any] = plant.api.get("/api/v1/storage/retention").json()["data"]
    return found


def storing_since(page: Page, days: float) -> None:
    """The page sees samples of as many days."""

    def answer(route: Route) -> None:
        body = route.fetch().json()
        now = datetime.now(UTC)
        oldest = (now - timedelta(days=days)).isoformat()
        raw = {"tier": "raw", "files": 8, "rows": 55_987_200, "bytes": 296_732_160, "bytesPerRow": 5.3}
        times = {"oldest": oldest, "newest": now.isoformat(), "nextDropAt": (now + timedelta(hours=9)).isoformat()}
        body["data"]["tiers"] = [{**raw, **times, "keptDays": 7, "nextDropBytes": 42_390_308}]
        body["data"]["samples"] = 55_987_200
        route.fulfill(json=body)

    page.route(FIGURES, answer)


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="How long it is kept")


def test_it_says_what_is_stored_what_goes_next_and_who_is_behind(page: Page) -> None:
    storing_since(page, 6)
    page.goto("/admin/storage")
    stored = page.get_by_role("table", name="What is stored").get_by_role("row").filter(has_text="Samples")
    expect(stored).to_contain_text("297\u00a0MB")
    expect(stored).to_contain_text("5.3")
    expect(stored).to_contain_text("7 days")
    expect(stored).to_contain_text("42.4\u00a0MB")
    readers = page.get_by_role("table", name="Readers of the log")
    expect(readers.get_by_role("row").filter(has_text="Historian").first).to_contain_text("sensors-data")
    expect(panel(page)).to_contain_text("2 years")


@pytest.mark.usefixtures("usual")
def test_what_deletes_nothing_is_saved_at_once(page: Page, plant: Plant) -> None:
    plant.add_device("scale-7")
    page.goto("/admin/storage")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Samples, days").first.fill("30")
    expect(page.get_by_label("Kept as")).to_have_value("own")
    page.get_by_role("button", name="Add a device").click()
    row = panel(page).get_by_role("listitem")
    row.get_by_label("Device", exact=True).select_option("scale-7")
    row.get_by_label("Samples, days").fill("")
    page.get_by_role("button", name="Save").click()
    expect(panel(page)).to_contain_text("30 days")
    expect(page.get_by_role("table", name="Devices with a time of their own")).to_contain_text("for ever")
    found = kept(plant)
    assert found["policy"]["rawDays"] == 30
    assert [(each["deviceId"], each["policy"]["rawDays"]) for each in found["overrides"]] == [("scale-7", None)]


@pytest.mark.usefixtures("usual")
def test_what_deletes_says_so_and_asks_for_a_word(page: Page, plant: Plant) -> None:
    storing_since(page, 5)
    page.goto("/admin/storage")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Samples, days").first.fill("3")
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="This deletes history")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    expect(dialog).to_contain_text("kept 3 days instead of 7 days")
    expect(dialog.get_by_role("button", name="Delete and save")).to_be_disabled()
    assert kept(plant)["policy"]["rawDays"] == 7
    dialog.get_by_label("Type delete to go on").fill("delete")
    dialog.get_by_role("button", name="Delete and save").click()
    expect(panel(page)).to_contain_text("3 days")
    assert kept(plant)["policy"]["rawDays"] == 3


@pytest.mark.usefixtures("usual")
def test_what_the_server_refuses_is_said_in_the_form(page: Page, tabs: Tabs) -> None:
    page.goto("/admin/storage")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Samples, days").first.fill("99999")
    expect(page.get_by_text("From 0.05 to 36,500 days")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Samples, days").first.fill("8")
    page.route("**/storage/retention", lambda route: route.fulfill(status=503, json={"error": "the database is away"}))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="The database is away")).to_be_visible()
    tabs.forgive("503")


def test_an_operator_sees_it_and_decides_nothing(tabs: Tabs, andon: RunningAndon, plant: Plant) -> None:
    plant.add_user("operator-of-storage", PASSWORD, "operator")
    page = tabs.open(andon.url, username="operator-of-storage", password=PASSWORD)
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Storage").click()
    expect(panel(page)).to_contain_text("2 years")
    expect(page.get_by_role("button", name="Change")).to_have_count(0)


def test_a_viewer_is_not_led_there(tabs: Tabs, andon: RunningAndon, plant: Plant) -> None:
    plant.add_user("viewer-of-storage", PASSWORD, "viewer")
    page = tabs.open(andon.url, username="viewer-of-storage", password=PASSWORD)
    page.goto("/admin/storage")
    expect(page.get_by_role("alert").filter(has_text="permission")).to_have_count(2)
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Storage")).to_have_count(0)
    tabs.forgive("403")


def test_an_empty_history_says_what_comes_next(page: Page) -> None:
    nothing = {"samples": 0, "bytes": 0, "bytesPerSample": None, "unsealed": {"samples": 0, "bytes": 0}}

    def answer(route: Route) -> None:
        body = json.loads(route.fetch().text())
        body["data"] = {**body["data"], **nothing, "tiers": [], "full": "the disk is full"}
        route.fulfill(json=body)

    page.route(FIGURES, answer)
    page.goto("/admin/storage")
    expect(page.get_by_role("heading", name="Nothing is stored yet")).to_be_visible()
    expect(page.get_by_text("Nothing is written: the disk is full")).to_be_visible()


def test_a_history_that_cannot_be_asked_says_why_and_is_asked_again(page: Page, tabs: Tabs) -> None:
    page.route(FIGURES, lambda route: route.fulfill(status=503, json={"error": "the history is away"}))
    page.goto("/admin/storage")
    failed = page.get_by_role("alert").filter(has_text="The history is away")
    expect(failed).to_be_visible()
    expect(panel(page)).to_contain_text("2 years")
    page.unroute(FIGURES)
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table", name="Readers of the log")).to_be_visible()
    tabs.forgive("503")
