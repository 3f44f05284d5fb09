"""What organizations allow tokens: how long one lives, and whether members make any; of several the strictest (S7.2)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from orgs.models import Organization
from tests.conftest import WebDoor
from tests.factories import PASSWORD
from tests.orgs.factories import OrganizationFactory
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
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


def test_a_rotated_token_and_a_login_live_no_longer_and_existing_ones_keep_their_date(amy: User, clock: Any) -> None:
    token, text = token_and_text(user=amy, expires=timezone.now() + 90 * DAYS)
    limited(amy, 7)
    token.refresh_from_db()
    assert token.expires == timezone.now() + 90 * DAYS
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
