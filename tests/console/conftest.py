"""Support staff who are in the console, and a person who has one of everything, secrets too."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts import audit, support
from accounts.digests import digest
from accounts.events import ConfirmationFailed
from accounts.models import EmailChange, OutboxMail, PasswordReset, SecurityEvent, Session, User
from accounts.sessions import Opening, SessionStore
from orgs.models import Membership, Organization, OrgLevel
from orgs.projects.models import Level
from tests.conftest import WebDoor
from tests.factories import FIREFOX, UserFactory, actor
from tests.projects.factories import ProjectFactory
from tests.tokens.factories import TokenFactory
from tests.twofactor.factories import turned_on
from tokens.models import Token, TokenKind
from tokens.work.models import File, FileInProject, Job, Transfer, TransferKind
from twofactor.models import Authenticator, BackupCode, ResetRequest, WrongCode

REASON = "Asked for by phone, ticket 4711"
ADDRESS = "192.0.2.99"  # where support sits
INERT = '<img src=x onerror="alert(1)">'


def staff(username: str, **fields: Any) -> User:
    """Return somebody of support, in the group, with two-factor authentication on."""
    user: User = UserFactory(username=username, is_staff=True, **{"first_name": username.capitalize(), "last_name": "Support", **fields})
    user.groups.add(Group.objects.get_or_create(name=support.GROUP)[0])
    turned_on(user)
    return user


class Desk(WebDoor):
    """A browser in which somebody is signed in, without the pages of a login: a row, and its cookie."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(REMOTE_ADDR=ADDRESS, **kwargs)

    def enter(self, user: User, *, with_code: bool = True, code_age_seconds: int = 0) -> "Desk":
        """Sign `user` in, with a code given so long ago."""
        store = SessionStore()
        opening = Opening(
            user=user, idle_limit_seconds=86_400, life_seconds=86_400, ip=ADDRESS, second_factor=with_code, user_agent=FIREFOX
        )
        row = store.sign_in(user, opening)
        if with_code and code_age_seconds:
            given = timezone.now() - timedelta(seconds=code_age_seconds)
            Session.objects.filter(pk=row.pk).update(second_factor_at=given)
        store.save()
        self.cookies[settings.SESSION_COOKIE_NAME] = store.session_key or ""
        return self

    def csrf(self) -> str:
        """Return a CSRF token of this browser: of the form to sign out, or of the one to sign in."""
        signed_in = self.get("/help/").context["me"]
        return str(self.get("/help/" if signed_in else "/login/").context["csrf_token"])

    def press(self, path: str, fields: dict[str, Any] | None = None) -> Any:
        """Open the page of a form and send it, with a reason unless `fields` has another."""
        return self.send(path, {"reason": REASON, **(fields or {})})


@pytest.fixture
def sam(db: None) -> User:
    """Somebody of support."""
    return staff("sam")


@pytest.fixture
def tess(db: None) -> User:
    """Somebody else of support."""
    return staff("tess")


@pytest.fixture
def root(db: None) -> User:
    """A superuser."""
    user: User = UserFactory(username="root", is_staff=True, is_superuser=True)
    turned_on(user)
    return user


@pytest.fixture
def desk(sam: User) -> Desk:
    """The browser of sam, in the console."""
    return Desk().enter(sam)


@dataclass
class Furnished:
    """A person with one of everything, by name: what the console must find, and what it must never show."""

    user: User
    org: Organization
    token: Token
    reset: ResetRequest
    event: SecurityEvent
    secrets: dict[str, str] = field(default_factory=dict)


def furnish(user: User, asked_by: User, number: int = 0) -> Furnished:
    """Give `user` one of everything: sessions, tokens, work, organizations, a reset of each kind; return it with every stored secret."""
    now, tag = timezone.now(), f"{user.username}{number}"
    codes = turned_on(user) if number == 0 else []
    browser = Desk().enter(user)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    session = Session.objects.filter(user=user).latest("created")
    org, _ = Organization.objects.get_or_create(handle=f"org{number}.{user.username}", defaults={"name": f"Org {tag}"})
    Membership.objects.get_or_create(org=org, user=user, defaults={"level": OrgLevel.ADMIN})
    project = ProjectFactory(name=f"Project {tag}", billed_to=user, members={user: Level.ADMINISTER})
    token = TokenFactory(user=user, label=f"deploy {tag}", last_used_at=now)
    TokenFactory(user=user, label=f"dead {tag}", revoked=True, tried_at=now)
    carrier = TokenFactory(user=user, label=f"job {tag}", kind=TokenKind.JOB, parent=token)
    Job.objects.create(user=user, token=carrier, project=project, name=f"job {tag}", leased_until=now + timedelta(hours=1))
    place = FileInProject.objects.create(file=File.objects.create(created_by=user), project=project, name=f"file {tag}")
    Transfer.objects.create(
        user=user, token=token, project=project, name=place.name, kind=TransferKind.DOWNLOAD, state="failed", ended_at=now,
        ended_by=user, failure_reason="AuthError", failure_message="The token was revoked",
    )  # fmt: skip
    WrongCode.objects.create(user=user)
    OutboxMail.objects.create(
        message_id=f"<{tag}@x>", user=user, to=user.email, subject=f"A mail {tag}", text="https://secret.link/body", html="<p>body</p>",
        state="failed", done_at=now,
    )  # fmt: skip
    if number == 0:
        PasswordReset.objects.replace(user, uid=f"u{tag}", key_digest=_digest("reset", user))
        keys: dict[str, Any] = {f"{kind}_digest": _digest(kind, user) for kind in ("confirm", "cancel")}
        keys["expires"] = now + timedelta(hours=1)
        EmailChange.objects.create(
            user=user, old_email=user.email, new_email=f"new.{user.email}", epoch=user.session_epoch, **keys
        )  # fmt: skip
        asked = {"asked_by": asked_by, "asked_reason": REASON, "key_digest": _digest("objection", user)}
        ResetRequest.objects.create(user=user, epoch=user.session_epoch, **asked)
    reset = ResetRequest.objects.filter(user=user).latest("pk")
    event = audit.record(ConfirmationFailed(), subject=user, actor=actor(user))
    return Furnished(user, org, token, reset, event, _secrets(user, cookie, session, codes))


def _digest(kind: str, user: User) -> str:
    return digest(f"{kind} {user.username}")


def _secrets(user: User, cookie: str, session: Session, codes: list[str]) -> dict[str, str]:
    stored = User.objects.get(pk=user.pk)
    sealed = bytes(Authenticator.objects.get(user=user).secret)
    found = {
        "password hash": stored.password, "session cookie": cookie, "session digest": session.pk, "session data": session.session_data,
        "sealed key": sealed.decode("ascii", "replace"), "sealed key in hex": sealed.hex(), "mail body": "secret.link",
    }  # fmt: skip
    found |= {f"{kind} digest": _digest(kind, user) for kind in ("reset", "confirm", "cancel", "objection")}
    found |= {f"token digest {token.pk}": token.digest for token in Token.objects.filter(user=user)}
    for code in BackupCode.objects.filter(user=user):
        found |= {f"backup digest {code.pk}": code.digest, f"backup salt {code.pk}": code.salt}
    return found | {f"backup code {number}": code for number, code in enumerate(codes)}


@pytest.fixture
def amys(amy: User, tess: User) -> Furnished:
    """amy with one of everything; tess asked for a reset of her second factor."""
    return furnish(amy, tess)


Furnish = Callable[[User], Furnished]
