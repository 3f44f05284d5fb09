"""The report of what was touched since a moment (N7)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import audit
from accounts import flows as account_flows
from accounts.events import ConfirmationFailed
from accounts.models import SecurityEvent, User
from accounts.reauth import Proof
from accounts.reporting import ROWS, Section, sections
from orgs import flows as org_flows
from orgs.models import OrgLevel
from orgs.projects import flows as project_flows
from orgs.projects.access import Person
from orgs.projects.models import Level
from tests.conftest import WebDoor
from tests.factories import PASSWORD, actor
from tests.orgs.factories import OrganizationFactory, invite
from tests.projects.factories import ProjectFactory
from tests.tokens.doors import rest
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import turned_on
from tokens import flows as token_flows
from tokens.models import TokenKind
from tokens.work import flows as work_flows
from tokens.work.models import File, FileInProject, Job, Transfer, TransferKind
from twofactor.events import BackupCodeUsed
from twofactor.models import BackupCode

pytestmark = pytest.mark.django_db
PAGE = "/security/report/"


def told(user: User, **since: int) -> dict[str, Section]:
    """Return the sections of the report by their titles."""
    return {section.title: section for section in sections(user, timezone.now() - timedelta(**since))}


def titles(section: Section) -> list[str]:
    return [row.title for row in section.rows]


def test_sign_ins_are_told_by_address_and_device_and_new_ones_are_marked(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    clock.shift(10 * 86_400)
    web.sign_in(amy)
    for password in ("wrong", "wrong again", PASSWORD):
        web.cookies.clear()
        web.post("/login/", {"username": "amy", "password": password, "csrfmiddlewaretoken": _token(web)}, REMOTE_ADDR="203.0.113.9")
    rows = told(amy, days=1)["Sign-ins"].rows
    assert {(row.title, row.text, row.mark, row.place.partition(",")[0]) for row in rows} == {
        ("Signed in 1 time", "", "", "127.0.0.1"),
        ("Signed in 1 time", "2 attempts failed at the password", "New address", "203.0.113.9"),
    }
    assert len(told(amy, days=30)["Sign-ins"].rows) == 2


def _token(web: WebDoor) -> str:
    return str(web.get("/login/").context["csrf_token"])


def test_credentials_and_the_second_factor_are_told(amy: User, clock: Any) -> None:
    turned_on(amy)
    account_flows.change_password(user=amy, new_password="a longer passphrase", proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    audit.record(BackupCodeUsed(left=3), subject=amy, actor=actor(amy))
    sections = told(amy, hours=1)
    assert titles(sections["Password and e-mail"]) == ["Password changed"]
    assert titles(sections["Two-factor authentication"]) == ["Backup code used"]
    clock.shift(3601)
    assert not any(section.rows for section in told(amy, hours=1).values())
    assert BackupCode.objects.exists()


def test_tokens_made_or_used_are_told_and_others_are_not(amy: User, ben: User, clock: Any) -> None:
    old, text = token_and_text(user=amy, label="old and used")
    TokenFactory(user=amy, label="old and idle")
    TokenFactory(user=ben, label="of somebody else")
    clock.shift(86_400)
    assert rest("GET", "/api/v1/me/", text).status_code == 200
    made = TokenFactory(user=amy, label="new")
    token_flows.revoke(tokens=[made], actor=actor(amy), why="revoked-by-its-owner")
    rows = {row.title: row for row in told(amy, hours=1)["API tokens"].rows}
    assert set(rows) == {"old and used", "new"}
    assert "last used 25 Nov 2026, 12:00 UTC from 127.0.0.1; still works" in rows["old and used"].text
    assert "revoked: revoked by its owner" in rows["new"].text
    assert (rows["new"].mark, rows["old and used"].mark) == ("Made since then", "")
    assert rows["old and used"].page.endswith(f"{old.public_id}/")


def test_what_the_person_did_to_projects_is_told_with_whom(amy: User, ben: User) -> None:
    project = ProjectFactory(name="Atlas", billed_to=amy)
    project_flows.invite(caller=_person(amy), project_id=project.public_id, invitee=ben.username, level=Level.VIEW, actor=actor(amy))
    rows = told(amy, hours=1)["Projects and members"].rows
    assert [(row.title, row.text) for row in rows] == [("Added to a project: ben", "“Atlas”, with VIEW")]
    assert not told(ben, hours=1)["Projects and members"].rows


def test_what_the_person_did_in_organizations_is_told_with_whom(amy: User, ben: User) -> None:
    acme = OrganizationFactory(handle="acme", name="Acme", admins=[amy], members=[ben])
    invite(acme, amy, "mallory@example.com", OrgLevel.ADMIN)
    remove = {"caller": _person(amy), "handle": "acme", "username": "ben", "actor": actor(amy)}
    org_flows.remove(**remove)
    rows = told(amy, hours=1)["Organizations"].rows
    assert {row.place for row in rows} == {"192.0.2.10, Firefox on Linux"}
    assert rows[0].title == "Removed from an organization: ben"
    assert "mallory@example.com" in rows[1].text
    assert not told(ben, hours=1)["Organizations"].rows


def _person(user: User) -> Any:
    return Person(user, actor(user))


def test_files_and_jobs_are_told_with_the_token_that_carried_them(amy: User, clock: Any) -> None:
    project, carrier = ProjectFactory(name="Atlas", billed_to=amy), TokenFactory(user=amy, label="nightly")
    ran = TokenFactory(user=amy, label="job's own", kind=TokenKind.JOB, parent=carrier)
    Job.objects.create(user=amy, token=ran, project=project, name="alignment", leased_until=timezone.now() + timedelta(hours=1))
    file = File.objects.create(created_by=amy)
    FileInProject.objects.create(file=file, project=project, name="reads.fq")
    Transfer.objects.create(user=amy, token=carrier, project=project, name="reads.fq", kind=TransferKind.DOWNLOAD, file=file)
    clock.shift(1)
    work_flows.remove(caller=_person(amy), project_id=project.public_id, file_ids=[file.public_id], force=False, actor=actor(amy))
    rows = told(amy, hours=1)["Files and jobs"].rows
    assert {row.title for row in rows} == {"Job in Atlas: alignment", "Download from Atlas: reads.fq", "Files removed"}
    assert all("on the token nightly" in row.text for row in rows if row.title != "Files removed")
    assert rows[0].text == "1 file of “Atlas”: “reads.fq”"
    event = SecurityEvent.objects.get(event="files.removed")
    assert (event.subject, event.about) == (amy, project.public_id)


def test_a_section_shows_fifty_and_leads_to_the_rest(web: WebDoor, amy: User, clock: Any) -> None:
    for _ in range(ROWS + 1):
        audit.record(ConfirmationFailed(), subject=amy, actor=actor(amy))
    section = told(amy, hours=1)["Password and e-mail"]
    assert len(section.rows) == ROWS
    assert section.more_page.startswith("/security/history/?since=2026-11-24T11%3A00Z")
    assert web.sign_in(amy).get(section.more_page).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("", 200, "Everything in your account since"), ("?since=hour", 200, "Signed in 1 time"),
        ("?since=ever", 422, "Choose one of the list"),
        ("?since=moment&moment=2026-11-24T11:30", 200, "No token was made"), ("?since=moment", 422, "Enter a moment of the last 365 days"),
        ("?since=moment&moment=9999-12-31T23:59", 422, "Enter a moment"), ("?since=moment&moment=%00", 422, "Enter a moment"),
        ("?since=moment&moment=2024-01-01T00:00", 422, "Enter a moment of the last 365 days"),
    ],
)  # fmt: skip
def test_the_page_takes_a_time_by_name_or_a_moment(web: WebDoor, amy: User, clock: Any, asked: str, status: int, said: str) -> None:
    web.sign_in(amy)
    clock.shift(700)
    answer = web.get(f"{PAGE}{asked}")
    assert answer.status_code == status
    assert said in answer.content.decode()


def test_labels_are_shown_as_text(web: WebDoor, amy: User) -> None:
    TokenFactory(user=amy, label="<img src=x onerror=alert(1)>")
    page = web.sign_in(amy).get(PAGE).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
