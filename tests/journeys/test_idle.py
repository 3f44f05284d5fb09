"""Idle logout as a person sees it: warned, kept if wished, else out, told why, and back where they were (S2)."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page

from tests.journeys.browser import Window, Windows
from tests.journeys.conftest import SHORT_IDLE_LIMIT_SECONDS
from tests.journeys.house import House, until

pytestmark = [pytest.mark.browser, pytest.mark.once]

WARNING = "dialog#idle[open]"


@dataclass
class Tabs:
    """Two tabs of one browser in which one person is signed in; the first is at the form of a new token."""

    window: Window
    name: str
    first: Page
    second: Page

    @property
    def both(self) -> tuple[Page, Page]:
        return self.first, self.second


@pytest.fixture
def tabs(hasty_server: House, hasty_windows: Windows) -> Tabs:
    """Two tabs."""
    window, name = hasty_windows(), hasty_server.person()
    first = window.sign_in(name, at="/profile/tokens/new/")
    return Tabs(window, name, first, window.tab("/profile/"))


def test_staying_signed_in_counts_for_every_tab(hasty_server: House, tabs: Tabs) -> None:
    for page in tabs.both:
        page.locator(WARNING).wait_for()
        assert "You will be signed out in" in page.locator(WARNING).inner_text()
    before = last_activity(hasty_server, tabs.name)
    tabs.first.get_by_role("button", name="Stay signed in").click()
    for page in tabs.both:
        page.locator(WARNING).wait_for(state="detached")
    assert last_activity(hasty_server, tabs.name) > before
    # It comes again, later: the deadline moved in the second tab, too.
    tabs.second.locator(WARNING).wait_for()
    assert tabs.second.url == f"{hasty_server.url}/profile/"


def test_left_alone_every_tab_is_told_why_and_the_login_leads_back_to_the_half_filled_form(hasty_server: House, tabs: Tabs) -> None:
    tabs.first.get_by_label("Label").fill("half a label")
    for page in tabs.both:
        page.locator(WARNING).wait_for()
    for page in tabs.both:
        page.wait_for_url(f"{hasty_server.url}/login/**")
        said = page.get_by_role("status").inner_text()
        assert "You were signed out" in said
        assert f"{SHORT_IDLE_LIMIT_SECONDS} seconds passed without activity" in said
    tabs.window.fill_in_login(tabs.name)
    tabs.first.wait_for_url(f"{hasty_server.url}/profile/tokens/new/")
    assert tabs.first.get_by_label("Label").input_value() == "half a label"


def test_without_javascript_the_next_click_after_the_limit_leads_to_the_login_page(hasty_server: House, hasty_windows: Windows) -> None:
    window, name = hasty_windows(java_script_enabled=False), hasty_server.person()
    window.sign_in(name, at="/profile/")
    # The server alone ends it: when the sweeper has been here, or at the click.
    until(lambda: idle_seconds(hasty_server, name) >= SHORT_IDLE_LIMIT_SECONDS, what="the limit to pass")
    window.page.get_by_role("link", name="API Tokens").click()
    window.page.wait_for_url(f"{hasty_server.url}/login/**")
    assert f"{SHORT_IDLE_LIMIT_SECONDS} seconds passed without activity" in window.page.get_by_role("status").inner_text()


def last_activity(server: House, name: str) -> datetime:
    """Return when the server last saw the person do something; long ago where the session is over."""
    sessions = "SELECT last_activity FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id WHERE u.username = "
    found = server.rows(f"{sessions}'{name}'")
    if not found:
        return datetime.min.replace(tzinfo=UTC)
    moment = datetime.fromisoformat(str(found[0][0]))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # SQLite keeps UTC without saying so


def idle_seconds(server: House, name: str) -> float:
    return (datetime.now(UTC) - last_activity(server, name)).total_seconds()
