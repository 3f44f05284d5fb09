"""The demo data of DESIGN 6: five people, two organizations, three projects. Never where DEBUG is off."""

import base64
import logging

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from accounts import passwords
from accounts.models import User
from orgs.models import Membership, Organization, OrgLevel
from orgs.projects.models import Level, Project, ProjectMember
from twofactor import vault
from twofactor.models import Authenticator

logger = logging.getLogger("gatehouse.demo")

PASSWORD = "gatehouse-demo-1"  # noqa: S105  (published in README.md)
SUPPORT_GROUP = "Support"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105  (published in README.md)
WITH_CODE = ("cleo", "sam", "root")
PEOPLE = {
    "amy": ("Amy", "Archer"),
    "ben": ("Ben", "Bishop"),
    "cleo": ("Cleo", "Carter"),
    "sam": ("Sam", "Support"),
    "root": ("Root", ""),
}


def load() -> None:
    """Write the demo data into a database without users: all of it or nothing."""
    encoded = passwords.encode(PASSWORD)  # before the transaction: no write lock is held over a hash
    with transaction.atomic():
        _write(encoded)


def _write(encoded: str) -> None:
    people = {username: _person(username, encoded) for username in PEOPLE}
    people["sam"].groups.add(Group.objects.get_or_create(name=SUPPORT_GROUP)[0])
    for username in WITH_CODE:
        _second_factor(people[username])
    _organizations(people)
    _projects(people)


def _person(username: str, encoded: str) -> User:
    first, last = PEOPLE[username]
    user: User = User.objects.create(
        username=username,
        email=email_of(username),
        password=encoded,
        first_name=first,
        last_name=last,
        is_staff=username in ("sam", "root"),
        is_superuser=username == "root",
    )
    return user


def _second_factor(user: User) -> None:
    sealed = vault.seal(base64.b32decode(TOTP_SECRET), user_id=user.pk)
    Authenticator.objects.create(user=user, name="the demo key", secret=sealed)


def email_of(username: str) -> str:
    """Return the address of a demo person."""
    return f"{username}@example.com"


def _organizations(people: dict[str, User]) -> None:
    acme = Organization.objects.create(handle="acme", name="Acme Genomics")
    bolt = Organization.objects.create(handle="bolt", name="Bolt Diagnostics", auto_logout_after_minutes=5)
    Membership.objects.create(org=acme, user=people["amy"], level=OrgLevel.ADMIN)
    Membership.objects.create(org=acme, user=people["ben"], level=OrgLevel.MEMBER)
    Membership.objects.create(org=bolt, user=people["cleo"], level=OrgLevel.MEMBER)


def _projects(people: dict[str, User]) -> None:
    amy, ben, cleo = people["amy"], people["ben"], people["cleo"]
    acme = Organization.objects.get(handle="acme")
    _project("Genome Atlas", amy, {ben: Level.VIEW}, org=acme)
    _project("Trial Cohort", amy, {}, phi=True, org=acme)
    _project("Sandbox", cleo, {ben: Level.CONTRIBUTE})


def _project(name: str, owner: User, others: dict[User, Level], *, phi: bool = False, org: Organization | None = None) -> None:
    project = Project.objects.create(name=name, phi=phi, billed_to=owner, created_by=owner, org=org)
    for user, level in {owner: Level.ADMINISTER, **others}.items():
        ProjectMember.objects.create(project=project, user=user, level=level)


def people_present() -> list[str]:
    """Return the usernames of demo people who still have the demo's password, which everybody knows."""
    known = User.objects.filter(email__in=[email_of(username) for username in PEOPLE], is_active=True)
    return sorted(user.username for user in known if check_password(PASSWORD, user.password))


def refuse_demo_people() -> None:
    """Raise ImproperlyConfigured where DEBUG is off and demo people can sign in (OPS-01)."""
    if settings.DEVELOPMENT:
        return
    try:
        present = people_present()
    except DatabaseError:
        # /readyz tells of it; a web process that ends here would not come back with the database.
        logger.warning("could not look for demo people", exc_info=True)
        return
    finally:
        connection.close()
    if present:
        names = ", ".join(present)
        raise ImproperlyConfigured(f"DEBUG is off, but demo people can sign in: {names}. Delete them, or change DATABASE_URL")
