"""A browser, and Andon as a user starts it."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from support.running import PASSWORD, RunningAndon

from .plant import Plant

CHROMIUM = shutil.which("chromium")
QUIETLY = ["--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]
TOGETHER = "--process-per-site"  # a process that is new compiles the whole app: a second and a half a window
STATIC = Path(__file__).parents[2] / "src" / "andon" / "api" / "static"
PATIENCE_MS = 15_000
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
QUIET_PLANT = {"ANDON_SIM_ANOMALY_RATE": "0", "ANDON_SIM_LOOM_FAULTS_PER_DAY": "0"}  # the tests raise the alarms

expect.set_options(timeout=PATIENCE_MS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A failure tells what the browser showed."""
    report = yield
    tabs = getattr(item, "funcargs", {}).get("tabs")
    if report.failed and call.when == "call" and isinstance(tabs, Tabs):
        report.sections.append(("What the browser shows", tabs.shown()))
    return report


@pytest.fixture(scope="package")
def browser(engines_required: bool) -> Iterator[Browser]:
    """Debian's Chromium. Missing, it fails where every engine is required, and skips elsewhere."""
    missing = not CHROMIUM and "chromium is not installed"
    missing = missing or (not (STATIC / "index.html").exists() and "the web UI is not built: tools/build_web.py")
    if missing:
        (pytest.fail if engines_required else pytest.skip)(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", TOGETHER, *QUIETLY]
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def andon(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAndon]:
    """The demo plant without its accidents, shared by all pages that leave the server alone."""
    data = tmp_path_factory.mktemp("e2e") / "data"
    with RunningAndon(data, "--demo", "--looms", "3", environment=QUIET_PLANT) as running:
        yield running


@pytest.fixture
def plant(andon: RunningAndon) -> Iterator[Plant]:
    """The plant behind the pages; what a test adds to it is gone afterwards."""
    with Plant(andon) as opened:
        yield opened


class Desk:
    """Where one window after the other is opened, each as if it were the first: nobody is signed in, nothing is kept.
    The process behind them stays, for a page without the app keeps it.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self._context = context
        self._anchor = context.new_page()
        self._anchor.goto("/andon.svg")
        self._free = True

    def take(self) -> BrowserContext | None:
        """For one window; None while there is one."""
        if not self._free:
            return None
        self._free = False
        return self._context

    def clear(self) -> None:
        """Close what was opened and forget it."""
        if self._free:
            return
        for page in self._context.pages:
            if page is not self._anchor:
                page.close()
        self._context.clear_cookies()
        self._anchor.evaluate("localStorage.clear()")
        self._free = True


@pytest.fixture(scope="package")
def desk(browser: Browser, andon: RunningAndon) -> Iterator[Desk]:
    """The desk of the windows that are one after the other."""
    context = browser.new_context(base_url=andon.url, **DESKTOP)
    yield Desk(context, andon.url)
    context.close()


class Tabs:
    """Opens browser windows and collects what they complain about."""

    def __init__(self, browser: Browser, desk: Desk) -> None:
        self._browser = browser
        self._desk = desk
        self._contexts: list[BrowserContext] = []
        self._pages: list[Page] = []
        self.complaints: list[str] = []

    def open(self, url: str, username: str | None = "admin", password: str = PASSWORD, **options: Any) -> Page:
        """A window of its own, signed in as `username` (None: not signed in). Paths are relative to `url`."""
        context = self._desk.take() if url == self._desk.url and not options else None
        if context is None:
            context = self._browser.new_context(base_url=url, **{**DESKTOP, **options})
            self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        if username:
            answer = context.request.post("/api/v1/auth/login", data={"username": username, "password": password})
            assert answer.ok, answer.text()
        page = context.new_page()
        self._pages.append(page)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type in {"error", "warning"}:
            self.complaints.append(f"{said.text} ({said.location.get('url')})")

    def forgive(self, *words: str) -> None:
        """Take away complaints that the test has asked for."""
        self.complaints = [each for each in self.complaints if not any(word in each for word in words)]

    def shown(self) -> str:
        """Each open window's address, what assistive technology finds on it, and what was complained about."""
        pages = [f"{page.url}\n{page.locator('body').aria_snapshot()}" for page in self._pages if not page.is_closed()]
        return "\n\n".join([*pages, *self.complaints])

    def close(self) -> None:
        """Close every window."""
        self._desk.clear()
        for context in self._contexts:
            context.close()


@pytest.fixture
def tabs(browser: Browser, desk: Desk) -> Iterator[Tabs]:
    """Windows of one test. At its end nothing may stand in their consoles."""
    opened = Tabs(browser, desk)
    yield opened
    opened.close()
    assert opened.complaints == []


@pytest.fixture
def page(tabs: Tabs, andon: RunningAndon) -> Page:
    """A desktop window, signed in as admin, nothing opened yet."""
    return tabs.open(andon.url)
