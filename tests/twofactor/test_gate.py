"""Where an organization requires it, a member without it is led to the set-up before anything else (S6.9, CLI-08)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import stopped
from accounts.models import OutboxMail, User
from orgs.models import Membership, Organization
from tests.conftest import WebDoor
from tests.factories import PASSWORD
from tests.tokens.doors import dx
from tests.twofactor.factories import code, turned_on
from tokens.models import Token
from twofactor import gate

pytestmark = pytest.mark.django_db
ENABLE = "/security/2fa/enable/"
LOGIN = {"username": "amy", "password": PASSWORD, "expires": 1_900_000_000_000}


def require(user: User, *, days: int = 0, name: str = "acme") -> Organization:
    org = Organization.objects.create(handle=name, name="Acme Genomics", second_factor_from=timezone.now() + timedelta(days=days))
    Membership.objects.create(org=org, user=user)
    return org


def test_org_04_a_member_without_it_gets_no_further_than_the_set_up(web: WebDoor, amy: User) -> None:
    require(amy)
    web.sign_in(amy)
    for path in ("/", "/security/", "/profile/tokens/", "/security/password/"):
        assert web.get(path)["Location"] == ENABLE, path
    assert "Acme Genomics requires two-factor authentication" in web.get(ENABLE).content.decode()
    assert web.get("/help/").status_code == 200
    answer = web.get("/api/v1/projects/")
    assert (answer.status_code, answer.json()["code"]) == (403, "enrolment_needed")
    assert web.send("/logout/", form_at=ENABLE).status_code == 302


def test_before_the_day_nothing_is_in_the_way_and_the_page_tells_of_it(web: WebDoor, amy: User, clock: Any) -> None:
    require(amy, days=1)
    web.sign_in(amy)
    assert "Acme Genomics requires it from" in web.get("/security/").content.decode()
    clock.shift(86_400)
    assert web.get("/security/").status_code == 302  # idle for a day
    web.sign_in(amy, to=ENABLE)
    assert web.get("/security/")["Location"] == ENABLE


def test_who_has_it_goes_on(web: WebDoor, amy: User, clock: Any) -> None:
    require(amy)
    turned_on(amy)
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": code()})
    assert web.get("/security/").status_code == 200


def test_cli_08_dx_login_without_it_is_refused_with_the_way_once_the_grace_period_is_over(amy: User, clock: Any) -> None:
    require(amy, days=1)
    assert dx("/system/newAuthToken", {**LOGIN, "expires": 1_900_000_000_001}).status_code == 200
    Token.objects.all().delete()
    clock.shift(86_401)
    answer = dx("/system/newAuthToken", LOGIN)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "EnrolmentNeeded")
    assert "Set it up on Account Security" in answer.json()["error"]["message"]
    assert dx("/system/newAuthToken", {**LOGIN, "password": "wrong"}).json()["error"]["type"] == "UsernameOrPasswordError"
    assert not Token.objects.exists()


def test_a_new_rule_holds_for_live_sessions_by_one_statement(
    web: WebDoor, amy: User, ben: User, browsers: Any, django_assert_num_queries: Any
) -> None:
    web.sign_in(amy)
    other = browsers().sign_in(ben)
    late, soon = require(amy, days=9), require(amy, days=0, name="bolt")
    with django_assert_num_queries(1):
        assert gate.settle(User.objects.filter(memberships__org__in=[late, soon])) == 1
    amy.refresh_from_db()
    assert amy.must_enrol_at == soon.second_factor_from
    assert web.get("/")["Location"] == ENABLE
    assert other.get("/").status_code == 200
    soon.delete()
    assert gate.settle(User.objects.filter(pk=amy.pk)) == 1
    assert gate.settle(User.objects.filter(pk=amy.pk)) == 0
    amy.refresh_from_db()
    assert amy.must_enrol_at == late.second_factor_from
    assert web.get("/").status_code == 200


def test_those_who_have_it_are_not_marked(web: WebDoor, amy: User, clock: Any) -> None:
    turned_on(amy)
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": code()})
    require(amy)
    gate.settle(User.objects.filter(pk=amy.pk))
    amy.refresh_from_db()
    assert amy.must_enrol_at is None


def test_log_13_a_right_password_that_the_gate_stops_is_told_and_its_repeat_costs_nothing(amy: User, clock: Any) -> None:
    require(amy)
    answers = {dx("/system/newAuthToken", LOGIN).json()["error"]["message"] for _ in range(3)}
    assert len(answers) == 1
    clock.shift(601)
    assert stopped.report_due() == 1
    mail = OutboxMail.objects.get(subject="Somebody had your Gatehouse password, and did not get in")
    assert "two-factor authentication and none is set up" in mail.text
