"""amy with one of everything, and somebody who knows the ids of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Session, User
from orgs import flows as org_flows
from orgs.models import OrgLevel
from orgs.projects.models import Level
from tests.conftest import WebDoor
from tests.factories import UserFactory, actor
from tests.orgs.factories import OrganizationFactory, person
from tests.projects.factories import ProjectFactory, folders_of
from tests.tokens.factories import TokenFactory
from tokens.work.models import File, FileInProject, Job, Transfer, TransferKind


@pytest.fixture
def mallory(db: None) -> User:
    """Somebody who knows ids of amy's, and administers an organization of their own."""
    user: User = UserFactory(username="mallory")
    OrganizationFactory(handle="evil", admins=[user])
    return user


@pytest.fixture
def amys(amy: User) -> dict[str, str]:
    """Ids of what is amy's, by kind."""
    project = ProjectFactory(billed_to=amy, name="Amys project", members={UserFactory(username="ben"): Level.VIEW})
    folders_of(project, "/data")
    OrganizationFactory(handle="acme", name="Acme", admins=[amy], members=[User.objects.get(username="ben")])
    invitation = org_flows.invite(
        caller=person(amy), handle="acme", invitee="dana@example.com", level=OrgLevel.MEMBER, actor=actor(amy)
    )  # fmt: skip
    browser = WebDoor().sign_in(amy)
    assert browser.signed_in
    session = Session.objects.get(user=amy).public_id
    token = TokenFactory(user=amy, label="amys token")
    file = File.objects.create(created_by=amy)
    FileInProject.objects.create(file=file, project=project, name="amys file")
    running = {"user": amy, "token": token, "project": project}
    upload = Transfer.objects.create(**running, name="amys file", kind=TransferKind.UPLOAD, file=file)
    job = Job.objects.create(**running, name="amys job", leased_until=timezone.now() + timedelta(hours=1))
    return {
        "project": project.public_id, "token": token.public_id, "session": session, "user": "user-ben", "username": "ben",
        "org": "org-acme", "file": file.public_id, "job": job.public_id, "transfer": upload.public_id, "work": job.public_id,
        "handle": "acme", "invitation": invitation.public_id,
    }  # fmt: skip
