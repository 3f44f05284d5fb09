"""What organizations allow tokens: how long one lives, and whether members make any; of several the strictest (S7.2)."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import SecurityEvent, User
from orgs import flows as org_flows
from orgs import impact
from orgs.flows import PolicyWishes
from orgs.models import Membership, Organization, OrgLevel
from tests.conftest import Race, WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.orgs.factories import OrganizationFactory, person
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tokens import flows, settling
from tokens.errors import TokensNotAllowed
from tokens.models import Token, TokenKind

pytestmark = pytest.mark.django_db
NEW, DAYS = "/profile/tokens/new/", timedelta(days=1)


def limited(user: User, days: int | None = None, *, allowed: bool = True, handle: str = "acme") -> Organization:
    org: Organization = OrganizationFactory(
        handle=handle, name=handle.title(), members=[user], longest_token_life_days=days, tokens_allowed=allowed
    )
    return org


def test_a_token_without_a_wish_lives_as_long_as_the_strictest_allows(amy: User, clock: Any) -> None:
    text = token_and_text(user=amy)[1]
    limited(amy, 20)
    limited(amy, 7, handle="bolt")
    made: Any = rest("POST", "/api/v1/tokens/", text, {"label": "new"})
    assert Token.objects.get(label="new").expires == timezone.now() + 7 * DAYS, made.content


def test_a_longer_wish_is_refused_with_the_name_of_who_says_so(amy: User, clock: Any) -> None:
    text = token_and_text(user=amy, expires=timezone.now() + 300 * DAYS)[1]
    limited(amy, 7)
    wish = timezone.now() + 8 * DAYS
    answer: Any = rest("POST", "/api/v1/tokens/", text, {"label": "new", "expires": wish.isoformat()})
    assert (answer.status_code, answer.json()["code"]) == (422, "expiry_refused")
    assert "Acme allows at most 7 days" in answer.json()["detail"]
    by_dx = dx("/system/newAuthToken", {"label": "new", "expires": int(wish.timestamp() * 1000)}, text)
    assert (by_dx.status_code, "Acme allows at most 7 days" in by_dx.json()["error"]["message"]) == (422, True)
    assert not Token.objects.filter(label="new").exists()


def test_a_rotated_token_and_a_login_live_no_longer(amy: User, clock: Any) -> None:
    token, text = token_and_text(user=amy, expires=timezone.now() + 90 * DAYS)
    limited(amy, 7)
    assert rest("POST", f"/api/v1/tokens/{token.public_id}/rotate/", text, {}).status_code == 201
    assert Token.objects.get(replaces=token).expires == timezone.now() + 7 * DAYS
    login = dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD, "expires": 1_900_000_000_000})
    assert login.json()["expires"] == int((timezone.now() + 7 * DAYS).timestamp() * 1000)


def test_the_form_shows_the_limit_and_offers_no_more(web: WebDoor, amy: User, clock: Any) -> None:
    limited(amy, 60)
    page = web.sign_in(amy).get(NEW).content.decode()
    assert "Acme allows at most 60 days." in page
    for days, offered in {"30": True, "90": False, "365": False}.items():
        start = page.index(f'value="{days}"')
        assert ("disabled" not in page[start : page.index(">", start)]) is offered, days
    assert web.send(NEW, {"label": "late", "expires": "90"}).status_code == 422
    assert web.send(NEW, {"label": "fine", "expires": "30"}).status_code == 200
    assert web.send(NEW, {"label": "last day", "expires": "date", "expires_on": "2027-01-23"}).status_code == 200


def test_a_limit_below_every_preset_is_a_preset_itself(web: WebDoor, amy: User, clock: Any) -> None:
    limited(amy, 3)
    web.sign_in(amy)
    assert web.get(NEW).context["form"]["expires"].value() == "3"
    assert web.send(NEW, {"label": "short", "expires": "3"}).status_code == 200
    assert Token.objects.get(label="short").expires == timezone.now() + 3 * DAYS


@pytest.mark.parametrize("door", ["web", "rest", "rest session", "dx", "rotate", "rotate on the page"])
def test_where_tokens_are_not_allowed_no_door_makes_one(web: WebDoor, amy: User, door: str) -> None:
    token, text = token_and_text(user=amy)
    limited(amy, allowed=False)
    web.sign_in(amy)
    rotate = f"/api/v1/tokens/{token.public_id}/rotate/"
    answer: Any = {
        "web": lambda: web.send(NEW, {"label": "new", "expires": "30"}),
        "rest": lambda: rest("POST", "/api/v1/tokens/", text, {"label": "new"}),
        "rest session": lambda: web.post(
            "/api/v1/tokens/", {"label": "new"}, content_type="application/json",
            headers={"x-csrftoken": str(web.get("/security/").context["csrf_token"])},
        ),
        "dx": lambda: dx("/system/newAuthToken", {"label": "new"}, text),
        "rotate": lambda: rest("POST", rotate, text, {}),
        "rotate on the page": lambda: web.send(f"/profile/tokens/{token.public_id}/rotate/", {"overlap": "0"}),
    }[door]()  # fmt: skip
    assert answer.status_code == (401 if door == "dx" else 403)
    assert "Acme allows its members no API tokens" in answer.content.decode()
    assert Token.objects.count() == 1
    assert rest("GET", "/api/v1/me/", text).status_code == 200


def test_logins_and_jobs_stay_possible(amy: User) -> None:
    limited(amy, allowed=False)
    login = dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD, "expires": 1_900_000_000_000})
    assert login.status_code == 200
    body = {"project": project_of(amy).public_id, "name": "count"}
    assert rest("POST", "/api/v1/jobs/", login.json()["access_token"], body).status_code == 201
    assert set(Token.objects.values_list("kind", flat=True)) == {TokenKind.CLI, TokenKind.JOB}


def test_tok_09_existing_tokens_end_at_a_new_limit_and_one_that_is_older_at_once(amy: User, ben: User, clock: Any) -> None:
    org = limited(ben)
    Membership.objects.create(org=org, user=amy, level=OrgLevel.ADMIN)
    old, text = token_and_text(user=ben, expires=timezone.now() + 90 * DAYS)
    other = token_and_text(user=UserFactory(), expires=timezone.now() + 90 * DAYS)[0]
    clock.shift(8 * 86_400)
    young = token_and_text(user=ben, cli=True, expires=timezone.now() + 20 * DAYS)[0]
    short = token_and_text(user=ben, expires=timezone.now() + 3 * DAYS)[0]
    wishes, ends = PolicyWishes(longest_token_life=7), short.expires
    told = [hit.sentence for hit in impact.weigh(org, wishes)]
    assert told == ["2 tokens live longer than that (ben 2). Each ends 7 days after it was made, 1 of 2 at once."]
    org_flows.set_policies(caller=person(amy), handle="acme", wishes=wishes, actor=actor(amy))
    for token in (old, young, short, other):
        token.refresh_from_db()
    assert (young.expires, short.expires) == (timezone.now() + 7 * DAYS, ends)
    assert (old.expires, other.expires) == (timezone.now() - DAYS, timezone.now() + 82 * DAYS)
    assert flows.expire_due() == 1
    assert rest("GET", "/api/v1/me/", text).status_code == 401
    event = SecurityEvent.objects.get(event="token.shortened", about=young.public_id)
    assert (event.subject, event.data["org_name"]) == (ben, "Acme")
    assert settling.settle_recent() == 0


def test_who_joins_brings_no_longer_life_along(amy: User, ben: User, clock: Any) -> None:
    org, token = limited(amy, 7), token_and_text(user=ben, expires=timezone.now() + 90 * DAYS)[0]
    Membership.objects.filter(org=org).update(level=OrgLevel.ADMIN)
    invitation = org_flows.invite(caller=person(amy), handle="acme", invitee="ben", level=OrgLevel.MEMBER, actor=actor(amy))
    org_flows.accept(link=invitation.public_id, user=ben, actor=actor(ben))
    token.refresh_from_db()
    assert token.expires == timezone.now() + 7 * DAYS


def test_a_token_that_raced_with_the_limit_is_found_by_the_worker(amy: User, clock: Any) -> None:
    limited(amy, 7)
    token = token_and_text(user=amy, expires=timezone.now() + 90 * DAYS)[0]
    assert (settling.settle_recent(), settling.settle_recent()) == (1, 0)
    token.refresh_from_db()
    assert token.expires == timezone.now() + 7 * DAYS


def test_a_preview_weighs_no_token_that_reaches_others_alone(amy: User, clock: Any) -> None:
    org, mine = limited(amy), project_of(amy)
    token = token_and_text(user=amy, everywhere=None, expires=timezone.now() + 90 * DAYS)[0]
    token.projects.create(project=mine, level=1)
    wishes = PolicyWishes(longest_token_life=7, tokens_allowed=False)
    assert impact.weigh(org, wishes) == []
    mine.org = org
    mine.save()
    assert [hit.kind for hit in impact.weigh(org, wishes)] == ["tokens-longer", "members-with-tokens"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", ["make", "rotate"])
def test_a_rule_that_is_set_while_a_token_is_made_comes_before_or_after_it(race: Race, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    amy: User = UserFactory(username="amy")
    limited(amy)
    Membership.objects.update(level=OrgLevel.ADMIN)
    token = token_and_text(user=amy)[0]
    set_but_not_committed, tried = threading.Event(), threading.Event()

    def hold(name: str) -> None:
        set_but_not_committed.set()
        tried.wait(0.3)

    monkeypatch.setattr("orgs.flows.policies.failpoint", hold)

    def run(runner: int) -> Any:
        if runner == 0:
            wishes = PolicyWishes(tokens_allowed=False)
            return org_flows.set_policies(caller=person(amy), handle="acme", wishes=wishes, actor=actor(amy))
        assert set_but_not_committed.wait(30)
        try:
            if act == "make":
                return flows.create(user=amy, label="late", expires=None, kind=TokenKind.API, actor=actor(amy))
            return flows.rotate(user=amy, token=token, overlap_seconds=0, expires=None, actor=actor(amy))
        finally:
            tried.set()

    done, made = race(2, run)
    assert not isinstance(done, Exception), repr(done)
    assert isinstance(made, TokensNotAllowed), repr(made)
    assert Token.objects.count() == 1
