"""The main job on real input: one change of a credential, and every browser and every dx login is out (S3)."""

import pytest

from tests.journeys.browser import Window, Windows
from tests.journeys.dx import DxClient
from tests.journeys.house import NEW_PASSWORD, PASSWORD, House
from tests.journeys.visitor import with_token

pytestmark = [pytest.mark.browser, pytest.mark.dx]


def lands_on_login(window: Window, said: str) -> None:
    window.page.wait_for_url(f"{window.url}/login/**")
    assert said in window.page.get_by_role("status").inner_text()


def test_a_password_change_ends_both_browsers_and_the_dx_login_and_an_api_token_lives(
    server: House, windows: Windows, dx: DxClient
) -> None:
    name = server.person()
    first, second = windows(permissions=["clipboard-read", "clipboard-write"]), windows()
    first.sign_in(name)
    second.sign_in(name)
    token = first.make_token("nightly build")
    first.page.get_by_role("button", name="Copy the token").click()
    first.page.get_by_text("Copied", exact=True).first.wait_for()
    assert first.page.evaluate("navigator.clipboard.readText()") == token
    assert dx.login(name, PASSWORD)[0] == 0
    assert dx.whoami() == name
    assert with_token(server.url, token).json["username"] == name
    second.open("/profile/")

    first.change_password(NEW_PASSWORD)

    lands_on_login(first, "Your password was changed")
    second.page.get_by_role("link", name="API Tokens").click()
    lands_on_login(second, "Your password was changed")
    complaint = dx.whoami()
    assert complaint.startswith("exit 3")
    assert "code 401" in complaint
    assert "log in again" in complaint
    assert with_token(server.url, token).status == 200
    assert server.count("accounts_session", name) == 0
    second.fill_in_login(name, NEW_PASSWORD)
    second.page.wait_for_url(f"{server.url}/profile/tokens/")
    notice = server.mail(f"{name}@example.com", "password was changed")
    assert "UTC" in notice
    assert "Reset the password at once" in notice


def test_with_revoke_active_tokens_the_form_names_the_token_and_it_dies_with_the_change(
    server: House, windows: Windows, dx: DxClient
) -> None:
    first, second, name = windows(), windows(), server.person()
    first.sign_in(name)
    second.sign_in(name, at="/profile/")
    token = first.make_token("nightly build")
    assert dx.login(name, PASSWORD)[0] == 0
    form = first.open("/security/password/").locator("form", has=first.page.get_by_label("Current password"))
    assert "Stops 2 tokens: dx login from 127.0.0.1, nightly build" in form.inner_text()

    first.change_password(NEW_PASSWORD, revoke=True)

    lands_on_login(first, "Your password was changed")
    second.page.reload()
    lands_on_login(second, "Your password was changed")
    refused = with_token(server.url, token)
    assert (refused.status, refused.json["code"]) == (401, "token_revoked")
    assert dx.whoami().startswith("exit 3")
    first.fill_in_login(name, NEW_PASSWORD)
    first.page.wait_for_url(f"{server.url}/")
    history = first.open("/security/history/").locator("main").inner_text()
    assert "nightly build" in history


def test_a_wrong_current_password_changes_nothing_and_says_so(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.refusals = {403}
    window.sign_in(name)
    page = window.change_password(NEW_PASSWORD, old="not my password at all")
    page.get_by_text("This is not your current password").wait_for()
    window.open("/security/")
    assert window.page.url == f"{server.url}/security/"


def test_a_reset_link_works_once_and_signs_out_everywhere(server: House, windows: Windows) -> None:
    name = server.person()
    elsewhere, window = windows(), windows()
    window.refusals = {410}
    elsewhere.sign_in(name, at="/profile/")
    window.open("/login/")
    window.page.get_by_role("link", name="Forgot it?").click()
    window.page.get_by_label("E-mail address of your account").fill(f"{name}@example.com")
    window.page.get_by_role("button", name="Send the link").click()
    window.page.get_by_text("If an account has this address, a mail is on its way").wait_for()
    link = link_in(server.mail(f"{name}@example.com", "Reset your Gatehouse password"), "/password/reset/")
    page = window.open(link)
    assert link not in page.url  # the key has left the address bar
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    lands_on_login(window, "Your password was reset")
    elsewhere.page.reload()
    lands_on_login(elsewhere, "Your password was reset")
    window.fill_in_login(name, NEW_PASSWORD)
    window.page.wait_for_url(f"{server.url}/")
    other = windows()
    other.refusals = {410}
    other.open(link)
    other.page.get_by_role("heading", name="This link is no longer valid").wait_for()


def test_a_new_address_counts_once_its_page_is_confirmed_and_the_old_one_is_told_before(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    asked_change(window, name, f"{name}@new.example.com")
    assert f"{name}@new.example.com is to replace" in server.mail(f"{name}@example.com", "Somebody asked to change")
    link = link_in(server.mail(f"{name}@new.example.com", "Confirm your new address"), "/email/confirm/")
    page = window.open(link)
    assert server.rows(f"SELECT email FROM accounts_user WHERE username = '{name}'") == [(f"{name}@example.com",)]  # noqa: S608
    page.get_by_role("button", name="Confirm this address").click()
    lands_on_login(window, "Your e-mail address was changed")
    window.fill_in_login(name)
    window.page.wait_for_url(f"{server.url}/")
    assert f"{name}@new.example.com" in window.open("/profile/").locator("main").inner_text()
    for address in (f"{name}@example.com", f"{name}@new.example.com"):
        assert server.mail(address, "Your Gatehouse address was changed")


def test_the_old_address_cancels_a_change_without_a_login(server: House, windows: Windows) -> None:
    window, stranger, name = windows(), windows(), server.person()
    stranger.refusals = {410}
    asked_change(window, name, f"{name}@new.example.com")
    cancel = link_in(server.mail(f"{name}@example.com", "Somebody asked to change"), "/email/cancel/")
    confirm = link_in(server.mail(f"{name}@new.example.com", "Confirm your new address"), "/email/confirm/")
    stranger.open(cancel).get_by_role("button", name="Cancel the change").click()
    stranger.page.get_by_role("heading", name="The change is cancelled").wait_for()
    stranger.open(confirm).get_by_role("heading", name="This link is no longer valid").wait_for()
    window.page.reload()
    assert window.page.get_by_text("Waiting for confirmation").count() == 0
    assert window.page.url == f"{server.url}/security/"


def asked_change(window: Window, name: str, address: str) -> None:
    window.sign_in(name, at="/security/email/")
    window.page.get_by_label("New e-mail address").fill(address)
    window.page.get_by_label("Current password").fill(PASSWORD)
    window.page.get_by_role("button", name="Send the link").click()
    window.page.get_by_text("Waiting for confirmation").wait_for()


def link_in(text: str, path: str) -> str:
    return next(word[word.index(path) :] for word in text.split() if path in word)
