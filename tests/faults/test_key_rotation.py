"""New keys while people work: two servers on one database, restarted one after the other; a command killed half-way; a lost key (F18)."""

import base64
from collections.abc import Callable

import pytest

from config.demo import TOTP_SECRET
from tests.faults.test_kills import link_in
from tests.journeys.house import NEW_PASSWORD, PASSWORD, House
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, with_token
from twofactor import totp

pytestmark = pytest.mark.faults

NAMES = ("SECRET_KEY", "DEVICE_COOKIE_KEY", "TOTP_KEY", "BACKUP_CODE_KEY")
OLD = {name: f"the-old-{name}-0123456789-0123456789-0123456789-0123456789" for name in NAMES}
NEW = {name: f"the-new-{name}-9876543210-9876543210-9876543210-9876543210" for name in OLD}
KNOWN_FIRST = {f"{name}_FALLBACKS": key for name, key in NEW.items()}
SWAPPED = {**NEW, **{f"{name}_FALLBACKS": key for name, key in OLD.items()}}
DROPPED = {**NEW, **{f"{name}_FALLBACKS": "" for name in OLD}}
# What the demo encrypted with its own keys, before the first server came.
FROM_DEMO = {"TOTP_KEY_FALLBACKS": "gatehouse-demo-totp-key-for-development-only-0123456789"}
CODES = ["k7fm-2qxr-9tbd", "m7fm-2qxr-9tbd"]
GIVE_CODES = f"""
from accounts.models import User
from twofactor.models import BackupCode
BackupCode.objects.replace(User.objects.get(username="cleo"), {CODES!r})
"""
# As many authenticators as make several batches.
GIVE_APPS = """
from accounts.models import User
from twofactor import vault
from twofactor.models import Authenticator
for person in User.objects.filter(username__startswith="person"):
    Authenticator.objects.create(user=person, name="app", secret=vault.seal(b"x" * 20, user_id=person.pk))
"""


def code() -> str:
    return totp.code_at(base64.b32decode(TOTP_SECRET), totp.step_now())


@pytest.fixture
def old_keys(houses: Callable[..., House]) -> House:
    """A server with the old keys, to which all that the demo made is encrypted."""
    house = houses(**OLD)
    assert house.manage("rotate_totp_key", **FROM_DEMO).returncode == 0
    assert house.manage("shell", "-c", GIVE_CODES).returncode == 0
    return house


def at(house: House, visitor: Visitor) -> Visitor:
    """The same browser, led to another server by the load balancer."""
    visitor.url = house.url
    return visitor


def half_signed_in(house: House, name: str = "cleo") -> Visitor:
    visitor = Visitor(house.url)
    assert visitor.form("/login/", {"username": name, "password": PASSWORD}).location.startswith("/login/verify/")
    return visitor


def give(visitor: Visitor, answer: str) -> Answer:
    return visitor.form("/login/verify/", {"otp": answer})


def test_f18_with_fallbacks_nobody_is_logged_out_whichever_server_they_meet(old_keys: House, houses: Callable[..., House]) -> None:
    one, two = old_keys, houses(**OLD)
    early, token = Visitor(one.url).sign_in("amy"), dx_login(one.url, "amy")
    waiting = half_signed_in(one)
    Visitor(one.url).form("/password/reset/", {"email": "ben@example.com"})
    link = link_in(one.mail("ben@example.com", "Reset your"), "/password/reset/")
    browsers = [early]
    for settings in (KNOWN_FIRST, SWAPPED):
        for restarted in (one, two):
            restarted.restart(**settings)
            browsers.append(Visitor(restarted.url).sign_in("amy"))
            for house in (one, two):
                assert [at(house, browser).signed_in for browser in browsers] == [True] * len(browsers)
                assert with_token(house.url, token).status == 200
    assert give(at(two, waiting), CODES[0]).status == 302
    assert waiting.signed_in
    assert give(half_signed_in(two), code()).status == 302
    reset = Visitor(two.url)
    page = reset.get(link).location
    assert reset.form(page, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}).status == 302
    assert Visitor(one.url).sign_in("ben", NEW_PASSWORD).signed_in
    # A browser that is known stays known: no mail about a new device, after all these restarts.
    at(two, early).form("/logout/", at="/profile/")
    before = len(two.rows("SELECT id FROM accounts_outboxmail WHERE subject LIKE 'New sign-in%'"))
    early.sign_in("amy")
    assert len(two.rows("SELECT id FROM accounts_outboxmail WHERE subject LIKE 'New sign-in%'")) == before
    assert "Traceback" not in one.log + two.log


def test_f18_secret_key_without_a_fallback_ends_sessions_and_no_token(old_keys: House) -> None:
    house = old_keys
    browser, token, pending = Visitor(house.url).sign_in("amy"), dx_login(house.url, "amy"), half_signed_in(house)
    Visitor(house.url).form("/password/reset/", {"email": "ben@example.com"})
    link = link_in(house.mail("ben@example.com", "Reset your"), "/password/reset/")
    house.restart(SECRET_KEY=NEW["SECRET_KEY"])
    answer = browser.get("/profile/")
    assert (answer.status, answer.location.startswith("/login/")) == (302, True)
    assert give(pending, CODES[0]).status in (302, 403)
    assert not pending.signed_in
    assert with_token(house.url, token).status == 200
    assert dx_call(house.url, "system/whoami", {}, token).status == 200
    assert browser.sign_in("amy").signed_in
    reset = Visitor(house.url)
    assert reset.form(reset.get(link).location, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}).status == 302
    assert "Traceback" not in house.log


