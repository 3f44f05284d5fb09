"""Real Chromium windows whose every complaint (console errors, violations of the content security policy) is written down."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

from tests.journeys.house import PASSWORD

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 15_000
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
AXE = Path(__file__).parents[1] / "browser" / "axe.min.js"
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d{3})")
VIOLATIONS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
  (found) => found.id + ": " + found.nodes.map((node) => node.target.join(" ")).slice(0, 5).join(", "))"""


class Window:
    """A browser with cookies of its own and one tab, or more. `refusals` are the statuses that its test brings about."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.complaints: list[str] = []
        self.refusals: set[int] = set()
        context.set_default_timeout(WAIT_MS)
        context.on("page", self._watch)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page = context.new_page()

    def _watch(self, page: Page) -> None:
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        refused = _REFUSED.search(message.text)
        if message.type != "error" or (refused and int(refused[1]) in self.refusals):
            return
        self.complaints.append(f"{message.location.get('url')}: {message.text}")

    def open(self, path: str) -> Page:
        """Open a page in the first tab."""
        self.page.goto(self.url + path)
        return self.page

    def tab(self, path: str) -> Page:
        """Open a page in a further tab."""
        page = self.context.new_page()
        page.goto(self.url + path)
        return page

    def follow(self, link: str) -> Page:
        """Click the first link of this name in the first tab, and wait until its page is there."""
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=link, exact=True).first.click()
        return self.page

    def sign_in(self, username: str, password: str = PASSWORD, *, at: str = "/") -> Page:
        """Sign in on the way to the page `at`."""
        self.open(at)
        self.fill_in_login(username, password)
        self.page.wait_for_url(self.url + at)
        return self.page

    def fill_in_login(self, username: str, password: str = PASSWORD) -> None:
        """Fill in the login form that stands in the first tab, and send it."""
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign In").click()

    def make_token(self, label: str, projects: Mapping[str, str] | None = None) -> str:
        """Make a token as a person does, from the list on: for all projects, or those named, each at a level. Return the text."""
        self.open("/profile/tokens/")
        self.page.get_by_role("link", name="New Token").click()
        self.page.get_by_label("Label").fill(label)
        for name, level in (projects or {}).items():
            self.page.get_by_label("Chosen projects").check()
            self.page.get_by_role("checkbox", name=name).check()
            self.page.get_by_label(f"Level in {name}").select_option(level)
        self.page.get_by_role("button", name="Generate Token").click()
        return self.page.locator("#tok").inner_text()

    def rotate_token(self, label: str, overlap: str = "1 hour") -> str:
        """Give a token a new text, from the list on; return it."""
        self.open("/profile/tokens/")
        self.page.get_by_label(f"Select {label}", exact=True).check()
        self.page.get_by_role("button", name="Rotate").click()
        self.page.get_by_label("The old text goes on for").select_option(overlap)
        self.page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
        return self.page.locator("#tok").inner_text()

    def make_project(self, name: str, *, phi: bool = False) -> str:
        """Make a project as a person does, from the home page on; return its id."""
        self.open("/")
        self.page.get_by_role("link", name="New project").first.click()
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("Holds protected health information").set_checked(phi)
        self.page.get_by_role("button", name="Make project").click()
        self.page.get_by_text("You administer it.").wait_for()
        return self.page.url.rstrip("/").rpartition("/")[2]

    def change_password(self, new: str, *, old: str = PASSWORD, revoke: bool = False) -> Page:
        """Fill in the form and send it."""
        page = self.open("/security/password/")
        page.get_by_label("Current password").fill(old)
        page.get_by_label("New password", exact=True).fill(new)
        page.get_by_label("New password again").fill(new)
        if revoke:
            page.get_by_label("Revoke Active Tokens").check()
        page.get_by_role("button", name="Change password").click()
        return page

    def sign_out(self) -> None:
        """Sign out by the account menu."""
        self.page.locator("details.menu summary").click()
        self.page.locator("details.menu").get_by_role("button", name="Sign Out").click()

    def session_cookie(self) -> str:
        """Return the session cookie."""
        return next(str(cookie.get("value")) for cookie in self.context.cookies() if cookie.get("name") == "sessionid")


def axe_violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page; it comes in by the debugger, so that the page's CSP stays on."""
    page.evaluate(AXE.read_text())
    found: list[str] = page.evaluate(VIOLATIONS)
    return found


def executable() -> str:
    """Return the path of Chromium; skip loudly where there is none, and fail where REQUIRE_BROWSER=1."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(found).exists():
        message = f"NO BROWSER: {found} is not there; set CHROMIUM to a Chromium, or install the system's"
        pytest.fail(message) if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip(message)
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium, and end it."""
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Windows:
    """Opens windows at one server, and asks at the end whether any of them complained."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url
        self.opened: list[Window] = []

    def __call__(self, **options: Any) -> Window:
        """Return a new window. Options are those of playwright's new_context."""
        context = self.browser.new_context(**{"viewport": WIDE, **options})
        self.opened.append(Window(context, self.url))
        return self.opened[-1]

    def close(self) -> None:
        """Close all; fail on anything that a console said."""
        complaints = [complaint for window in self.opened for complaint in window.complaints]
        for window in self.opened:
            try:
                window.context.close()
            except Error as error:
                complaints.append(str(error))
        assert not complaints, "\n".join(complaints)
