"""Policies that are only tried out change nothing, and count whom they would have hit within 14 days (N5)."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Session, User
from orgs import flows, rehearsals
from orgs.flows import PolicyWishes
from orgs.models import Organization, Policy, Rehearsal, RehearsalHit
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.orgs.factories import OrganizationFactory, person
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import code, turned_on

pytestmark = pytest.mark.django_db
DAY = 86_400


@pytest.fixture(autouse=True)
def _counted_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction around a test is never committed: what waits for that is done at once."""
    if "transactional_db" not in request.fixturenames:
        monkeypatch.setattr("django.db.transaction.on_commit", lambda act, **how: act())


@pytest.fixture
def acme(amy: User, ben: User, clock: Any) -> Organization:
    """An organization that amy administers, with ben in it."""
    org: Organization = OrganizationFactory(handle="acme", admins=[amy], members=[ben])
    return org


def rehearse(org: Organization, by: User, **policies: int | bool | None) -> None:
    wishes = PolicyWishes(report_only={Policy[name]: value for name, value in policies.items()})
    flows.set_policies(caller=person(by), handle=org.handle, wishes=wishes, actor=actor(by))


def tally(org: Organization, policy: Policy) -> tuple[int, int]:
    found = {one.policy: one for one in rehearsals.tallies(org)}[policy]
    return found.members, found.times


def test_a_tried_out_limit_ends_no_session_and_counts_long_pauses(
    web: WebDoor, acme: Organization, amy: User, ben: User, clock: Any
) -> None:
    web.sign_in(ben)
    rehearse(acme, amy, AUTO_LOGOUT=5)
    assert Session.objects.of(ben).get().rehearsed_limit_seconds == 300
    for pause in (299, 300, 700, 10):
        clock.shift(pause)
        assert web.signed_in
    assert tally(acme, Policy.AUTO_LOGOUT) == (1, 2)
    rehearse(acme, amy, AUTO_LOGOUT=None)
    assert Session.objects.of(ben).get().rehearsed_limit_seconds is None
    assert RehearsalHit.objects.count() == 0


def test_only_who_tries_it_out_pays_for_it(browsers: Any, web: WebDoor, acme: Organization, amy: User, ben: User, clock: Any) -> None:
    web.sign_in(ben)
    clock.shift(400)
    with CaptureQueriesContext(connection) as captured:
        web.get("/profile/")
    assert len(captured) == 2
    rehearse(acme, amy, AUTO_LOGOUT=5)
    browsers().sign_in(ben)  # a login writes it, too
    assert [row.rehearsed_limit_seconds for row in Session.objects.of(ben)] == [300, 300]


def test_logins_of_members_without_a_second_factor_are_counted(
    browsers: Any, web: WebDoor, acme: Organization, amy: User, ben: User
) -> None:
    rehearse(acme, amy, SECOND_FACTOR=True)
    for user in (ben, ben, UserFactory()):
        browsers().sign_in(user)
    assert tally(acme, Policy.SECOND_FACTOR) == (1, 2)
    turned_on(amy)
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": code()})
    assert tally(acme, Policy.SECOND_FACTOR) == (1, 2)
    amy.refresh_from_db()
    assert amy.must_enrol_at is None


def test_tokens_that_would_have_been_refused_or_shortened_are_counted(acme: Organization, amy: User, ben: User) -> None:
    rehearse(acme, amy, TOKENS=True, TOKEN_LIFE=7)
    text = token_and_text(user=ben)[1]
    body = {"label": "short", "expires": "2026-11-30T12:00:00Z"}
    assert rest("POST", "/api/v1/tokens/", text, body).status_code == 201
    made: Any = rest("POST", "/api/v1/tokens/", text, {"label": "long"})
    assert made.status_code == 201
    assert made.json()["expires"].startswith("2026-12-24")
    assert (tally(acme, Policy.TOKENS), tally(acme, Policy.TOKEN_LIFE)) == ((1, 2), (1, 1))


