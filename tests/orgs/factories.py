"""Organizations and their members for tests."""

import re
from typing import Any

import factory

from accounts.digests import digest
from accounts.models import OutboxMail, User
from accounts.support import Staff, acting
from orgs import flows
from orgs.access import Person
from orgs.models import Invitation, Membership, Organization, OrgLevel
from tests.conftest import WebDoor
from tests.factories import UserFactory, actor

LINK = re.compile(r"/invitations/[\w-]+/")


class OrganizationFactory(factory.django.DjangoModelFactory):
    """An organization; `OrganizationFactory(admins=[amy], members=[ben])` has these people."""

    class Meta:
        model = Organization
        skip_postgeneration_save = True

    handle = factory.Sequence(lambda number: f"org{number:03d}")
    name = factory.LazyAttribute(lambda org: f"The {org.handle} lab")

    @factory.post_generation  # type: ignore[untyped-decorator]
    def admins(self: Any, create: bool, extracted: list[User] | None, **kwargs: Any) -> None:
        """Add its admins."""
        for user in extracted or []:
            Membership.objects.create(org=self, user=user, level=OrgLevel.ADMIN)

    @factory.post_generation  # type: ignore[untyped-decorator]
    def members(self: Any, create: bool, extracted: list[User] | None, **kwargs: Any) -> None:
        """Add its other members."""
        for user in extracted or []:
            Membership.objects.create(org=self, user=user)


def person(user: User) -> Person:
    """Return `user` as somebody who signed in with a browser."""
    return Person(user=user, actor=actor(user))


def support(username: str = "sam", *, reason: str = "They asked us by telephone") -> Staff:
    """Return somebody of support who acts for a reason."""
    staff = User.objects.filter(username=username).first() or UserFactory(username=username, is_staff=True, is_superuser=True)
    return acting(reason=reason, actor=actor(staff, door="admin"))


def level_in(org: Organization, user: User) -> str | None:
    """Return the level that `user` has as a member, read anew; None where they are none."""
    return Membership.objects.filter(org=org, user=user).values_list("level", flat=True).first()


def invite(org: Organization, by: User, whom: str, level: OrgLevel = OrgLevel.MEMBER, **more: Any) -> Invitation:
    """Return the invitation of `whom`, an address or a username, by an admin."""
    return flows.invite(caller=person(by), handle=org.handle, invitee=whom, level=level, actor=actor(by), **more)


def mailed_path() -> str:
    """Return the path of the invitation that was mailed last."""
    for mail in OutboxMail.objects.order_by("-pk"):
        if found := LINK.search(mail.text):
            return found[0]
    raise AssertionError("no invitation was mailed")


def mailed_key() -> str:
    """Return the key of the invitation that was mailed last."""
    return mailed_path().split("/")[2]


def mailed_link() -> str:
    """Return what names the invitation that was mailed last to the flows."""
    return digest(mailed_key())


def opened(web: WebDoor) -> str:
    """Open the link that was mailed last, and return the path of the page that it leads to."""
    answer = web.get(mailed_path())
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])
