"""The dialog New Token: which projects, which levels, what it warns of, and what it asks for (S4.1 to S4.3)."""

import pytest
from playwright.sync_api import Page

from tests.journeys.browser import Window, Windows
from tests.journeys.house import PASSWORD, House
from tests.journeys.visitor import add_member, dx_login, make_projects, with_token

pytestmark = [pytest.mark.browser, pytest.mark.once]

FORM = "/profile/tokens/new/"
MORE_THAN_OFFERED = 55


def test_chosen_projects_each_have_a_level_no_higher_than_ones_own_and_only_phi_brings_the_warning(server: House, windows: Windows) -> None:
    window, name, other = windows(), server.person(), server.person()
    mine, theirs = dx_login(server.url, name), dx_login(server.url, other)
    (plain,) = make_projects(server.url, mine, "Plain")
    make_projects(server.url, mine, "Patients", phi=True)
    (shared,) = make_projects(server.url, theirs, "Shared")
    add_member(server.url, theirs, shared, name, "UPLOAD")
    window.sign_in(name, at=FORM)
    page, warning = window.page, window.page.get_by_text("This token can read PHI")
    assert warning.is_visible()  # all projects, Patients among them
    page.get_by_label("Chosen projects").check()
    assert not warning.is_visible()
    assert page.get_by_label("Level in Shared").locator("option").all_inner_texts() == ["VIEW", "UPLOAD"]
    page.get_by_role("checkbox", name="Plain").check()
    page.get_by_role("checkbox", name="Shared").check()
    assert not warning.is_visible()
    page.get_by_role("checkbox", name="Patients").check()
    assert warning.is_visible()
    page.get_by_role("checkbox", name="Patients").uncheck()
    assert not warning.is_visible()
    page.get_by_label("Level in Plain").select_option("CONTRIBUTE")
    page.get_by_label("Level in Shared").select_option("UPLOAD")
    page.get_by_label("Label").fill("two of three")
    page.get_by_role("button", name="Generate Token").click()
    token = page.locator("#tok").inner_text()
    assert "two of three reaches Plain at CONTRIBUTE and Shared at UPLOAD." in page.get_by_role("dialog").inner_text()
    reach = with_token(server.url, token).json["token"]["projects"]
    assert reach == {plain: "CONTRIBUTE", shared: "UPLOAD"}


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_of_many_projects_others_are_found_by_name_and_what_was_ticked_and_typed_stays(
    server: House, windows: Windows, script: bool
) -> None:
    window, name = windows(java_script_enabled=script), server.person()
    ids = make_projects(server.url, dx_login(server.url, name), *(f"Sample {number:02d}" for number in range(MORE_THAN_OFFERED)))
    window.sign_in(name, at=FORM)
    page = window.page
    page.get_by_label("Label").fill("two samples")
    page.get_by_text("90 days", exact=True).click()
    page.get_by_label("Chosen projects").check()
    assert page.get_by_role("checkbox", name="Sample 54").count() == 0
    page.get_by_role("checkbox", name="Sample 07").check()
    page.get_by_label("Level in Sample 07").select_option("UPLOAD")
    find(page, "sample 54")
    page.get_by_role("checkbox", name="Sample 54").check()
    assert page.get_by_role("checkbox").count() == 2
    assert page.get_by_role("checkbox", name="Sample 07").is_checked()
    assert page.get_by_label("Level in Sample 07").input_value() == "UPLOAD"
    assert page.get_by_label("Label").input_value() == "two samples"
    assert not page.get_by_text("before you were signed out").is_visible()
    assert page.get_by_label("90 days").is_checked()
    find(page, "no such sample")
    assert page.get_by_role("checkbox", checked=True).count() == page.get_by_role("checkbox").count() == 2
    page.get_by_role("button", name="Generate Token").click()
    assert with_token(server.url, page.locator("#tok").inner_text()).json["token"]["projects"] == {ids[7]: "UPLOAD", ids[54]: "VIEW"}


def test_enter_in_the_search_for_projects_finds_and_makes_no_token(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    make_projects(server.url, dx_login(server.url, name), *(f"Sample {number:02d}" for number in range(MORE_THAN_OFFERED)))
    window.sign_in(name, at=FORM)
    page = window.page
    page.get_by_label("Label").fill("by keyboard")
    page.get_by_label("Chosen projects").check()
    page.get_by_label("Find a project by name").fill("sample 54")
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="Sample 54").wait_for()
    assert page.get_by_label("Label").input_value() == "by keyboard"


def test_chosen_projects_without_one_is_refused_and_the_form_stays(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.refusals = {422}
    make_projects(server.url, dx_login(server.url, name), "Plain")
    window.sign_in(name, at=FORM)
    window.page.get_by_label("Label").fill("nothing chosen")
    window.page.get_by_label("Chosen projects").check()
    window.page.get_by_role("button", name="Generate Token").click()
    window.page.get_by_text("Choose at least one project, or all projects.").wait_for()
    assert window.page.get_by_label("Label").input_value() == "nothing chosen"
    assert window.page.get_by_label("Chosen projects").is_checked()


def test_ten_minutes_after_the_login_a_token_that_reaches_phi_needs_the_password_again_and_another_does_not(
    server: House, windows: Windows
) -> None:
    window, name = windows(), server.person()
    window.refusals = {403}
    token = dx_login(server.url, name)
    make_projects(server.url, token, "Plain")
    make_projects(server.url, token, "Patients", phi=True)
    window.sign_in(name, at=FORM)
    password = window.page.get_by_label("Your password")
    assert password.count() == 0
    server.age_passwords(name)
    window.make_token("plain", {"Plain": "VIEW"})

    page = window.open(FORM)
    assert password.is_visible()
    choose(window, "patients", "Patients")
    page.get_by_role("button", name="Generate Token").click()
    page.get_by_text("Enter your current password for this. It was given more than 10 minutes ago").wait_for()
    assert page.get_by_role("checkbox", name="Patients").is_checked()
    password.fill("not my password at all")
    page.get_by_role("button", name="Generate Token").click()
    page.get_by_text("This is not your current password").wait_for()
    password.fill(PASSWORD)
    page.get_by_role("button", name="Generate Token").click()
    assert with_token(server.url, page.locator("#tok").inner_text()).status == 200
    window.open(FORM)
    assert password.count() == 0


def choose(window: Window, label: str, project: str) -> None:
    window.page.get_by_label("Label").fill(label)
    window.page.get_by_label("Chosen projects").check()
    window.page.get_by_role("checkbox", name=project).check()


def find(page: Page, text: str) -> None:
    page.get_by_label("Find a project by name").fill(text)
    with page.expect_navigation():
        page.get_by_role("button", name="Find").click()
