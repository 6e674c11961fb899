"""Readable for everybody: WCAG by axe in both themes, on a phone, with little motion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, Route, expect

from support.running import RunningAndon

from .conftest import Tabs
from .plant import Plant, message

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-2")]

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN_AXE = """async runOnly => {
    const where = nodes => nodes.slice(0, 3).map(each => each.html.slice(0, 200))
    const {violations} = await axe.run(document, {runOnly, resultTypes: ['violations']})
    return violations.map(({id, help, nodes}) => ({id, help, where: where(nodes)}))
}"""
EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that look at colours, all that differs from a theme to the other."""
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PAGES = (
    "/",
    "/devices",
    "/devices/device-001",
    "/devices/loom-001",
    "/devices/loom-001?view=history&from=-1h&tags=bbw_value,vibration",
    "/devices/press-1",
    "/history",
    "/history?s=loom-001:bbw_value,device-001:*&from=-1h",
    "/alerts",
    "/alerts?view=history",
    "/admin/storage",
    "/admin/system",
)
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module", autouse=True)
def busy(andon: RunningAndon) -> Iterator[None]:
    """Every list has something in it: alarms of each level, one that was, a discovered device, a dead letter."""
    with Plant(andon) as plant:
        fill(plant)
        yield


def fill(plant: Plant) -> None:
    for severity in ("critical", "high", "low"):
        plant.raise_alarm(plant.add_device(f"busy-{severity}", severity=severity))
    plant.raise_alarm(plant.add_device("busy-before"))
    plant.push("busy-before", 50)
    plant.publish("busy-stranger", message("busy-stranger", 70))
    plant.publish("busy-high", "{not json")


def opened(page: Page, path: str) -> None:
    """Go there and wait for its data: no skeleton is left and values are live."""
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("connection")).to_have_text("Live")
    expect(page.locator(".mantine-Skeleton-root")).to_have_count(0)


class Axe:
    """Runs axe over what a window shows, the colours in both themes, and keeps what it finds. Make it before the
    window shows anything.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._page.add_init_script(path=AXE)
        self._schemes: list[Scheme] = ["light", "dark"]
        self.found: dict[str, Any] = {}

    def looks(self, where: str) -> None:
        """At this moment; `where` names it in the report. A theme stays until the next look: changing it takes time."""
        for scheme, rules in zip(self._schemes, (EVERYTHING, COLOURS), strict=True):
            self._page.emulate_media(color_scheme=scheme)
            expect(self._page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            violations = self._page.evaluate(RUN_AXE, rules)
            if violations:
                self.found[f"{where}, {scheme}"] = violations
        self._schemes.reverse()


@pytest.fixture
def watched(tabs: Tabs, andon: RunningAndon) -> Page:
    """A window that lets axe's script in."""
    return tabs.open(andon.url, bypass_csp=True, reduced_motion="reduce")


def test_axe_finds_nothing_on_any_page(watched: Page) -> None:
    axe = Axe(watched)
    for path in PAGES:
        opened(watched, path)
        axe.looks(path)
    assert axe.found == {}


def test_axe_finds_nothing_in_the_dialogs(watched: Page) -> None:
    axe = Axe(watched)
    dialog = watched.get_by_role("dialog")
    opened(watched, "/devices")
    for name in ("Add a device", "Adopt busy-stranger"):
        watched.get_by_role("button", name=name).click()
        expect(dialog.get_by_role("textbox").first).to_be_focused()
        axe.looks(name)
        watched.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    watched.keyboard.press("Control+k")
    expect(watched.get_by_role("listbox").get_by_role("option").first).to_be_visible()
    axe.looks("search")
    watched.keyboard.press("Escape")
    watched.get_by_role("button", name="Account of admin").click()
    expect(watched.get_by_role("menuitem").first).to_be_visible()
    axe.looks("account")
    opened(watched, "/devices/busy-critical")
    watched.get_by_role("button", name="Edit").click()
    watched.get_by_role("button", name="Acknowledge").first.click()
    expect(dialog.get_by_label("Comment")).to_be_focused()
    axe.looks("limits and comment")
    opened(watched, "/admin/storage")
    watched.get_by_role("button", name="Change").click()
    watched.get_by_role("button", name="Add a device").click()
    axe.looks("retention")
    opened(watched, "/devices?import=new")
    expect(dialog.get_by_role("button", name="Choose a file")).to_be_visible()
    axe.looks("import")
    recording = {"name": "a.csv", "mimeType": "text/csv", "buffer": b"time,value,on\n2014-03-01 10:00,1,hot\n" * 2}
    watched.locator("input[type=file]").set_input_files(recording)  # type: ignore[arg-type]
    expect(dialog.get_by_label("Device")).to_be_visible()
    dialog.get_by_text("How the file is read").click()
    axe.looks("import of a file")
    dialog.get_by_role("button", name="Give up").click()
    expect(dialog.get_by_role("button", name="Choose a file")).to_be_visible()
    opened(watched, "/devices/busy-critical?view=history")
    watched.get_by_role("button", name="Table").click()
    axe.looks("points")
    watched.get_by_role("button", name="Export").click()
    expect(dialog.get_by_label("Add a device")).to_be_focused()
    dialog.get_by_label("Add all of a type").select_option("loom")
    expect(dialog).to_contain_text("samples of")
    axe.looks("export")
    assert axe.found == {}


