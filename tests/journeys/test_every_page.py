"""Every page: axe-core finds nothing, light and dark; at 375 px nothing scrolls sideways; no console complains (I3, WEB-01)."""

import pytest
from playwright.sync_api import Page

from tests.journeys import staff
from tests.journeys.browser import NARROW, WIDE, Window, Windows, axe_violations
from tests.journeys.house import PASSWORD, House
from tests.journeys.phone import Phone
from tests.journeys.test_credential_change import asked_change, link_in
from tests.journeys.test_orgs import make_org
from tests.journeys.visitor import add_member, dx_call, dx_login, make_projects, with_token
from tokens.limits import PROJECTS_OFFERED

pytestmark = [pytest.mark.browser, pytest.mark.once]

OPEN = ("/login/", "/login/?why=idle&after=900", "/password/reset/", "/help/", "/email/confirm/none/", "/invitations/none/", "/nowhere/")
PRIVATE = (
    "/", "/profile/", "/security/", "/security/password/", "/security/email/", "/security/sessions/", "/security/history/",
    "/profile/tokens/", "/profile/tokens/?ended=1", "/profile/tokens/?q=nothing", "/profile/tokens/new/", "/help/", "/nowhere/", "/orgs/",
    "/security/compromised/", "/security/report/", "/security/history/?event=token.",
)  # fmt: skip
PAGES_OF_A_PROJECT = ("", "?folder=/a/b", "change/", "delete/", "invite/", "leave/")
LONG_WORD = "a-name-as-long-as-one-word-can-be-without-any-place-to-break-it-xxxxx"
WIDER_THAN_THE_WINDOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


class Inspector:
    """Looks at one page after the other and remembers what is wrong."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def look(self, page: Page) -> None:
        wide = ["scrolls sideways"] if page.evaluate(WIDER_THAN_THE_WINDOW) else []
        self.found += [f"{page.url}: {what}" for what in axe_violations(page) + wide]


LOOKS = {"light and wide": {"color_scheme": "light", "viewport": WIDE}, "dark and narrow": {"color_scheme": "dark", "viewport": NARROW}}


@pytest.mark.parametrize("look", LOOKS)
def test_web_01_no_page_violates_axe_or_scrolls_sideways(server: House, windows: Windows, look: str) -> None:
    window, inspector, person = windows(**LOOKS[look], reduced_motion="reduce"), Inspector(), server.person()
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


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_of_an_organization_or_of_the_console_does(server: House, windows: Windows, look: str) -> None:
    admin, sam, inspector = windows(**LOOKS[look], reduced_motion="reduce"), windows(**LOOKS[look], reduced_motion="reduce"), Inspector()
    admin_name, name, handle = server.person(), server.person(), f"look{len(look)}"
    make_org(server, handle, admin_name, name)
    admin.sign_in(admin_name)
    for path in ("", "members/", "members/invite/", f"members/{name}/", f"members/{name}/remove/", "leave/", "log/"):
        inspector.look(admin.open(f"/orgs/{handle}/{path}"))
    staff.sign_in(sam, "sam")
    person = f"/admin/people/{name}/"
    acts = [f"{person}{act}/" for act in ("end-sessions", "revoke-tokens", "send-reset", "unlock", "deactivate")]
    lists = [
        f"/admin/{path}"
        for path in ("", "people/", "tokens/", "orgs/", "orgs/new/", f"orgs/{handle}/", "resets/", "mails/", "log/", "server/")
    ]
    for path in (*lists, person, *acts, "/admin/people/root/", "/admin/people/nobody/"):
        sam.refusals = {403, 404}
        inspector.look(sam.open(path))
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
    window.follow("Keep it")
    inspector.look(window.follow("deploy"))
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


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_of_projects_and_of_the_tokens_for_them_does(server: House, windows: Windows, look: str) -> None:
    window, inspector, name = windows(**LOOKS[look], reduced_motion="reduce"), Inspector(), server.person()
    window.refusals = {403, 404}
    window.sign_in(name)
    inspector.look(window.page)
    other = server.person()
    project = _furnish(server, name, other)
    for path in ("/", "/?page=2", "/?q=nothing", "/projects/new/", *(f"/projects/{project}/{page}" for page in PAGES_OF_A_PROJECT)):
        inspector.look(window.open(path))
    for link in ("Level of", "Remove"):
        window.open(f"/projects/{project}/")
        inspector.look(window.follow(f"{link} Person No {int(other.removeprefix('person'))}"))
    window.open(f"/projects/{project}/invite/").get_by_label("Username").fill("nobody-at-all")
    window.page.get_by_role("button", name="Add", exact=True).click()
    window.page.get_by_text("There is nobody with this username").wait_for()
    inspector.look(window.page)
    inspector.look(window.open("/?q=not mine to change"))
    inspector.look(window.follow("not mine to change"))
    inspector.look(window.open(f"{window.page.url.removeprefix(server.url)}change/"))
    _tokens_of_projects(server, window, inspector, name)
    assert not inspector.found, "\n".join(inspector.found)


def _furnish(server: House, name: str, other: str) -> str:
    """Give a person so many projects that not all are offered, one with folders and a member, one of PHI, one of another's."""
    mine, theirs = dx_login(server.url, name), dx_login(server.url, other)
    (project,) = make_projects(server.url, mine, LONG_WORD)
    make_projects(server.url, mine, *(f"Sample {number}" for number in range(PROJECTS_OFFERED)))
    make_projects(server.url, mine, "Patients", phi=True)
    assert dx_call(server.url, f"{project}/newFolder", {"folder": f"/a/b/{LONG_WORD}", "parents": True}, mine).status == 200
    add_member(server.url, mine, project, other, "CONTRIBUTE")
    (shared,) = make_projects(server.url, theirs, "not mine to change")
    add_member(server.url, theirs, shared, name, "VIEW")
    return project


