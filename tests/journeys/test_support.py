"""The console in real browsers: somebody who is locked out is helped, and two of support take a lost second factor off (S8, S6.11)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys import staff
from tests.journeys.browser import Window, Windows
from tests.journeys.house import PASSWORD, House, until
from tests.journeys.test_credential_change import lands_on_login, link_in
from tests.journeys.test_two_factor import enrol

pytestmark = pytest.mark.browser
REASON = "She called from the number on file"


def test_support_finds_somebody_who_is_locked_out_and_lets_them_try_again(server: House, windows: Windows) -> None:
    name = server.person()
    theirs, sam = windows(), windows()
    theirs.refusals = {401, 429}
    page = theirs.open("/login/")
    for _ in range(6):
        theirs.fill_in_login(name, "not the password at all")
        page.get_by_role("alert").first.wait_for()
    assert "Too many attempts" in page.get_by_role("main").inner_text()

    staff.sign_in(sam, "sam")
    staff.find(sam, f"{name}@exam", f"Person No {int(name.removeprefix('person'))}")
    staff.act(sam, "Unlock", "Unlock", REASON)
    sam.page.wait_for_url(f"{server.url}/admin/people/{name}/")
    theirs.sign_in(name)
    mail = server.mail(f"{name}@example.com", "unlocked")
    assert "Sam Support" in mail
    assert REASON in mail
    assert REASON in theirs.open("/security/history/").get_by_role("main").inner_text()


def test_two_of_support_take_it_off_after_the_wait_and_the_mails_say_who_and_why(server: House, windows: Windows) -> None:
    name = server.person()
    theirs, sam, root = windows(), windows(), windows()
    theirs.sign_in(name)
    enrol(theirs)
    address = f"{name}@example.com"

    staff.sign_in(sam, "sam")
    ask(sam, name)
    assert REASON in server.mail(address, "Support was asked to turn")
    # Whoever asked cannot agree.
    sam.open("/admin/resets/")
    assert sam.page.get_by_role("main").get_by_role("link", name="Agree").count() == 0
    staff.sign_in(root, "root", at=f"/admin/people/{name}/")
    staff.act(root, "Agree", "Agree", "Saw her passport in a call")
    root.page.wait_for_url(f"{server.url}/admin/people/{name}/")
    assert "Object before that moment" in server.mail(address, "Support will turn")
    assert server.count("twofactor_authenticator", name) == 1

    due = server.moment(datetime.now(UTC) - timedelta(seconds=1))
    server.database.execute(f"UPDATE twofactor_resetrequest SET due_at = '{due}' WHERE state = 'agreed'")  # noqa: S608
    until(lambda: server.count("twofactor_authenticator", name) == 0, what="the reset")
    told = server.mail(address, "Support turned your two-factor authentication off")
    assert all(words in told for words in ("Sam Support", REASON, "Saw her passport in a call"))
    theirs.sign_in(name)  # with the password alone


def test_a_person_objects_by_the_mailed_link_and_nothing_happens(server: House, windows: Windows) -> None:
    name = server.person()
    theirs, sam, elsewhere = windows(), windows(), windows()
    theirs.sign_in(name)
    enrol(theirs)
    staff.sign_in(sam, "sam")
    ask(sam, name)
    page = elsewhere.open(link_in(server.mail(f"{name}@example.com", "Support was asked to turn"), "/security/2fa/object/"))
    page.get_by_role("main").get_by_role("button").first.click()
    page.get_by_text("stays on").first.wait_for()
    assert "the person objected" in sam.open("/admin/resets/").get_by_role("main").inner_text()


def test_somebody_who_fears_the_worst_secures_the_account_and_reads_what_was_touched(server: House, windows: Windows) -> None:
    name = server.person()
    window, other = windows(), windows()
    window.sign_in(name)
    other.sign_in(name)
    window.make_token("nightly build")
    page = window.open("/security/compromised/")
    assert "nightly build" in page.get_by_role("main").inner_text()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password", exact=True).fill("quite another passphrase")
    page.get_by_label("New password again").fill("quite another passphrase")
    page.get_by_role("main").get_by_role("button", name="Secure").click()
    lands_on_login(window, "Your account is secured")
    lands_on_login(other, "secured")  # by itself: its page asks what runs, and hears that the session is over
    window.open("/security/report/")
    window.fill_in_login(name, "quite another passphrase")
    window.page.wait_for_url(f"{server.url}/security/2fa/enable/")


def ask(window: Window, name: str) -> None:
    """Ask for a reset, for somebody found by username."""
    window.open(f"/admin/people/{name}/")
    staff.act(window, "Ask for a reset", "Ask for the reset", REASON)
    window.page.wait_for_url(f"{window.url}/admin/people/{name}/")