def test_axe_finds_nothing_where_one_signs_in(tabs: Tabs, andon: RunningAndon) -> None:
    page = tabs.open(andon.url, username=None, bypass_csp=True)
    axe = Axe(page)
    page.goto("/login")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    axe.looks("sign-in")
    assert axe.found == {}
    tabs.forgive("401")


def test_nothing_is_wider_than_a_phone(tabs: Tabs, andon: RunningAndon) -> None:
    page = tabs.open(andon.url, **PHONE)
    wide = {}
    for path in PAGES:
        opened(page, path)
        wide[path] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert {path: pixels for path, pixels in wide.items() if pixels > 0} == {}


def test_what_a_finger_hits_on_a_phone_is_44_pixels_high(tabs: Tabs, andon: RunningAndon) -> None:
    page = tabs.open(andon.url, **PHONE)
    opened(page, "/alerts")
    for button in page.get_by_role("main").get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 44, button.inner_text()


def test_on_a_phone_the_live_chart_of_a_device_comes_before_its_limits(tabs: Tabs, andon: RunningAndon) -> None:
    page = tabs.open(andon.url, **PHONE)
    opened(page, "/devices/device-001")
    chart, limits = (
        page.get_by_role("region", name="Live, ").bounding_box(),
        page.get_by_role("region", name="Limits").bounding_box(),
    )
    assert chart is not None and limits is not None
    assert chart["y"] < limits["y"]


@pytest.mark.parametrize(
    "path",
    ["/devices/loom-001?view=history&from=-1h", "/history?s=loom-001:bbw_value,device-001:temperature&from=-1h"],
)
def test_on_a_phone_the_chart_comes_first_and_all_choices_are_a_press_away(
    tabs: Tabs, andon: RunningAndon, path: str
) -> None:
    page = tabs.open(andon.url, bypass_csp=True, reduced_motion="reduce", **PHONE)
    axe = Axe(page)
    opened(page, path)
    chart, navigation = page.get_by_role("img", name="bbw_value of"), page.get_by_role("navigation", name="Main")
    seen, below = chart.bounding_box(), navigation.bounding_box()
    assert seen is not None and below is not None
    assert seen["y"] + 0.8 * seen["height"] < below["y"]
    axe.looks("folded")
    expect(page.get_by_label("Quality", exact=True)).to_be_hidden()
    page.get_by_role("button", name="More choices").press("Enter")
    expect(page.get_by_label("Quality", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"\d{4}, .* – "))).to_be_visible()
    axe.looks("unfolded")
    choices = page.get_by_role("region", name="What to show")
    for control in choices.locator("button, select, a, .mantine-SegmentedControl-label, .mantine-Checkbox-label").all():
        box = control.bounding_box()
        assert box is not None and box["height"] >= 44, control.inner_text()
    page.get_by_role("button", name="More choices").press("Enter")
    expect(page.get_by_label("Quality", exact=True)).to_be_hidden()
    assert axe.found == {}


def test_who_wants_little_motion_gets_none(tabs: Tabs, andon: RunningAndon) -> None:
    moving = "document.getAnimations().filter(each => each.playState === 'running').length"
    page = tabs.open(andon.url, reduced_motion="reduce")
    opened(page, "/alerts")
    assert page.evaluate(moving) == 0
    lively = tabs.open(andon.url, reduced_motion="no-preference")
    opened(lively, "/alerts")
    lively.wait_for_function(f"() => {moving} > 0")  # the critical alarm that nobody has acknowledged


def test_a_click_that_came_before_its_menu_opens_it(page: Page) -> None:
    waiting: list[Route] = []
    clicked = False

    def slowly(route: Route) -> None:
        route.continue_() if clicked else waiting.append(route)

    page.route(re.compile("/assets/UserMenu-"), slowly)
    with page.expect_request(re.compile("/assets/UserMenu-")):
        page.goto("/")
    page.get_by_role("button", name="Account of admin").click()
    clicked = True
    for route in waiting:
        route.continue_()
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()


def test_the_chosen_theme_stays(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    page.get_by_role("button", name="Account of admin").click()
    page.get_by_role("menuitem", name="Dark screen").click()
    root = page.locator("html")
    expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
