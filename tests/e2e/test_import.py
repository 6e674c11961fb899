"""A recording becomes history from the browser: looked at, imported, gone on with where it broke off."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from support.running import RunningAndon

from .conftest import Tabs
from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-1")]

PIECES = "**/import-files/*/content?*"
PASSWORD = "a window to look through"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def recording(rows: int = 120, *, name: str = "furnace.csv", bad_row: int | None = None, width: int = 0) -> FilePayload:
    """A value a minute of 2014, an operator's name, and what makes a row `width` bytes wider."""
    lines = ["time;temperature;operator"]
    for row in range(rows):
        value = "hot" if row + 1 == bad_row else f"{20 + row / 10:.1f}".replace(".", ",")
        lines.append(f"2014-03-{1 + row // 1440:02} {row // 60 % 24:02}:{row % 60:02}:00;{value};{'A' * (2 + width)}")
    return {"name": name, "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Import history")


def recognised(page: Page) -> Locator:
    return dialog(page).get_by_role("region", name="What was recognised")


def pick(page: Page, file: FilePayload | Path) -> None:
    page.locator("input[type=file]").set_input_files(file)


def test_a_file_is_looked_at_imported_and_shown_where_its_samples_are(page: Page, plant: Plant) -> None:
    page.goto("/devices")
    page.get_by_role("main").get_by_role("button", name="Import").click()
    pick(page, recording(bad_row=7))
    expect(recognised(page)).to_contain_text("CSV with semicolons, times in “time”")
    expect(recognised(page).get_by_role("alert")).to_contain_text("Row 7, column 'temperature': 'hot' is not a number.")
    expect(dialog(page).get_by_role("button", name="Import", exact=True)).to_be_disabled()
    dialog(page).get_by_label("Leave out what cannot be read").check()
    dialog(page).get_by_label("Time zone of the file").fill("Europe/Berlin")
    first = recognised(page).get_by_role("table", name="First rows").get_by_role("row").nth(1)
    expect(first).to_contain_text("28 Feb 2014, 23:00:00")
    expect(first).to_contain_text("20")
    dialog(page).get_by_label("Device", exact=True).fill("furnace-e2e")
    dialog(page).get_by_label("Type of the new device").fill("furnace")
    dialog(page).get_by_label("Unit of temperature").fill("celsius")
    dialog(page).get_by_role("button", name="Import", exact=True).click()
    plant.owns("furnace-e2e")
    result = dialog(page).get_by_role("group", name="Imported: furnace.csv")
    expect(result).to_contain_text("119 samples")
    expect(result).to_contain_text("01 Mar 2014, 00:59:00")
    expect(dialog(page).get_by_text("Left out: 1 cell, 1 column that holds no numbers (operator)")).to_be_visible()
    dialog(page).get_by_role("link", name="Show its history").click()
    expect(page).to_have_url(re.compile(r"/devices/furnace-e2e\?view=history&from=2014-02-28T23"))
    expect(page.get_by_role("img", name="temperature of")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("window", [{}, PHONE], ids=["desktop", "phone"])
def test_what_can_be_done_with_a_file_stays_in_sight(tabs: Tabs, andon: RunningAndon, window: dict[str, Any]) -> None:
    page = tabs.open(andon.url, **window)
    page.goto("/devices?import=new")
    pick(page, recording())
    expect(recognised(page).get_by_role("row").nth(5)).to_be_visible()
    expect(dialog(page).get_by_role("button", name="Import", exact=True)).to_be_in_viewport(ratio=1)
    dialog(page).get_by_label("Unit of temperature").focus()
    expect(dialog(page).get_by_label("Unit of temperature")).to_be_in_viewport(ratio=1)
    expect(dialog(page).get_by_role("button", name="Give up")).to_be_in_viewport(ratio=1)
    assert dialog(page).evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    dialog(page).get_by_role("button", name="Give up").click()
    expect(dialog(page).get_by_role("button", name="Choose a file")).to_be_visible()


def test_an_upload_that_broke_off_goes_on_when_the_same_file_is_picked_again(
    page: Page, plant: Plant, tabs: Tabs, tmp_path: Path
) -> None:
    device = plant.add_device("scale-20")
    file = tmp_path / "long.csv"
    file.write_bytes(recording(2_880, width=1_000)["buffer"])
    offsets: list[int] = []

    def only_the_first(route: Route) -> None:
        offsets.append(int(route.request.url.rpartition("=")[2]))
        route.continue_() if len(offsets) == 1 else route.abort()

    page.route(PIECES, only_the_first)
    page.goto(f"/devices/{device}?view=history&import=new")
    pick(page, file)
    expect(dialog(page)).to_contain_text("it goes on by itself")
    page.unroute(PIECES)
    page.route(PIECES, lambda route: route.abort())
    page.reload()
    expect(dialog(page)).to_contain_text("long.csv is not complete: 1.0\u00a0MB of 3.0\u00a0MB came")
    page.unroute(PIECES)
    with page.expect_request(PIECES) as piece:
        pick(page, file)
    assert piece.value.url.endswith("offset=1048576")
    expect(dialog(page).get_by_label("Device", exact=True)).to_have_value(device)
    dialog(page).get_by_role("button", name="Import", exact=True).click()
    expect(dialog(page).get_by_role("group", name="Imported: long.csv")).to_contain_text("2,880 samples")
    tabs.forgive("ERR_FAILED")


def test_a_file_can_be_dropped_and_given_up(page: Page) -> None:
    page.goto("/admin/storage?import=new")
    expect(dialog(page).get_by_role("button", name="Choose a file")).to_be_focused()
    content = base64.b64encode(recording()["buffer"]).decode()
    transfer = page.evaluate_handle(
        """content => {
            const transfer = new DataTransfer()
            transfer.items.add(new File([atob(content)], "dropped.csv"))
            return transfer
        }""",
        content,
    )
    page.get_by_test_id("drop").dispatch_event("drop", {"dataTransfer": transfer})
    expect(recognised(page)).to_contain_text("about 120 rows")
    expect(dialog(page).get_by_role("status").filter(has_text="Choose the device")).to_be_visible()
    dialog(page).get_by_role("button", name="Give up").click()
    expect(dialog(page).get_by_role("button", name="Choose a file")).to_be_visible()
    expect(page).to_have_url(re.compile("import=new"))


def test_what_the_server_refuses_is_said_and_a_file_that_is_gone_too(page: Page, tabs: Tabs) -> None:
    page.route("**/import-files", lambda route: route.fulfill(status=503, json={"error": "the disk is full"}))
    page.goto("/devices?import=new")
    pick(page, recording())
    expect(dialog(page).get_by_role("alert")).to_contain_text("The disk is full")
    page.goto("/devices?import=0190a000-0000-7000-8000-000000000000")
    expect(dialog(page).get_by_role("heading", name="This file is no longer here")).to_be_visible()
    tabs.forgive("503", "404")


def test_who_may_not_write_data_is_not_led_there(tabs: Tabs, andon: RunningAndon, plant: Plant) -> None:
    plant.add_user("only-looks", PASSWORD, "viewer")
    page = tabs.open(andon.url, username="only-looks", password=PASSWORD)
    page.goto("/devices?import=new")
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    expect(page.get_by_role("button", name="Import")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_have_count(0)