def test_what_is_older_than_14_days_is_not_counted_and_swept(acme: Organization, amy: User, ben: User, clock: Any) -> None:
    rehearse(acme, amy, SECOND_FACTOR=True)
    rehearsals.note(amy, Policy.SECOND_FACTOR)
    rehearsals.note(ben, Policy.SECOND_FACTOR)
    clock.shift(14 * DAY + 1)
    rehearsals.note(ben, Policy.SECOND_FACTOR)
    assert tally(acme, Policy.SECOND_FACTOR) == (1, 1)
    assert (rehearsals.sweep(), rehearsals.sweep()) == (1, 0)


def test_a_policy_that_holds_is_tried_out_no_longer_and_another_value_begins_anew(acme: Organization, amy: User, ben: User) -> None:
    rehearse(acme, amy, SECOND_FACTOR=True, TOKEN_LIFE=30)
    rehearsals.note(ben, Policy.TOKEN_LIFE)
    rehearse(acme, amy, TOKEN_LIFE=20)
    assert tally(acme, Policy.TOKEN_LIFE) == (0, 0)
    wishes = PolicyWishes(require_second_factor=True, longest_token_life=20)
    flows.set_policies(caller=person(amy), handle="acme", wishes=wishes, actor=actor(amy))
    assert not Rehearsal.objects.exists()


def test_the_page_shows_the_tally_with_names(web: WebDoor, acme: Organization, amy: User, ben: User) -> None:
    rehearse(acme, amy, SECOND_FACTOR=True)
    people = [UserFactory() for _ in range(21)]
    for user in people:
        acme.memberships.create(user=user)
        rehearsals.note(user, Policy.SECOND_FACTOR)
    web.sign_in(amy)
    page = web.get("/orgs/acme/").content.decode()
    assert f"{people[0].username} 1" in page
    assert "<b>22 members</b>, 22 times since" in page  # amy's own login counts
    assert "and 2 more" in page


@pytest.mark.django_db(transaction=True)
def test_a_login_holds_no_hit_and_does_not_fail_when_the_trial_ends_meanwhile(
    transactional_db: None, acme: Organization, amy: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse(acme, amy, SECOND_FACTOR=True)
    real = rehearsals.note_at

    def ended_meanwhile(tried: list[Rehearsal], user: User) -> None:
        real(tried, user)
        assert not RehearsalHit.objects.exists()  # not in the transaction of the login, whose locks others wait for
        Rehearsal.objects.all().delete()

    monkeypatch.setattr(rehearsals, "note_at", ended_meanwhile)
    body = {"username": "ben", "password": PASSWORD, "expires": 1_900_000_000_000}
    assert dx("/system/newAuthToken", body).status_code == 200
    assert not RehearsalHit.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_hit_is_counted_once_the_login_is_committed(transactional_db: None, acme: Organization, amy: User, ben: User) -> None:
    rehearse(acme, amy, SECOND_FACTOR=True)
    with transaction.atomic():
        rehearsals.note(ben, Policy.SECOND_FACTOR)
        assert tally(acme, Policy.SECOND_FACTOR) == (0, 0)
    assert tally(acme, Policy.SECOND_FACTOR) == (1, 1)


def test_a_tried_out_limit_counts_no_token_that_reaches_others_alone(acme: Organization, amy: User, ben: User) -> None:
    rehearse(acme, amy, TOKENS=True)
    text, mine = token_and_text(user=ben)[1], project_of(ben)
    body = {"label": "mine", "projects": {mine.public_id: "VIEW"}}
    made: Any = rest("POST", "/api/v1/tokens/", text, body)
    assert made.status_code == 201, made.content
    assert tally(acme, Policy.TOKENS) == (0, 0)
    mine.org = acme
    mine.save()
    assert rest("POST", "/api/v1/tokens/", text, {**body, "label": "ours"}).status_code == 201
    assert tally(acme, Policy.TOKENS) == (1, 1)
