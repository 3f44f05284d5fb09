"""Organizations in real browsers: an invitation, a policy that ends an open session, two-factor authentication that is required (S7)."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.browser import Windows
from tests.journeys.house import NEW_PASSWORD, PASSWORD, House
from tests.journeys.phone import Phone
from tests.journeys.test_credential_change import lands_on_login, link_in

pytestmark = pytest.mark.browser


def make_org(server: House, handle: str, admin: str, *members: str) -> None:
    """Let there be an organization; how support makes one, another journey shows."""
    now = server.moment(datetime.now(UTC))
    server.database.execute(f"INSERT INTO orgs_organization (handle, name, created) VALUES ('{handle}', 'Org {handle}', '{now}')")  # noqa: S608
    for person, level in [(admin, "ADMIN"), *((member, "MEMBER") for member in members)]:
        server.database.execute(
            "INSERT INTO orgs_membership (org_id, user_id, level, created) "  # noqa: S608
            f"SELECT o.id, u.id, '{level}', '{now}' FROM orgs_organization o, accounts_user u "
            f"WHERE o.handle = '{handle}' AND u.username = '{person}'"
        )


def let_rest(server: House, name: str, minutes: int) -> None:
    """Let somebody's sessions have been without activity for so long."""
    then = server.moment(datetime.now(UTC) - timedelta(minutes=minutes))
    person = f"SELECT id FROM accounts_user WHERE username = '{name}'"  # noqa: S608
    server.database.execute(f"UPDATE accounts_session SET last_activity = '{then}' WHERE user_id = ({person})")  # noqa: S608


def test_an_admin_sets_five_minutes_and_a_members_open_session_ends_by_it(server: House, windows: Windows) -> None:
    admin_name, name = server.person(), server.person()
    make_org(server, "fiveminutes", admin_name, name)
    admin, member = windows(), windows()
    admin.sign_in(admin_name)
    member.sign_in(name, at="/profile/")
    let_rest(server, name, 6)  # of fifteen

    page = admin.open("/orgs/fiveminutes/")
    page.get_by_label("Sign out after inactivity").fill("5")
    page.get_by_text(f"1 ends at once ({name})").wait_for()
    assert "1 change: Sign out after inactivity: as elsewhere (15 minutes) → 5 minutes" in page.get_by_role("main").inner_text()
    page.get_by_role("button", name="Save policies").click()
    page.get_by_text("Saved. It holds from now on").wait_for()

    member.page.goto(f"{server.url}/profile/tokens/")
    lands_on_login(member, "5 minutes")
    member.fill_in_login(name)
    member.page.wait_for_url(f"{server.url}/profile/tokens/")
    assert member.page.locator("body").get_attribute("data-idle-limit") == "300"
    assert "5 minutes" in server.mail(f"{admin_name}@example.com", "olicies of your organization")


def test_where_it_is_required_a_member_is_led_through_the_set_up_and_cannot_turn_it_off(server: House, windows: Windows) -> None:
    admin_name, name = server.person(), server.person()
    make_org(server, "twofactors", admin_name, name)
    admin, member = windows(), windows()
    admin.sign_in(admin_name)
    member.sign_in(name)
    page = admin.open("/orgs/twofactors/")
    page.get_by_label("Required").check()
    page.get_by_label("Grace period").fill("0")
    page.get_by_text("2 changes: Two-factor authentication: optional").wait_for()
    page.get_by_role("button", name="Save policies").click()
    page.wait_for_url(f"{server.url}/security/2fa/enable/")  # the admin has it not, either

    page = member.open("/profile/tokens/")
    page.wait_for_url(f"{server.url}/security/2fa/enable/")
    assert "Org twofactors requires two-factor authentication" in page.get_by_role("main").inner_text()
    page.get_by_label("Aegis").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Scan this with your app").wait_for()
    phone = Phone.scan(page)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("6-digit code").fill(phone.fresh())
    page.get_by_role("button", name="Next").click()
    page.get_by_label("I have saved these codes").check()
    page.get_by_role("button", name="Finish & Log Out").click()
    lands_on_login(member, "Two-factor authentication is on")

    member.open("/profile/tokens/")
    member.fill_in_login(name)
    page.get_by_label("6-digit code or backup code").fill(phone.fresh())
    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url(f"{server.url}/profile/tokens/")
    member.open("/security/")
    assert page.get_by_role("link", name="Turn Off").count() == 0
    assert "Org twofactors requires it" in page.get_by_role("main").inner_text()


def test_somebody_new_chooses_name_and_password_behind_the_mailed_link_and_an_admin_removes_them(server: House, windows: Windows) -> None:
    admin_name = server.person()
    make_org(server, "newcomers", admin_name)
    admin, guest = windows(), windows()
    admin.sign_in(admin_name)
    page = admin.open("/orgs/newcomers/members/")
    admin.follow("Invite member")
    page.get_by_label("E-mail address or username").fill("nadia.new@example.com")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_text("nadia.new@example.com").first.wait_for()

    link = link_in(server.mail("nadia.new@example.com", "nvit"), "/invitations/")
    page = guest.open(link)
    page.get_by_label("Username").fill("nadia")
    page.get_by_label("First name").fill("Nadia")
    page.get_by_label("Last name").fill("New")
    page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("Password again").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Make account and accept").click()
    lands_on_login(guest, "Sign in")
    guest.fill_in_login("nadia", NEW_PASSWORD)
    page.wait_for_url(re.compile(re.escape(server.url) + "/(orgs/newcomers/)?$"))
    guest.open("/orgs/newcomers/")
    assert "Org newcomers" in page.get_by_role("main").inner_text()

    page = admin.open("/orgs/newcomers/members/nadia/remove/")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.wait_for_url(f"{server.url}/orgs/newcomers/members/")
    guest.refusals = {404}
    assert "There is no such page" in guest.open("/orgs/newcomers/").get_by_role("main").inner_text()
