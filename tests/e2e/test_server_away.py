"""The server goes away and comes back: the page says so, greys what it shows, and recovers by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from support.running import RunningAndon

from .conftest import QUIET_PLANT, Tabs
from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.failure, pytest.mark.xdist_group("browser-2")]

FRESH = re.compile(r"^\d+\.\d$")
HATCHED = re.compile("hatched")
OLD = re.compile("repeating-linear-gradient")
UNREACHED = ("net::ERR_", "WebSocket connection")  # the browser itself notes each request without an answer

SCRIPTS = "performance.getEntriesByType('resource').map(({name}) => name).filter((name) => name.endsWith('.js'))"
STYLED = "() => [...document.querySelectorAll('link[rel=stylesheet]')].every(({sheet}) => sheet)"


def fetched(page: Page, part: str) -> None:
    """Until a part of the app is there, with all that it imports and every style sheet."""
    found = f"{SCRIPTS}.find((name) => name.includes('{part}'))"
    page.wait_for_function(f"() => {found}")
    page.evaluate(f"() => import({found}).then(() => null)")
    page.wait_for_function(STYLED)


class Mortal:
    """An Andon that dies and comes back with the same data at the same address."""

    def __init__(self, running: RunningAndon) -> None:
        self.running = running

    def dies(self) -> None:
        """As in a power cut."""
        self.running.kill()

    def comes_back(self) -> None:
        """Started anew by its administrator."""
        port = self.running.url.rsplit(":", 1)[1]
        arguments = ["--demo", "--looms", "1", "--port", port]
        self.running = RunningAndon(self.running.data_dir, *arguments, environment=QUIET_PLANT).start()


@pytest.fixture(scope="module")
def mortal(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortal]:
    """An Andon to be killed. Tests leave it running."""
    data = tmp_path_factory.mktemp("mortal") / "data"
    found = Mortal(RunningAndon(data, "--demo", "--looms", "1", environment=QUIET_PLANT).start())
    yield found
    if found.running.process.poll() is None:
        found.running.stop()


def connection(page: Page) -> Locator:
    return page.get_by_test_id("connection")


def value(page: Page) -> Locator:
    return page.get_by_role("main").get_by_test_id("value").first


def alarm_counts(page: Page) -> Locator:
    return page.get_by_role("region", name="Alarm strip").get_by_role("link").first


def test_pages_outlive_their_server(mortal: Mortal, tabs: Tabs) -> None:
    overview, device = tabs.open(mortal.running.url), tabs.open(mortal.running.url)
    overview.goto("/?type=temperature")
    device.goto("/devices/device-001")
    for page in (overview, device):
        page.evaluate("window.sameDocument = true")
        expect(value(page)).to_have_text(FRESH)
        expect(connection(page)).to_have_text("Live")

    mortal.dies()
    for page in (overview, device):
        expect(connection(page)).to_have_text("No connection")
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        expect(value(page)).to_have_class(HATCHED)
        expect(alarm_counts(page)).to_have_css("background-image", OLD)
        expect(value(page)).to_have_text(FRESH)  # the last value stays, marked

    mortal.comes_back()
    for page in (overview, device):
        expect(connection(page)).to_have_text("Live")
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(value(page)).not_to_have_class(HATCHED)
        expect(alarm_counts(page)).not_to_have_css("background-image", OLD)
        expect(value(page)).not_to_have_text(value(page).inner_text())  # it moves again
    with Plant(mortal.running) as plant:
        plant.raise_alarm(plant.add_device("after-the-crash"))
        for page in (overview, device):
            expect(page.get_by_role("region", name="Alarm strip")).to_contain_text("After-The-Crash")
    assert overview.evaluate("window.sameDocument") is device.evaluate("window.sameDocument") is True
    tabs.forgive(*UNREACHED)


def test_one_can_look_around_while_the_server_is_away(mortal: Mortal, tabs: Tabs) -> None:
    page = tabs.open(mortal.running.url)
    page.goto("/")
    expect(connection(page)).to_have_text("Live")
    fetched(page, "AlertsPage")  # once the first page is there, the parts of the others are fetched
    mortal.dies()
    expect(connection(page)).to_have_text("No connection")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Alarms").click()
    expect(page.get_by_role("heading", name="Alarms", level=1)).to_be_visible()
    expect(page.get_by_role("alert").first).to_contain_text("The server does not answer")
    mortal.comes_back()
    expect(connection(page)).to_have_text("Live")
    expect(page.get_by_role("heading", name="No active alarms")).to_be_visible()
    tabs.forgive(*UNREACHED)


def test_a_page_whose_part_was_not_fetched_in_time_appears_when_the_server_is_back(mortal: Mortal, tabs: Tabs) -> None:
    page = tabs.open(mortal.running.url)
    page.route("**/assets/AlertList-*", lambda route: route.abort())
    page.goto("/")
    page.evaluate("window.sameDocument = true")
    expect(connection(page)).to_have_text("Live")
    mortal.dies()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Alarms").click()
    expect(page.get_by_role("heading", name="This page cannot be shown now")).to_be_visible()
    expect(connection(page)).to_have_text("No connection")
    page.unroute("**/assets/AlertList-*")
    mortal.comes_back()
    expect(page.get_by_role("heading", name="No active alarms")).to_be_visible()
    assert page.evaluate("[...document.styleSheets].some(({href}) => href?.includes('AlertList'))")
    assert page.evaluate("window.sameDocument") is True
    tabs.forgive(*UNREACHED, "The server cannot be reached")


def test_dialogs_open_while_the_server_is_away(mortal: Mortal, tabs: Tabs) -> None:
    page = tabs.open(mortal.running.url)
    page.goto("/devices")
    expect(connection(page)).to_have_text("Live")
    for part in ("SearchDialog", "ExportDialog", "AddDevice"):
        fetched(page, part)
    mortal.dies()
    expect(connection(page)).to_have_text("No connection")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    page.keyboard.press("Escape")
    for name, dialog in (("Export", "Export history"), ("Add a device", "Add a device")):
        page.get_by_role("main").get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="Devices", level=1)).to_be_visible()
    mortal.comes_back()
    expect(connection(page)).to_have_text("Live")
    tabs.forgive(*UNREACHED)


def test_a_dialog_that_was_not_fetched_in_time_leaves_its_page_alone_and_comes_later(
    mortal: Mortal, tabs: Tabs
) -> None:
    page = tabs.open(mortal.running.url)

    def away(route: Route) -> None:
        route.abort() if route.request.method == "HEAD" or "SearchDialog" in route.request.url else route.continue_()

    page.route(re.compile(r"/$|/assets/SearchDialog-"), away)
    with page.expect_event("requestfailed", lambda request: request.method == "HEAD"):  # the part failed before
        page.goto("/devices")
        page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Devices", level=1)).to_be_visible()
    page.unroute(re.compile(r"/$|/assets/SearchDialog-"))
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    tabs.forgive(*UNREACHED)


@pytest.mark.parametrize("kind", ["js", "css"])
def test_a_dialog_whose_part_was_lost_for_a_moment_opens_all_the_same(mortal: Mortal, tabs: Tabs, kind: str) -> None:
    page = tabs.open(mortal.running.url)
    back: list[Route] = []  # the question whether the server answers

    def away(route: Route) -> None:
        if route.request.method == "HEAD":
            back.append(route)
        route.abort() if f".{kind}" in route.request.url and not back else route.continue_()

    page.route(re.compile(r"/$|/assets/SearchDialog-"), away)
    with page.expect_event("requestfailed", lambda request: "SearchDialog" in request.url):
        page.goto("/devices")
        page.evaluate("window.sameDocument = true")
        page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    assert page.evaluate("[...document.styleSheets].some(({href}) => href?.includes('SearchDialog'))")
    assert page.evaluate("window.sameDocument") is True
    tabs.forgive(*UNREACHED)
