"""An error after any statement of a credential change, or in anybody who hears of it, leaves everything as it was (CRD-01, S3.9)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.dispatch import Signal
from django.utils import timezone

from accounts import flows
from accounts.credentials import Change
from accounts.digests import digest
from accounts.failpoints import FailpointError
from accounts.flows import support
from accounts.models import EmailChange, OutboxMail, PasswordReset, Session, User
from accounts.reauth import Proof
from accounts.signals import credentials_changed
from tests.conftest import WebDoor
from tests.factories import PASSWORD, actor
from tests.faults.links import CONFIRM, RESET, key_in, mailed_link
from tests.faults.state import picture
from tests.tokens.factories import TokenFactory
from tests.twofactor.factories import SECRET, supporter, turned_on
from tokens.models import TokenState
from tokens.signals import token_revoked
from twofactor import backup_codes, vault
from twofactor import flows as second_factor
from twofactor.models import Authenticator, Enrolment, ResetRequest, Step

pytestmark = pytest.mark.django_db(transaction=True)

NEW_PASSWORD = "another correct horse"
MOST_STATEMENTS = 200
# What opens, closes and nests transactions is Django's: an error there is a lost connection, which is another fault.
NOT_COUNTED = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "COMMIT")


class Injected(Exception):
    """The error that a test brings about."""


class AfterStatement:
    """Lets `number` statements pass and raises after the last of them, once."""

    def __init__(self, number: int) -> None:
        self.left, self.last = number, ""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if not sql.startswith(NOT_COUNTED):
            self.left, self.last = self.left - 1, sql
            if self.left == 0:
                raise Injected(sql)
        return result


Act = Callable[[], object]


@pytest.fixture
def links(amy: User, browsers: Callable[[], WebDoor]) -> dict[str, str]:
    """amy with two sessions, a command-line login, a token, a reset link and a wish for another address; the keys of the links."""
    for browser in (browsers(), browsers()):
        browser.sign_in(amy)
    TokenFactory(user=amy, label="nightly")
    TokenFactory(user=amy, cli=True)
    flows.request_password_reset(email=amy.email, actor=actor())
    flows.request_email_change(user=amy, email="amy@new.example.com", proof=fresh(amy), actor=actor(amy))
    OutboxMail.objects.update(state=OutboxMail.State.SENT)
    return {"reset": key_in(mailed_link(RESET)), "confirm": key_in(mailed_link(CONFIRM)), "uid": PasswordReset.objects.get().uid}


def fresh(user: User) -> Proof:
    return Proof(user_id=user.pk, epoch=user.session_epoch)


def acts(user: User, links: dict[str, str], *, revoke: bool) -> dict[Change, Act]:
    """Return the credential changes, ready to be called."""
    return {
        Change.PASSWORD: lambda: flows.change_password(
            user=user, new_password=NEW_PASSWORD, proof=fresh(user), actor=actor(user), revoke_tokens=revoke
        ),
        Change.PASSWORD_RESET: lambda: flows.reset_password(
            uid=links["uid"], key_digest=digest(links["reset"]), new_password=NEW_PASSWORD, actor=actor(), revoke_tokens=revoke
        ),
        Change.EMAIL: lambda: flows.confirm_email_change(key=links["confirm"], actor=actor(), revoke_tokens=revoke),
        Change.TWO_FACTOR_ON: lambda: second_factor.finish(
            session=Session.objects.of(user).earliest("created"), actor=actor(user), revoke_tokens=revoke
        ),
        Change.TWO_FACTOR_OFF: lambda: second_factor.turn_off(user=user, proof=fresh(user), actor=actor(user), revoke_tokens=revoke),
        Change.TWO_FACTOR_RESET: second_factor.carry_out_due,
        Change.SECURED: lambda: second_factor.secure_account(
            user=user, new_password=NEW_PASSWORD, proof=fresh(user), since=timezone.now(), renew_2fa=True, actor=actor(user)
        ),
        Change.DEACTIVATED: lambda: support.deactivate(staff=(staff := supporter("sue")), person=user, actor=staff.actor),
    }


def make_ready(user: User, change: Change) -> None:
    """Bring about what the act needs."""
    if change in (Change.TWO_FACTOR_OFF, Change.TWO_FACTOR_RESET, Change.SECURED):
        turned_on(user)
    supporter("sue")
    if change is Change.TWO_FACTOR_RESET:
        request = second_factor.ask(staff=supporter("sue"), person=user, actor=actor())
        second_factor.agree(staff=supporter("tom"), request_id=request.public_id, actor=actor())
        ResetRequest.objects.update(due_at=timezone.now())
        OutboxMail.objects.update(state=OutboxMail.State.SENT)
    if change is Change.TWO_FACTOR_ON:
        enrolment = Enrolment(session=Session.objects.of(user).earliest("created"), user=user, epoch=user.session_epoch, app="Aegis")
        enrolment.step, enrolment.secret = Step.CODES, vault.seal(SECRET, user_id=user.pk)
        enrolment.keep(backup_codes.new_codes())
        enrolment.save(force_insert=True)


def assert_all_of_it_happened(user: User, change: Change, *, revoke: bool) -> None:
    now = User.objects.get(pk=user.pk)
    assert now.session_epoch == user.session_epoch + 1
    assert not Session.objects.of(user).exists()
    assert now.check_password(PASSWORD) is (change not in (Change.PASSWORD, Change.PASSWORD_RESET, Change.SECURED))
    assert Authenticator.objects.filter(user=user).exists() is (change is Change.TWO_FACTOR_ON)
    assert now.email == ("amy@new.example.com" if change is Change.EMAIL else user.email)
    ended = {TokenState.REVOKED} if revoke else {TokenState.ACTIVE, TokenState.RETIRED}
    assert set(user.tokens.values_list("state", flat=True)) == ended
    assert OutboxMail.objects.filter(state=OutboxMail.State.WAITING).count() == (2 if change in (Change.EMAIL, Change.SECURED) else 1)


# A reset by support leaves tokens alone, two others always revoke them.
ALWAYS = {Change.TWO_FACTOR_RESET: False, Change.SECURED: True, Change.DEACTIVATED: True}
CASES = [(change, revoke) for change in Change for revoke in (False, True) if ALWAYS.get(change, revoke) is revoke]


@pytest.mark.parametrize(("change", "revoke"), CASES, ids=[f"{change}-tokens {'go' if revoke else 'stay'}" for change, revoke in CASES])
def test_f01_an_error_after_any_statement_leaves_everything_as_before(
    amy: User, links: dict[str, str], change: Change, revoke: bool
) -> None:
    make_ready(amy, change)
    before, act = picture(), acts(amy, links, revoke=revoke)[change]
    for number in range(1, MOST_STATEMENTS):
        injection = AfterStatement(number)
        try:
            with connection.execute_wrapper(injection):
                act()
        except Injected:
            assert picture() == before, f"something stayed of an act that failed after {injection.last}"
        else:
            break
    assert 10 < number < MOST_STATEMENTS - 1, "the act has no such number of statements"
    assert_all_of_it_happened(amy, change, revoke=revoke)


@contextmanager
def raising_receiver(signal: Signal, position: int) -> Iterator[str]:
    """Let the receiver at `position` do its work and then raise; give its name."""
    kept = list(signal.receivers)
    lookup_key, reference, *rest = kept[position]
    original = reference()

    def work_and_raise(**kwargs: Any) -> None:
        original(**kwargs)
        raise Injected(original.__name__)

    signal.receivers[position] = (lookup_key, work_and_raise, *rest)
    try:
        yield original.__name__
    finally:
        signal.receivers = kept


HEARERS = [(signal, name, position) for signal, name in ((credentials_changed, "credentials_changed"), (token_revoked, "token_revoked"))
           for position in range(len(signal.receivers))]  # fmt: skip


HEARD = [(change, signal, position) for change in Change for signal, _, position in HEARERS
         if (change, signal) != (Change.TWO_FACTOR_RESET, token_revoked)]  # fmt: skip


@pytest.mark.parametrize(("change", "signal", "position"), HEARD)
def test_crd_01_a_receiver_that_raises_undoes_the_whole_change(
    amy: User, links: dict[str, str], change: Change, signal: Signal, position: int
) -> None:
    make_ready(amy, change)
    before = picture()
    with raising_receiver(signal, position), pytest.raises(Injected):
        acts(amy, links, revoke=True)[change]()
    assert picture() == before


def test_every_room_that_hears_of_a_credential_change_is_among_those_that_were_made_to_raise() -> None:
    assert [name for signal, name, _ in HEARERS].count("credentials_changed") >= 2


def test_crd_01_a_person_sees_an_apology_without_detail_and_the_old_password_goes_on_working(
    amy: User, browsers: Callable[[], WebDoor]
) -> None:
    browser = browsers().sign_in(amy)
    browser.raise_request_exception = False
    before = picture()
    before.pop("Counter")
    fields = {"current_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD, "revoke_tokens": "on"}
    with raising_receiver(credentials_changed, 0) as name:
        answer = browser.send("/security/password/", fields)
    assert answer.status_code == 500
    assert name not in answer.content.decode()
    assert "Injected" not in answer.content.decode()
    after = picture()
    after.pop("Counter")
    assert after == before
    assert browser.signed_in
    browsers().sign_in(amy)


POINTS = {
    Change.PASSWORD: (
        "credentials.after_password_saved",
        "credentials.epoch_raised",
        "credentials.announced",
        "password_change.before_commit",
    ),
    Change.PASSWORD_RESET: ("credentials.after_password_saved", "credentials.announced", "password_reset.before_commit"),
    Change.EMAIL: ("credentials.after_email_saved", "credentials.announced", "email_change.before_commit"),
    Change.TWO_FACTOR_ON: ("credentials.announced", "two_factor.before_commit"),
    Change.TWO_FACTOR_OFF: ("credentials.announced", "two_factor.before_commit"),
    Change.TWO_FACTOR_RESET: ("credentials.announced", "two_factor.before_commit"),
    Change.SECURED: ("credentials.after_password_saved", "credentials.announced", "two_factor.before_commit"),
    Change.DEACTIVATED: ("credentials.announced", "support.before_commit"),
}


@pytest.mark.parametrize(("change", "point"), [(change, point) for change, points in POINTS.items() for point in points])
def test_f01_an_error_at_a_fail_point_leaves_everything_as_before(
    amy: User, links: dict[str, str], settings: Any, change: Change, point: str
) -> None:
    make_ready(amy, change)
    before = picture()
    settings.FAILPOINTS = {point: "raise"}
    with pytest.raises(FailpointError, match=point):
        acts(amy, links, revoke=True)[change]()
    assert picture() == before


def test_f01_a_pending_change_of_address_is_still_pending_after_a_failed_confirmation(
    amy: User, links: dict[str, str], settings: Any
) -> None:
    settings.FAILPOINTS = {"email_change.before_commit": "raise"}
    with pytest.raises(FailpointError):
        acts(amy, links, revoke=False)[Change.EMAIL]()
    assert EmailChange.objects.get().state == EmailChange.State.PENDING
    settings.FAILPOINTS = {}
    acts(amy, links, revoke=False)[Change.EMAIL]()
    assert EmailChange.objects.get().state == EmailChange.State.CONFIRMED
