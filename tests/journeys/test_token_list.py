"""What one does with tokens one has: a new text, another label, sorting, searching; and a dead one that was tried (S4.6, S4.10, S4.12)."""

import pytest
from playwright.sync_api import Page

from tests.journeys.browser import Window, Windows
from tests.journeys.house import House
from tests.journeys.visitor import dx_login, make_projects, with_token

pytestmark = [pytest.mark.browser, pytest.mark.once]

LIST = "/profile/tokens/"


@pytest.fixture
def window(server: House, windows: Windows) -> Window:
    """A browser in which somebody is signed in."""
    opened = windows()
    opened.sign_in(server.person())
    return opened


def test_rotating_from_the_list_shows_a_new_text_once_and_the_old_one_goes_on_for_the_overlap(server: House, window: Window) -> None:
    window.make_project("Plain")
    old = window.make_token("nightly", {"Plain": "UPLOAD"})
    new, page = window.rotate_token("nightly", "24 hours"), window.page
    assert "The old text works until" in page.get_by_role("dialog").inner_text()
    window.follow("I have copied it")
    assert new not in page.content()
    reach = [with_token(server.url, text).json["token"] for text in (new, old)]
    assert [token["label"] for token in reach] == ["nightly", "nightly (replaced)"]
    assert reach[0]["projects"] == reach[1]["projects"]
    assert "The old text works until" in page.get_by_role("row", name="nightly (replaced)").inner_text()
    page.get_by_label("Select nightly (replaced)").check()
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("heading", name="Rotate").wait_for()


def test_rotating_from_the_page_of_a_token_without_an_overlap_ends_the_old_text_at_once(server: House, window: Window) -> None:
    old = window.make_token("nightly")
    window.open(LIST)
    window.follow("nightly")
    page = window.follow("Rotate")
    page.get_by_label("The old text goes on for").select_option("None: it ends at once")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("dialog", name="Copy your token now").wait_for()
    assert "The old text has ended" in page.get_by_role("dialog").inner_text()
    assert with_token(server.url, page.locator("#tok").inner_text()).status == 200
    refused = with_token(server.url, old)
    assert (refused.status, refused.json["code"]) == (401, "token_replaced")
    window.follow("I have copied it")
    assert "Replaced by" in window.follow("nightly (replaced)").locator("main").inner_text()


def test_a_renamed_token_goes_on_under_its_new_label(server: House, window: Window) -> None:
    window.refusals = {409}
    window.make_token("taken")
    token = window.make_token("nightly")
    window.open(LIST)
    window.follow("nightly")
    page = window.follow("Rename")
    assert page.get_by_label("Label", exact=True).input_value() == "nightly"
    page.get_by_label("Label", exact=True).fill("taken")
    page.get_by_role("button", name="Rename").click()
    page.get_by_text("Another live token of yours").wait_for()
    page.get_by_label("Label", exact=True).fill("weekly")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("heading", name="weekly").wait_for()
    assert "Renamed" in page.get_by_role("status").inner_text()
    assert "nightly" in page.locator(".timeline").inner_text()
    assert with_token(server.url, token).json["token"]["label"] == "weekly"


def test_the_list_sorts_by_a_click_and_finds_by_label_and_by_project(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    make_projects(server.url, dx_login(server.url, name), "Genomes")
    window.sign_in(name)
    window.make_token("beta", {"Genomes": "VIEW"})
    window.make_token("Alpha")
    used = window.make_token("gamma")
    assert with_token(server.url, used).status == 200
    page = window.open(LIST)
    for head, order, first in (
        ("Token", "label", "Alpha"), ("Token", "-label", "gamma"), ("Last used", "-used", "gamma"), ("Last used", "used", "Alpha"),
    ):  # fmt: skip
        page.get_by_role("columnheader", name=head).get_by_role("link").click()
        page.wait_for_url(f"{server.url}{LIST}?sort={order}")
        assert labels(page)[0] == first
    for text, found in (("GENOM", ["beta"]), ("alph", ["Alpha"]), ("no such token", [])):
        page = window.open(LIST)
        page.get_by_label("Search tokens").fill(text)
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Show all").wait_for()
        assert labels(page) == found
    assert page.get_by_text("No token fits").is_visible()


def test_a_dead_token_that_is_tried_is_told_on_the_list_and_its_page_says_from_where(server: House, window: Window) -> None:
    token = window.make_token("lost laptop")
    page = window.open(LIST)
    assert page.get_by_text("A dead token was tried").count() == 0
    page.get_by_label("Select lost laptop").check()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Yes, revoke it").click()
    page.get_by_text("No tokens yet").wait_for()
    assert page.get_by_text("A dead token was tried").count() == 0
    assert with_token(server.url, token).status == 401
    page = window.open(LIST)
    notice = page.get_by_role("status").filter(has_text="A dead token was tried")
    assert "“lost laptop”, revoked on" in notice.inner_text()
    assert "from 127.0.0.1. It was refused." in notice.inner_text()
    told = window.follow("Where was it used?").locator("main").inner_text()
    assert "Tried after its end" in told
    assert "from 127.0.0.1" in told


def labels(page: Page) -> list[str]:
    return page.locator("tbody .name").all_inner_texts()
