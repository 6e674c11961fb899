"""Any time of a device: the range, its signals, where nothing was."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from support.running import eventually

from .conftest import Tabs
from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-1")]

STEP_S = 10


def recorded(plant: Plant, device_id: str, *minutes_ago: tuple[int, int], silent_s: int = 600) -> str:
    """A device with a sample every ten seconds in each of the stretches, from and to so many minutes ago; they are in
    the history when this returns. A longer silence than `silent_s` is a gap.
    """
    plant.add_device(device_id, offlineAfterSeconds=silent_s)
    now = datetime.now(UTC)
    samples = [
        {"timestamp": (now - timedelta(seconds=ago)).isoformat(), "value": 40 + ago % 7}
        for first, last in minutes_ago
        for ago in range(first * 60, last * 60, -STEP_S)
    ]
    plant.api.post(f"/api/v1/devices/{device_id}/samples", json={"samples": samples}).raise_for_status()

    def in_history() -> bool:
        answer = plant.api.get(
            f"/api/v1/devices/{device_id}/history", params={"from": "-1h", "limit": len(samples) + 1}
        )
        return bool(answer.json()["meta"]["count"] > len(samples))

    eventually(in_history, what=f"{len(samples)} samples of {device_id} in the history")
    return device_id


def chart(page: Page, tag: str) -> Locator:
    return page.get_by_role("img", name=f"{tag} of ")


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_the_range_lives_in_the_url_and_back_returns(page: Page, plant: Plant) -> None:
    recorded(plant, "press-7", (50, 5))
    page.goto("/devices/press-7")
    page.get_by_role("main").get_by_text("History", exact=True).first.click()
    expect(chart(page, "temperature")).to_be_visible()
    with page.expect_request(re.compile(r"from=-7d.*points=\d+.*method=minmax")):
        page.get_by_role("radiogroup", name="Time range").get_by_text("7 d").click()
    expect(page).to_have_url(re.compile("from=-7d"))
    expect(page.get_by_text("Drawn from samples.")).to_be_visible()
    page.get_by_role("button", name="Earlier").click()
    expect(page).to_have_url(re.compile(r"from=20.*&to=20"))
    page.go_back()
    expect(page).to_have_url(re.compile("from=-7d"))
    expect(chart(page, "temperature")).to_be_visible()


def test_dragging_over_a_chart_shows_that_part_closer(page: Page, plant: Plant) -> None:
    recorded(plant, "press-8", (55, 1))
    page.goto("/devices/press-8?view=history&from=-1h")
    box = chart(page, "temperature").locator(".u-over").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, middle, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"to=20"))
    first, last = (datetime.fromisoformat(asked(page)[name][0]) for name in ("from", "to"))
    assert timedelta(minutes=28) < last - first < timedelta(minutes=32)
    before = page.url
    page.get_by_role("button", name="Closer").click()
    expect(page).not_to_have_url(before)
    expect(chart(page, "temperature")).to_be_visible()


def test_a_chart_without_samples_shows_the_first_ones_by_itself(page: Page, plant: Plant) -> None:
    recorded(plant, "press-14", (20, 5))

    def before_the_first(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        route.fulfill(
            response=answer,
            json={**body, "data": {**body["data"], "readings": []}, "meta": {**body["meta"], "count": 0}},
        )

    page.route("**/history?*", before_the_first, times=1)
    page.goto("/devices/press-14?view=history&from=-1h")
    expect(page.get_by_role("heading", name="Nothing in this range")).to_be_visible()
    expect(chart(page, "temperature")).to_be_visible()


def test_two_moments_can_be_typed_in_the_sites_time(page: Page, plant: Plant) -> None:
    recorded(plant, "press-9", (50, 5))
    page.goto("/devices/press-9?view=history")
    page.get_by_role("button", name=re.compile(r"\d{4}, .* – ")).click()
    form = page.get_by_role("dialog")
    form.get_by_label("From").fill("2025-01-11T10:00")
    form.get_by_label("To").fill("2025-01-11T09:00")
    expect(form.get_by_role("button", name="Show")).to_be_disabled()
    form.get_by_label("To").fill("2025-01-11T12:00")
    form.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("from=2025-01-11T"))
    expect(page.get_by_role("heading", name="Nothing in this range")).to_be_visible()


def test_a_gap_stays_a_gap_also_in_the_table(page: Page, plant: Plant) -> None:
    recorded(plant, "press-10", (50, 40), (20, 5))
    page.goto("/devices/press-10?view=history&from=-1h")
    page.get_by_role("button", name="Table").click()
    points = page.get_by_role("table", name="Points of temperature")
    expect(points.get_by_role("row").filter(has_text="Nothing came").first).to_contain_text("–")


def test_samples_that_are_not_good_are_told_apart(page: Page, plant: Plant) -> None:
    recorded(plant, "press-15", (20, 15), (10, 5))
    now = datetime.now(UTC)
    bad = [{"timestamp": (now - timedelta(seconds=s)).isoformat(), "value": 99, "quality": "bad"} for s in (700, 720)]
    plant.api.post("/api/v1/devices/press-15/samples", json={"samples": bad}).raise_for_status()
    every = {"from": "-1h", "limit": 1_000}
    eventually(
        lambda: '"bad"' in plant.api.get("/api/v1/devices/press-15/history", params=every).text,
        what="the bad samples in the history",
    )
    page.goto("/devices/press-15?view=history&from=-1h")
    expect(page.get_by_text("Dashed: samples that are not good.")).to_be_visible()
    page.get_by_label("Quality", exact=True).select_option("good")
    expect(page.get_by_text("Dashed: samples that are not good.")).to_have_count(0)


def test_several_signals_are_drawn_and_samples_chosen_by_quality(page: Page) -> None:
    page.goto("/devices/loom-001?view=history&from=-1h")
    expect(chart(page, "bbw_value")).to_be_visible()
    page.get_by_role("checkbox", name="Vibration").check()
    expect(chart(page, "vibration")).to_be_visible()
    expect(chart(page, "bbw_value")).to_be_visible()
    with page.expect_request(re.compile(r"tag=bbw_value.*tag=vibration.*quality=good")):
        page.get_by_label("Quality", exact=True).select_option("good")
    page.reload()
    expect(chart(page, "vibration")).to_be_visible()
    expect(page.get_by_label("Quality", exact=True)).to_have_value("good")


def test_what_is_shown_is_exported_as_a_file_that_the_browser_fetches(page: Page, plant: Plant) -> None:
    recorded(plant, "press-11", (30, 20))
    page.goto("/devices/press-11?view=history&from=-1h")
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog", name="Export history")
    expect(dialog.get_by_role("group", name="press-11").get_by_role("checkbox", name="Temperature")).to_be_checked()
    expect(dialog).to_contain_text("About 61 samples of 1 signal")
    dialog.get_by_label("Add a device").select_option("loom-001")
    loom = dialog.get_by_role("group", name="loom-001")
    expect(loom.get_by_role("checkbox")).to_have_count(4)
    for checked in loom.get_by_role("checkbox").all()[1:]:
        checked.uncheck()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export").click()
    assert re.fullmatch(r"history_.*\.csv", download.value.suggested_filename)
    lines = download.value.path().read_text().splitlines()
    rows = [line.split(",")[1:3] for line in lines[1:]]
    assert rows.count(["press-11", "temperature"]) == 60 + 1  # the stretch, and the device's first value
    assert len({tuple(row) for row in rows}) == 2, "and one signal of the loom"
    expect(dialog.get_by_role("status").filter(has_text=f"{len(rows)} rows")).to_be_visible()
    dialog.get_by_role("button", name="Close").last.click()
    expect(dialog).to_have_count(0)


def test_an_export_can_be_stopped_and_says_what_went_wrong(page: Page, plant: Plant, tabs: Tabs) -> None:
    recorded(plant, "press-12", (30, 20))
    # The browser still asks where the file shall go.
    page.add_init_script("HTMLAnchorElement.prototype.click = () => {}")
    page.goto("/devices/press-12?view=history&from=-1h&export=1")
    dialog = page.get_by_role("dialog", name="Export history")
    dialog.get_by_role("button", name="Export").click()
    expect(dialog).to_contain_text("the browser asks for it")
    dialog.get_by_role("button", name="Stop").click()
    expect(dialog.get_by_role("status").filter(has_text="the file is not complete")).to_be_visible()
    dialog.get_by_role("button", name="Change and try again").click()
    page.route("**/history/exports", lambda route: route.fulfill(status=503, json={"error": "4 exports are running"}))
    dialog.get_by_label("Format").select_option("parquet")
    dialog.get_by_role("button", name="Export").click()
    expect(dialog.get_by_role("alert")).to_contain_text("4 exports are running")
    tabs.forgive("503")


def test_signals_of_several_devices_stand_on_one_page_that_can_be_sent_to_others(page: Page, plant: Plant) -> None:
    recorded(plant, "press-13", (50, 40))
    page.goto("/devices/press-13?view=history&from=-1h")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Press-13: Temperature")).to_be_visible()
    page.get_by_label("Add a device").select_option("loom-001")
    expect(page.get_by_role("img", name="bbw_value of Loom 1")).to_be_visible()
    loom = page.get_by_role("group", name="loom-001")
    loom.get_by_role("checkbox", name="Vibration").uncheck()
    expect(page.get_by_role("img", name="vibration of")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("img", name="temperature of Press-13")).to_be_visible()
    expect(page.get_by_role("img", name="bbw_value of Loom 1")).to_be_visible()
    assert asked(page)["s"] == ["press-13:temperature,loom-001:bbw_value,loom-001:quality_flag,loom-001:temperature"]
    assert asked(page)["from"] == ["-1h"]
    page.get_by_role("button", name="Without loom-001").click()
    expect(page.get_by_role("img", name="bbw_value of")).to_have_count(0)


def test_an_empty_plant_has_nothing_to_choose_from_and_says_where_to_begin(page: Page) -> None:
    nothing = {"data": {"devices": []}, "meta": {"total": 0}}
    page.route("**/api/v1/devices", lambda route: route.fulfill(json=nothing))
    page.goto("/history")
    expect(page.get_by_role("heading", name="No devices yet")).to_be_visible()
    page.get_by_role("link", name="To the devices").click()
    expect(page).to_have_url("/devices")
