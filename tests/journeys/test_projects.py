"""Projects and their members on their pages (S4.5, S7): every act shows at once, to both people."""

import pytest

from tests.journeys.browser import Window, Windows
from tests.journeys.house import House

pytestmark = [pytest.mark.browser, pytest.mark.once]


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_a_project_is_made_shared_changed_left_and_deleted(server: House, windows: Windows, script: bool) -> None:
    admin, member = windows(java_script_enabled=script), windows()
    me, other = server.person(), server.person()
    admin.sign_in(me)
    member.sign_in(other)
    project = admin.make_project("Plates of May")
    address = f"{server.url}/projects/{project}/"
    assert admin.page.url == address

    admin.page.get_by_role("link", name="Add member").click()
    admin.page.get_by_label("Username").fill(f"user-{other}")
    admin.page.get_by_role("button", name="Add", exact=True).click()
    admin.page.wait_for_url(address)
    assert "Added" in admin.page.get_by_role("status").inner_text()
    assert "VIEW" in admin.page.get_by_role("row", name=other).inner_text()
    assert "you were added" in server.mail(f"{other}@example.com", "You were added to a project").lower()

    page = member.open("/")
    page.get_by_role("link", name="Plates of May").click()
    page.wait_for_url(address)
    assert page.get_by_role("link", name="Add member").count() == 0
    assert page.get_by_role("link", name="Delete").count() == 0

    admin.page.get_by_role("row", name=other).get_by_role("link", name="Level").click()
    admin.page.get_by_label("Level", exact=True).select_option("UPLOAD")
    admin.page.get_by_role("button", name="Change").click()
    admin.page.wait_for_url(address)
    assert "UPLOAD" in admin.page.get_by_role("row", name=other).inner_text()
    page.reload()
    assert page.get_by_role("definition").first.inner_text() == "UPLOAD"

    page.get_by_role("link", name="Leave").click()
    page.get_by_role("button", name="Leave it").click()
    page.wait_for_url(f"{server.url}/")
    assert "You are no longer a member" in page.get_by_role("status").inner_text()
    assert page.get_by_text("No projects yet").is_visible()

    admin.page.get_by_role("link", name="Change", exact=True).click()
    admin.page.get_by_label("Name").fill("Plates of June")
    admin.page.get_by_role("button", name="Change").click()
    admin.page.get_by_role("heading", name="Plates of June").wait_for()
    assert admin.page.get_by_role("row", name=other).count() == 0
    admin.page.get_by_role("link", name="Delete").click()
    assert "Plates of June goes for good" in admin.page.get_by_role("dialog").inner_text()
    admin.page.get_by_role("button", name="Delete it").click()
    admin.page.wait_for_url(f"{server.url}/")
    assert "Deleted" in admin.page.get_by_role("status").inner_text()
    assert admin.page.get_by_text("No projects yet").is_visible()


def test_a_removed_member_finds_the_project_gone_at_the_next_click(server: House, windows: Windows) -> None:
    admin, member, other = windows(), windows(), server.person()
    member.refusals = {404}
    admin.sign_in(server.person())
    project = admin.make_project("Plates")
    invite(admin, other)
    member.sign_in(other, at=f"/projects/{project}/")
    admin.page.get_by_role("row", name=other).get_by_role("link", name="Remove").click()
    assert f"user-{other}" in admin.page.get_by_role("dialog").inner_text()
    admin.page.get_by_role("button", name="Remove").click()
    admin.page.get_by_text("They, and their tokens, lose the project").wait_for()
    member.page.get_by_role("link", name="Leave").click()
    member.page.get_by_text("what was there is gone or not yours").wait_for()


def test_the_last_administrator_cannot_leave_and_is_told_what_to_do(server: House, windows: Windows) -> None:
    window = windows()
    window.refusals = {409}
    window.sign_in(server.person())
    project = window.make_project("Mine alone")
    window.page.get_by_text("cannot leave before somebody else does").wait_for()
    assert not window.page.get_by_role("link", name="Leave").is_visible()
    window.open(f"/projects/{project}/leave/")
    window.page.get_by_role("button", name="Leave it").click()
    window.page.get_by_text("A project keeps at least one administrator").wait_for()
    window.page.get_by_role("link", name="Keep it as it is").click()
    assert window.page.get_by_role("heading", name="Mine alone").is_visible()


def test_a_username_that_nobody_has_is_told_beside_its_field(server: House, windows: Windows) -> None:
    window = windows()
    window.refusals = {404}
    window.sign_in(server.person())
    window.make_project("Plates")
    invite(window, "nobody-at-all")
    window.page.get_by_text("There is nobody with this username").wait_for()
    assert window.page.get_by_label("Username").input_value() == "nobody-at-all"


def invite(window: Window, name: str) -> None:
    window.page.get_by_role("link", name="Add member").click()
    window.page.get_by_label("Username").fill(name)
    window.page.get_by_role("button", name="Add", exact=True).click()
