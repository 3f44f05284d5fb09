"""Coming in and going out, with a mouse, with the keyboard alone, and without JavaScript (S1, I3)."""

import pytest
from playwright.sync_api import Page

from tests.journeys.browser import Window, Windows
from tests.journeys.house import NEW_PASSWORD, PASSWORD, House
from tests.journeys.visitor import with_token

pytestmark = [pytest.mark.browser, pytest.mark.once]

MOST_TABS = 40


def test_the_page_that_was_wanted_opens_after_the_login(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.open("/security/history/?page=1")
    assert window.page.get_by_role("heading", name="Sign in").is_visible()
    window.fill_in_login(name)
    window.page.wait_for_url(f"{server.url}/security/history/?page=1")


def test_a_wrong_pair_is_told_and_the_username_stays(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.refusals = {401}
    window.open("/login/")
    window.fill_in_login(name, "not my password at all")
    window.page.get_by_text("Username or password is wrong").wait_for()
    assert window.page.get_by_label("Username").input_value() == name
    assert window.page.get_by_label("Password").input_value() == ""


def test_web_03_after_sign_out_the_back_button_shows_nothing_private(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    window.open("/profile/")
    assert f"{name}@example.com" in window.page.content()
    cookie = window.session_cookie()
    window.sign_out()
    window.page.wait_for_url(f"{server.url}/login/?why=signed-out")
    assert "You are signed out" in window.page.get_by_role("status").inner_text()
    window.page.go_back()
    window.page.get_by_role("heading", name="Sign in").wait_for()
    assert f"{name}@example.com" not in window.page.content()
    window.context.add_cookies([{"name": "sessionid", "value": cookie, "url": server.url}])
    window.open("/profile/")
    assert window.page.url.startswith(f"{server.url}/login/")


def test_signing_out_in_one_tab_takes_the_other_to_the_login_page(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    other = window.tab("/profile/")
    window.sign_out()
    other.wait_for_url(f"{server.url}/login/?why=signed-out")


def test_sessions_live_side_by_side_and_end_one_by_one(server: House, windows: Windows) -> None:
    here, there, name = windows(), windows(), server.person()
    here.sign_in(name)
    there.sign_in(name, at="/profile/")
    page = here.open("/security/sessions/")
    page.get_by_role("button", name="End session").click()
    page.wait_for_load_state()
    there.page.reload()
    assert "This session was ended" in there.page.get_by_role("status").inner_text()
    assert here.open("/profile/").url == f"{server.url}/profile/"


def focus_by_tab(page: Page, selector: str) -> None:
    """Press Tab until the element that `selector` names has the focus; fail if it never has."""
    for _ in range(MOST_TABS):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{selector} cannot be reached by Tab at {page.url}")


def test_the_keyboard_alone_signs_in_makes_a_token_and_signs_out(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    page = window.open("/profile/tokens/")
    focus_by_tab(page, "#id_username")
    page.keyboard.type(name)
    focus_by_tab(page, "#id_password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/profile/tokens/")
    focus_by_tab(page, "a[href='/profile/tokens/new/']")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="New Token").wait_for()
    focus_by_tab(page, "#id_label")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Copy your token now").wait_for()
    focus_by_tab(page, "dialog a.btn--primary")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/profile/tokens/")
    focus_by_tab(page, "details.menu summary")
    page.keyboard.press("Enter")
    focus_by_tab(page, "form[data-sign-out] button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/login/?why=signed-out")


@pytest.fixture
def plain(windows: Windows) -> Window:
    """A browser without JavaScript."""
    return windows(java_script_enabled=False)


def test_without_javascript_login_token_revoke_password_change_and_sign_out_work(server: House, plain: Window) -> None:
    name = server.person()
    plain.sign_in(name)
    token = plain.make_token("without script")
    assert with_token(server.url, token).status == 200
    plain.page.get_by_role("link", name="I have copied it").click()
    page = plain.page
    page.get_by_label("Select without script").check()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("heading", name="Revoke Tokens Confirmation").wait_for()
    page.get_by_role("button", name="Yes, revoke it").click()
    page.wait_for_url(f"{server.url}/profile/tokens/")
    assert with_token(server.url, token).status == 401
    plain.change_password(NEW_PASSWORD)
    page.wait_for_url(f"{server.url}/login/?why=password-changed")
    plain.fill_in_login(name, NEW_PASSWORD)
    page.wait_for_url(f"{server.url}/")
    plain.sign_out()
    page.wait_for_url(f"{server.url}/login/?why=signed-out")