def test_f18_the_command_killed_half_way_goes_on_and_says_what_is_left(old_keys: House) -> None:
    house = old_keys
    assert house.manage("shell", "-c", GIVE_APPS).returncode == 0
    house.restart(**SWAPPED)
    killed = house.manage("rotate_totp_key", FAILPOINTS="rotation.batch=kill")
    assert killed.returncode < 0
    # With a part of the rows on either key, a code works.
    assert give(half_signed_in(house), code()).status == 302
    done = house.manage("rotate_totp_key")
    assert done.returncode == 0, done.stderr
    assert "203 encrypted again, 100 were already" in done.stdout
    assert "Nothing needs TOTP_KEY_FALLBACKS any more" in done.stdout
    assert "2 unused backup codes still need BACKUP_CODE_KEY_FALLBACKS" in done.stdout
    house.restart(**{**DROPPED, "BACKUP_CODE_KEY_FALLBACKS": OLD["BACKUP_CODE_KEY"]})
    assert give(half_signed_in(house), CODES[0]).status == 302
    assert house.manage("rotate_totp_key").stdout.startswith("0 encrypted again, 303 were already")
    assert house.manage("verify_state").returncode == 0


def test_f18_the_command_refuses_while_a_half_made_set_up_needs_the_old_key(old_keys: House) -> None:
    house = old_keys
    visitor = Visitor(house.url).sign_in("amy")
    visitor.form("/security/2fa/enable/", {"step": "app", "app": "Aegis"}, at="/security/")
    visitor.form("/security/2fa/enable/", {"step": "password", "current_password": PASSWORD}, at="/security/")
    assert house.rows("SELECT count(*) FROM twofactor_enrolment WHERE secret IS NOT NULL") == [(1,)]
    house.restart(**SWAPPED)
    refused = house.manage("rotate_totp_key")
    assert refused.returncode == 1
    assert "1 half-made set-ups or shown codes still need TOTP_KEY_FALLBACKS" in refused.stderr
    assert "Nothing needs" not in refused.stdout
    house.restart(**{**SWAPPED, "TOTP_KEY_FALLBACKS": ""})
    assert visitor.get("/security/2fa/enable/?step=scan").status in (200, 302)
    house.database.execute("DELETE FROM twofactor_enrolment")
    assert house.manage("rotate_totp_key", TOTP_KEY_FALLBACKS=OLD["TOTP_KEY"]).returncode == 0


def test_f18_a_lost_totp_key_lets_nobody_in_with_the_password_alone_and_backup_codes_work(old_keys: House) -> None:
    house = old_keys
    house.restart(TOTP_KEY=NEW["TOTP_KEY"])
    visitor = half_signed_in(house)
    refused = give(visitor, code())
    assert refused.status == 401
    assert "contact support" in refused.text
    assert visitor.get("/profile/").status == 302
    by_dx = dx_call(house.url, "system/newAuthToken", {"username": "cleo", "password": PASSWORD})
    assert (by_dx.status, by_dx.json["error"]["type"]) == (401, "OTPRequiredError")
    assert dx_call(house.url, "system/newAuthToken", {"username": "cleo", "password": PASSWORD, "otp": code()}).status == 401
    assert house.count("accounts_session", "cleo") + house.count("tokens_token", "cleo") == 0
    assert give(visitor, CODES[0]).status == 302
    assert visitor.signed_in
    assert dx_call(house.url, "system/newAuthToken", {"username": "cleo", "password": PASSWORD, "otp": CODES[1]}).status == 200
    lost = house.manage("rotate_totp_key")
    assert lost.returncode == 1
    assert "3 can be read by no key" in lost.stderr
    assert "3 keys of authenticator apps are opened by no key" in house.manage("verify_state").stdout
    assert "Traceback" not in house.log
    # The key is found again: nothing was lost.
    house.restart(TOTP_KEY_FALLBACKS=OLD["TOTP_KEY"])
    assert give(half_signed_in(house), code()).status == 302


def test_f18_a_lost_backup_code_key_refuses_codes_and_lets_the_app_in(old_keys: House) -> None:
    house = old_keys
    house.restart(BACKUP_CODE_KEY=NEW["BACKUP_CODE_KEY"])
    visitor = half_signed_in(house)
    assert give(visitor, CODES[0]).status == 401
    assert not visitor.signed_in
    assert give(visitor, code()).status == 302
    assert "2 unused backup codes can be checked by no key that settings name" in house.manage("rotate_totp_key").stdout
    assert "2 unused backup codes were hashed with a key" in house.manage("verify_state").stdout
    assert "Traceback" not in house.log


def test_f18_a_device_cookie_key_without_a_fallback_makes_browsers_new_once(old_keys: House) -> None:
    house = old_keys
    browser = Visitor(house.url).sign_in("amy")
    browser.form("/logout/", at="/profile/")
    house.restart(DEVICE_COOKIE_KEY=NEW["DEVICE_COOKIE_KEY"])
    noted = "SELECT count(*) FROM accounts_outboxmail WHERE subject LIKE 'New sign-in%'"
    before = house.rows(noted)[0][0]
    for _ in range(2):
        browser.sign_in("amy")
        assert browser.signed_in
        browser.form("/logout/", at="/profile/")
    assert house.rows(noted) == [(before + 1,)]
