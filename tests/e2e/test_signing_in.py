"""Coming in and going out."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from support.running import PASSWORD, RunningAndon

from .conftest import Tabs

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-1")]

NOBODY = "401"  # the browser itself notes each refused request


@pytest.fixture
def visitor(tabs: Tabs, andon: RunningAndon) -> Page:
    """Somebody who is not signed in."""
    return tabs.open(andon.url, username=None)


def fill_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_is_refused_in_words(visitor: Page, tabs: Tabs) -> None:
    visitor.goto("/")
    fill_in(visitor, "admin", "wrong horse")
    expect(visitor.get_by_role("alert")).to_contain_text("password")
    expect(visitor.get_by_label("User name")).to_have_value("admin")
    expect(visitor).to_have_url("/login")
    tabs.forgive(NOBODY)


def test_after_signing_in_one_is_where_one_wanted_to_go(visitor: Page, tabs: Tabs) -> None:
    visitor.goto("/alerts?view=history")
    fill_in(visitor, "admin", PASSWORD)
    expect(visitor.get_by_role("heading", name="Alarms", level=1)).to_be_visible()
    expect(visitor).to_have_url("/alerts?view=history")
    tabs.forgive(NOBODY)


def test_a_reload_keeps_one_signed_in(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("button", name="Account of admin")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Account of admin")).to_be_visible()


def test_after_signing_out_nothing_is_left_on_the_screen(page: Page, tabs: Tabs) -> None:
    page.goto("/devices")
    expect(page.get_by_role("link", name="Hydraulic pressure")).to_be_visible()
    page.get_by_role("button", name="Account of admin").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page).to_have_url("/login")
    page.go_back()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link", name="Hydraulic pressure")).to_have_count(0)
    tabs.forgive(NOBODY)
