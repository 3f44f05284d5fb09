"""Every page: axe-core finds nothing, light and dark; at 375 px nothing scrolls sideways; no console complains (I3, WEB-01)."""

import pytest
from playwright.sync_api import Page

from tests.journeys.browser import NARROW, WIDE, Window, Windows, axe_violations
from tests.journeys.house import House
from tests.journeys.test_credential_change import asked_change, link_in

pytestmark = pytest.mark.browser

OPEN = ("/login/", "/login/?why=idle&after=900", "/password/reset/", "/help/", "/email/confirm/none/", "/nowhere/")
PRIVATE = (
    "/", "/profile/", "/security/", "/security/password/", "/security/email/", "/security/sessions/", "/security/history/",
    "/profile/tokens/", "/profile/tokens/?ended=1", "/profile/tokens/?q=nothing", "/profile/tokens/new/", "/help/", "/nowhere/",
)  # fmt: skip
WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


class Inspector:
    """Looks at one page after the other and remembers what is wrong."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, page: Page) -> None:
        wide = ["scrolls sideways"] if page.evaluate(WIDER_THAN_THE_WINDOW) else []
        self.found += [f"{page.url}: {what}" for what in axe_violations(page) + wide]


@pytest.mark.parametrize(
    ("scheme", "size", "person"), [("light", WIDE, "sam"), ("dark", NARROW, "root")], ids=["light and wide", "dark and narrow"]
)
def test_no_page_violates_axe_or_scrolls_sideways(server: House, windows: Windows, scheme: str, size: dict[str, int], person: str) -> None:
    window, inspector = windows(color_scheme=scheme, viewport=size, reduced_motion="reduce"), Inspector()
    window.refusals = {401, 404, 410, 422}
    for path in OPEN:
        inspector.look(window.open(path))
    _refused_login(window, inspector)
    address = f"{person}@new.example.com"
    asked_change(window, person, address)
    for path in PRIVATE:
        inspector.look(window.open(path))
    _tokens(window, inspector)
    _refused_password(window, inspector)
    _links(server, window, inspector, person)
    assert not inspector.found, "\n".join(inspector.found)


def _refused_login(window: Window, inspector: Inspector) -> None:
    window.open("/login/")
    window.fill_in_login("nobody", "not a password")
    window.page.get_by_text("Username or password is wrong").wait_for()
    inspector.look(window.page)


def _tokens(window: Window, inspector: Inspector) -> None:
    for label in ("deploy", "a-label-as-long-as-one-word-can-be-without-any-place-to-break-it-xxxxx"):
        window.make_token(label)
        inspector.look(window.page)
    inspector.look(window.open("/profile/tokens/"))
    window.page.get_by_label("Select deploy").check()
    inspector.look(window.page)
    window.page.get_by_role("button", name="Revoke").click()
    window.page.get_by_role("dialog", name="Revoke Tokens Confirmation").wait_for()
    inspector.look(window.page)
    window.page.get_by_role("link", name="Keep them").click()
    window.page.get_by_role("link", name="deploy", exact=True).click()
    inspector.look(window.page)
    window.open("/profile/")
    window.page.locator("details.menu summary").click()
    inspector.look(window.page)


def _refused_password(window: Window, inspector: Inspector) -> None:
    window.change_password("too short").get_by_text("characters").first.wait_for()
    inspector.look(window.page)


def _links(server: House, window: Window, inspector: Inspector, person: str) -> None:
    confirm = link_in(server.mail(f"{person}@new.example.com", "Confirm your new address"), "/email/confirm/")
    cancel = link_in(server.mail(f"{person}@example.com", "Somebody asked to change"), "/email/cancel/")
    inspector.look(window.open(confirm))
    inspector.look(window.open(cancel))
    window.open("/password/reset/")
    window.page.get_by_label("E-mail address").fill(f"{person}@example.com")
    window.page.get_by_role("button", name="Send the link").click()
    window.page.get_by_role("heading", name="Look into your mail").wait_for()
    inspector.look(window.page)
    inspector.look(window.open(link_in(server.mail(f"{person}@example.com", "Reset your Gatehouse"), "/password/reset/")))
    window.open(cancel).get_by_role("button", name="Cancel the change").click()
    window.page.get_by_role("heading", name="The change is cancelled").wait_for()
    inspector.look(window.page)


def test_the_idle_dialog_violates_nothing_either(hasty_server: House, hasty_windows: Windows) -> None:
    window, inspector = hasty_windows(viewport=NARROW, reduced_motion="reduce"), Inspector()
    window.sign_in(hasty_server.person(), at="/profile/")
    window.page.locator("dialog#idle[open]").wait_for()
    inspector.look(window.page)
    assert not inspector.found, "\n".join(inspector.found)