def _tokens_of_projects(server: House, window: Window, inspector: Inspector, name: str) -> None:
    server.age_passwords(name)
    page = window.open("/profile/tokens/new/")
    page.get_by_label("Label").fill("of some")
    page.get_by_label("Chosen projects").check()
    page.get_by_label("Find a project by name").fill("n")
    with page.expect_navigation():
        page.get_by_role("button", name="Find").click()
    for chosen in ("Patients", LONG_WORD):
        page.get_by_role("checkbox", name=chosen).check()
    inspector.look(page)
    page.get_by_role("button", name="Generate Token").click()
    page.get_by_text("Enter your current password for this").wait_for()
    inspector.look(page)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Generate Token").click()
    dead = page.locator("#tok").inner_text()
    inspector.look(page)
    window.open("/profile/tokens/")
    inspector.look(window.follow("of some"))
    for link in ("Rename", "Rotate"):
        inspector.look(window.follow(link))
        window.follow("Cancel")
    window.rotate_token("of some")
    inspector.look(page)
    window.open("/profile/tokens/").get_by_label("Select of some (replaced)").check()
    inspector.look(page)
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Yes, revoke it").click()
    page.get_by_text("Revoked.").wait_for()
    assert with_token(server.url, dead).status == 401
    inspector.look(window.open("/profile/tokens/"))
    inspector.look(window.open("/profile/tokens/?ended=1"))
    inspector.look(window.follow("Where was it used?"))


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_of_two_factor_authentication_does(server: House, windows: Windows, look: str) -> None:
    window, inspector, name = windows(**LOOKS[look], reduced_motion="reduce"), Inspector(), server.person()
    window.refusals = {401, 403, 422}
    window.sign_in(name)
    page = window.open("/security/2fa/enable/")
    inspector.look(page)
    page.get_by_label("Aegis").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Current password").fill("not the password")
    page.get_by_role("button", name="Next").click()
    page.get_by_text("This is not your current password").wait_for()
    inspector.look(page)
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Scan this with your app").wait_for()
    inspector.look(page)
    phone = Phone.scan(page)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("6-digit code").fill("12345")
    page.get_by_role("button", name="Next").click()
    page.get_by_text("This code is wrong").wait_for()
    inspector.look(page)
    page.get_by_label("6-digit code").fill(phone.fresh())
    page.get_by_role("button", name="Next").click()
    page.get_by_role("heading", name="Save your backup codes").wait_for()
    inspector.look(page)
    codes = page.get_by_role("list", name="Backup codes").get_by_role("listitem").all_inner_texts()
    page.get_by_label("I have saved these codes").check()
    page.get_by_role("button", name="Finish & Log Out").click()
    page.wait_for_url(f"{server.url}/login/**")
    inspector.look(page)
    _with_codes(window, inspector, name, codes)
    assert not inspector.found, "\n".join(inspector.found)


def _with_codes(window: Window, inspector: Inspector, name: str, codes: list[str]) -> None:
    page = window.page
    window.fill_in_login(name)
    page.wait_for_url(f"{window.url}/login/verify/")
    page.get_by_label("6-digit code or backup code").fill("wrong")
    page.get_by_role("button", name="Sign In").click()
    page.get_by_text("This code is wrong").wait_for()
    inspector.look(page)
    page.get_by_label("6-digit code or backup code").fill(codes[0])
    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url(f"{window.url}/")
    for path in ("/security/", "/security/password/", "/security/email/", "/security/2fa/disable/", "/security/2fa/backup-codes/"):
        inspector.look(window.open(path))
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("6-digit code or backup code").fill(codes[1])
    page.get_by_role("button", name="Make new codes").click()
    page.get_by_role("heading", name="Save your backup codes").wait_for()
    inspector.look(page)


def test_the_idle_dialog_violates_nothing_either(hasty_server: House, hasty_windows: Windows) -> None:
    window, inspector = hasty_windows(viewport=NARROW, reduced_motion="reduce"), Inspector()
    window.sign_in(hasty_server.person(), at="/profile/")
    window.page.locator("dialog#idle[open]").wait_for()
    inspector.look(window.page)
    assert not inspector.found, "\n".join(inspector.found)
