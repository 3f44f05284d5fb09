"""API tokens on their page, and what the real dx client can do with them (S1.5 to S1.7, S4.4, S4.7)."""

from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page

from tests.journeys.browser import Windows
from tests.journeys.dx import DxClient
from tests.journeys.house import House, until
from tests.journeys.visitor import with_token

pytestmark = [pytest.mark.browser, pytest.mark.dx, pytest.mark.once]


def test_a_token_is_made_in_a_dialog_shown_once_and_revoked_in_a_dialog_and_then_dead_for_dx(
    server: House, windows: Windows, dx: DxClient
) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    token = window.make_token("deploy from laptop")
    page = window.page
    assert len(token) == 32
    assert page.get_by_role("dialog").is_visible()
    page.get_by_role("link", name="I have copied it").click()
    page.wait_for_url(f"{server.url}/profile/tokens/")
    with suppress(Error):
        page.go_back()  # Chromium shows its own page: the answer to the form was not kept, and it asks before it sends again
    assert token not in until(lambda: shown(page))
    page = window.open("/profile/tokens/")
    page.reload()
    assert token not in page.content()
    assert token not in window.tab("/profile/tokens/").content()
    assert token not in server.log
    assert dx("login", "--token", token, "--noprojects", "--host", "127.0.0.1", stdin="\n\n\n").returncode == 0
    assert dx.whoami() == name

    page = window.open("/profile/tokens/")
    page.get_by_label("Select deploy from laptop").check()
    assert "1 selected · deploy from laptop" in page.get_by_role("status").inner_text()
    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke Tokens Confirmation")
    assert "deploy from laptop" in dialog.inner_text()
    dialog.get_by_role("button", name="Yes, revoke it").click()
    page.wait_for_url(f"{server.url}/profile/tokens/")
    page.get_by_text("No tokens yet").wait_for()
    assert "deploy from laptop" in window.open("/profile/tokens/?ended=1").locator("main").inner_text()
    complaint = dx.whoami()
    assert complaint.startswith("exit 3")
    assert "The token was revoked" in complaint
    assert "code 401" in complaint


def shown(page: Page) -> str:
    try:
        return page.content()
    except Error:  # it is on its way
        return ""


def test_leaving_the_confirmation_keeps_the_token(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    token = window.make_token("to be kept")
    page = window.open("/profile/tokens/")
    page.get_by_label("Select to be kept").check()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog", name="Revoke Tokens Confirmation").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url(f"{server.url}/profile/tokens/")
    assert with_token(server.url, token).status == 200


def test_a_label_that_is_taken_is_told_beside_its_field_and_makes_no_second_token(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.refusals = {409}
    window.sign_in(name)
    window.make_token("deploy")
    page = window.open("/profile/tokens/new/")
    page.get_by_label("Label").fill("deploy")
    page.get_by_role("button", name="Generate Token").click()
    page.get_by_text("Another live token of yours").wait_for()
    assert page.get_by_label("Label").input_value() == "deploy"
    assert server.count("tokens_token", name) == 1
