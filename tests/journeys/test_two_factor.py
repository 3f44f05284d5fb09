"""Two-factor authentication in a real browser with a camera, and with the real dx at a terminal (S6)."""

import re

import pytest

from tests.journeys.browser import Window, Windows
from tests.journeys.dx import DxClient, finish
from tests.journeys.house import PASSWORD, House
from tests.journeys.phone import Phone
from tests.journeys.test_credential_change import lands_on_login
from tests.journeys.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.dx, pytest.mark.once]


def begin(window: Window) -> Phone:
    """Go from Account Security to the code, and scan the picture on the way."""
    page = window.open("/security/")
    window.follow("Enable 2FA")
    page.get_by_label("Aegis").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Scan this with your app").wait_for()
    phone = Phone.scan(page)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("6-digit code").fill(phone.fresh())
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Save your backup codes").wait_for()
    return phone


def codes_on(window: Window) -> list[str]:
    return window.page.get_by_role("list", name="Backup codes").get_by_role("listitem").all_inner_texts()


def enrol(window: Window) -> tuple[Phone, list[str]]:
    """Set it up to the end; return phone and backup codes."""
    phone = begin(window)
    codes = codes_on(window)
    window.page.get_by_label("I have saved these codes").check()
    window.page.get_by_role("button", name="Finish & Log Out").click()
    lands_on_login(window, "Two-factor authentication is on")
    return phone, codes


def sign_in(window: Window, name: str, code: str) -> None:
    window.open("/login/")
    window.fill_in_login(name)
    window.page.wait_for_url(f"{window.url}/login/verify/")
    window.page.get_by_label("6-digit code or backup code").fill(code)
    window.page.get_by_role("button", name="Sign In").click()


def test_a_life_with_two_factors(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.refusals = {401}
    window.sign_in(name)
    assert "protected by a password only" in window.open("/security/").locator("main").inner_text()
    phone, codes = enrol(window)
    assert (phone.issuer, phone.account, len(codes)) == ("Gatehouse", name, 10)
    server.mail(f"{name}@example.com", "Two-factor authentication is on")

    sign_in(window, name, phone.again())  # the set-up has used it
    window.page.get_by_text("This code is wrong").wait_for()
    window.page.get_by_label("6-digit code or backup code").fill(phone.fresh())
    window.page.get_by_role("button", name="Sign In").click()
    window.page.wait_for_url(f"{window.url}/")
    window.sign_out()
    sign_in(window, name, phone.again())
    window.page.get_by_text("This code is wrong").wait_for()
    window.page.get_by_label("6-digit code or backup code").fill(codes[0].upper())
    window.page.get_by_role("button", name="Sign In").click()
    window.page.wait_for_url(f"{window.url}/")
    assert "9 of 10 backup codes left" in window.open("/security/").locator("main").inner_text()
    server.mail(f"{name}@example.com", "A backup code of your Gatehouse account was used")

    for code in codes[1:7]:
        visitor = Visitor(server.url)
        visitor.form("/login/", {"username": name, "password": PASSWORD})
        assert visitor.form("/login/verify/", {"otp": code}).status == 302
    assert "You have 3 backup codes left" in window.open("/security/").locator("main").inner_text()

    window.follow("Turn Off")
    dialog = window.page.get_by_role("dialog", name="Turn off two-factor authentication")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_label("6-digit code or backup code").fill(codes[7])
    dialog.get_by_role("button", name="Turn Off").click()
    lands_on_login(window, "Two-factor authentication is off")
    window.sign_in(name)
    again, others = enrol(window)
    assert again.secret != phone.secret
    assert not set(codes) & set(others)


def test_the_codes_print_on_one_sheet_and_come_as_a_file_once(server: House, windows: Windows) -> None:
    window, name = windows(accept_downloads=True), server.person()
    window.sign_in(name)
    begin(window)
    page, codes = window.page, codes_on(window)
    page.evaluate("window.print = () => document.body.dataset.printed = 'yes'")
    page.get_by_role("button", name="Print").click()
    assert page.locator("body").get_attribute("data-printed") == "yes"
    page.emulate_media(media="print")
    sheet = page.locator("body").inner_text()
    assert "Gatehouse backup codes" in sheet
    assert f"user-{name}" in sheet
    assert "Finish" not in sheet
    assert all(code in sheet for code in codes)
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf())) == 1
    page.emulate_media(media="screen")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    assert downloading.value.suggested_filename == "gatehouse-backup-codes.txt"
    text = downloading.value.path().read_text()
    assert all(code in text for code in codes)
    page.reload()
    assert codes_on(window) == codes
    assert not page.get_by_role("button", name="Download").is_visible()
    page.get_by_role("button", name="Leave without turning it on").click()
    page.get_by_text("Two-factor authentication is off, as it was").wait_for()


def test_without_javascript_it_is_set_up_as_well(server: House, windows: Windows) -> None:
    window, name = windows(java_script_enabled=False), server.person()
    window.sign_in(name)
    phone = begin(window)
    assert "use your browser’s Print" in window.page.locator("main").inner_text()
    window.page.get_by_label("I have saved these codes").check()
    window.page.get_by_role("button", name="Finish & Log Out").click()
    lands_on_login(window, "Two-factor authentication is on")
    sign_in(window, name, phone.fresh())
    window.page.wait_for_url(f"{window.url}/")


def test_new_backup_codes_are_shown_until_they_are_saved(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    phone, old = enrol(window)
    sign_in(window, name, old[0])
    window.page.wait_for_url(f"{window.url}/")
    page = window.open("/security/2fa/backup-codes/")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("6-digit code or backup code").fill(phone.fresh())
    page.get_by_role("button", name="Make new codes").click()
    page.get_by_role("heading", name="Save your backup codes").wait_for()
    new = codes_on(window)
    page.reload()
    assert codes_on(window) == new
    page.get_by_role("button", name="I have saved them").click()
    page.get_by_text("only the new backup codes work").wait_for()
    assert "10 of 10 backup codes left" in page.locator("main").inner_text()


def test_dx_login_asks_for_the_code_and_takes_a_backup_code_too(server: House, windows: Windows, dx: DxClient) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    phone, codes = enrol(window)

    client = dx.typed_login(name, "--noprojects")
    client.expect("Verification code: ")
    client.sendline(phone.fresh())
    assert finish(client)[0] == 0
    assert dx.whoami() == name
    assert "Deleted token" in dx.ok("logout")

    client = dx.terminal("login", "--noprojects")
    client.expect("Username.*: ")
    client.sendline(name)
    client.expect("Password: ")
    client.sendline(PASSWORD)
    for _ in range(3):
        client.expect("Verification code: ")
        client.sendline(phone.wrong())
    status, shown = finish(client)
    assert status == 3
    assert "Incorrect" in shown
    assert "code 401" in dx.whoami()

    client = dx.terminal("login", "--noprojects")
    client.expect("Username.*: ")
    client.sendline(name)
    client.expect("Password: ")
    client.sendline(PASSWORD)
    client.expect("Verification code: ")
    client.sendline(codes[3])
    assert finish(client)[0] == 0
    assert dx.whoami() == name
