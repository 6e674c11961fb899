"""Watching the plant: what is new appears by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, WebSocketRoute, expect

from .conftest import Tabs
from .plant import Plant

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-1")]

LINE = "svg[preserveAspectRatio=none] path"


def card(page: Page, device_id: str) -> Locator:
    return page.locator(f'[data-device="{device_id}"]')


def value_in(place: Page | Locator) -> Locator:
    return place.get_by_test_id("value").first


@pytest.fixture
def unreloaded(page: Page) -> Page:
    """Tells at the end whether somebody loaded the page again."""
    page.add_init_script("window.loads = Number(sessionStorage.loads = Number(sessionStorage.loads || 0) + 1)")
    return page


def loads(page: Page) -> int:
    found: int = page.evaluate("window.loads")
    return found


def test_a_value_of_the_demo_plant_moves_on_the_overview(unreloaded: Page) -> None:
    unreloaded.goto("/")
    value = value_in(card(unreloaded, "device-001"))
    expect(value).to_have_text(re.compile(r"^\d+\.\d$"))
    expect(value).not_to_have_text(value.inner_text())
    assert loads(unreloaded) == 1


def test_what_a_device_sends_is_what_the_overview_shows(unreloaded: Page, plant: Plant) -> None:
    device = plant.add_device("oven-1")
    unreloaded.goto("/")
    value = value_in(card(unreloaded, device))
    expect(value).to_have_text("50.00")
    plant.push(device, 61.25)
    expect(value).to_have_text("61.25")
    assert loads(unreloaded) == 1


def test_a_device_page_follows_its_device(unreloaded: Page, plant: Plant) -> None:
    device = plant.add_device("oven-2")
    unreloaded.goto(f"/devices/{device}")
    expect(value_in(unreloaded)).to_have_text("50.00")
    plant.push(device, 72)
    expect(value_in(unreloaded)).to_have_text("72.00")
    assert loads(unreloaded) == 1


def test_from_the_plant_to_a_device_and_back_is_a_click(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Hydraulic pressure").click()
    expect(page).to_have_url("/devices/device-002")
    expect(page.get_by_role("heading", name="Hydraulic pressure", level=1)).to_be_visible()
    expect(page).to_have_title("Hydraulic pressure · Andon")
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Plant").click()
    expect(page).to_have_url("/")


def test_a_device_beyond_its_limit_comes_first(page: Page, plant: Plant) -> None:
    device = plant.add_device("oven-3", severity="critical")
    page.goto("/")
    expect(card(page, device)).to_be_visible()
    plant.raise_alarm(device, 97)
    expect(card(page, device)).to_have_attribute("data-level", "critical")
    expect(page.locator("[data-device]").first).to_have_attribute("data-device", device)


def test_an_alarm_from_before_the_page_was_subscribed_is_not_missed(page: Page, plant: Plant) -> None:
    device = plant.add_device("oven-4", severity="critical")
    held: list[Callable[[], None]] = []
    raised = False

    def hold_back(page_side: WebSocketRoute) -> None:
        server = page_side.connect_to_server()

        def said(message: str | bytes) -> None:
            wait = "subscribe-" in str(message) and not raised
            held.append(partial(server.send, message)) if wait else server.send(message)

        page_side.on_message(said)

    page.route_web_socket(re.compile("/socket.io/"), hold_back)
    page.goto("/")
    expect(card(page, device)).to_be_visible()
    expect(page.get_by_test_id("connection")).to_have_text("Live")
    plant.raise_alarm(device, 97)
    raised = True
    for send in held:
        send()
    expect(card(page, device)).to_have_attribute("data-level", "critical")


def test_a_quiet_plant_is_asked_once_for_what_the_overview_shows(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path.removeprefix("/api/v1")))

    def quieten(page_side: WebSocketRoute) -> None:
        server = page_side.connect_to_server()

        def said(message: str | bytes) -> None:
            if "alert-" not in str(message) and "device-status" not in str(message):
                page_side.send(re.sub(r'"quietMs":\d+', '"quietMs":60000', str(message)))

        server.on_message(said)

    page.route_web_socket(re.compile("/socket.io/"), quieten)
    page.goto("/")
    value = value_in(card(page, "device-001"))
    expect(value).to_have_text(re.compile(r"^\d+\.\d$"))
    expect(value).not_to_have_text(value.inner_text())
    assert [asked.count(path) for path in ("/alerts", "/devices")] == [1, 1]


def test_an_alarm_is_not_missed_when_an_older_answer_arrives_after_it(page: Page, plant: Plant) -> None:
    device = plant.add_device("oven-5", severity="critical")
    waiting: list[Route] = []
    page.route("**/api/v1/devices", lambda route: route.continue_() if waiting else waiting.append(route))
    with page.expect_request("**/api/v1/devices"):
        page.goto("/")
    expect(page.get_by_test_id("connection")).to_have_text("Live")
    before = waiting[0].fetch()
    plant.raise_alarm(device, 97)
    expect(page.get_by_text("New critical alarm: Oven-5")).to_be_attached()
    waiting[0].fulfill(response=before)
    expect(card(page, device)).to_have_attribute("data-level", "critical")


def test_a_new_device_shows_all_that_there_is_and_says_since_when(page: Page, plant: Plant) -> None:
    since = re.compile(r"since \d\d:\d\d")
    plant.add_device("new-1")
    page.goto("/")
    expect(card(page, "new-1")).to_contain_text(since)
    expect(card(page, "new-1").locator(LINE)).to_have_attribute("d", re.compile("^M"))
    page.goto("/devices/new-1")
    for name in ("Live, ", "History, "):
        expect(page.get_by_role("heading", name=name)).to_have_text(since)
    with page.expect_request(re.compile(r"/new-1/history\?.*from=20\d\d-.*points=")):
        page.goto("/devices/new-1?view=history")
    with page.expect_request(re.compile(r"/new-1/history\?.*from=-24h.*points=")):
        page.get_by_role("radiogroup", name="Time range").get_by_text("24 h").click()


def test_the_overview_asks_for_the_past_of_all_its_devices_at_once(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/history?" in request.url else None)
    page.goto("/")
    for device_id in ("device-001", "loom-001", "press-1"):
        expect(card(page, device_id).locator(LINE)).to_have_attribute("d", re.compile("^M"))
    assert len(asked) == 1


def test_a_device_with_many_signals_shows_the_chosen_one(page: Page) -> None:
    page.goto("/devices/loom-001")
    page.get_by_role("list", name="Signals").get_by_role("button", name="Vibration").click()
    expect(page).to_have_url("/devices/loom-001?tag=vibration")
    expect(page.get_by_role("img", name=re.compile("^vibration of Loom 1, last five minutes"))).to_be_visible()


def test_a_live_chart_can_be_held_still(page: Page) -> None:
    page.goto("/devices/device-001")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Live, ")).to_be_visible()


def test_a_page_that_is_not_there_says_where_to_go(page: Page) -> None:
    page.goto("/nowhere")
    page.get_by_role("link", name="To the overview").click()
    expect(page).to_have_url("/")


def test_a_device_that_is_not_there_is_said_in_words(page: Page, tabs: Tabs) -> None:
    page.goto("/devices/nobody")
    expect(page.get_by_role("heading", name="There is no device nobody")).to_be_visible()
    tabs.forgive("404")
