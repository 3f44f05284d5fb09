"""Required by an organization: before the day nothing is in the way, after it nothing else is open, by any door (S6.9, ORG-04, CLI-08)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.reauth import Proof
from orgs import flows
from orgs.flows import PolicyWishes
from orgs.models import Organization, OrgLevel
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.orgs.factories import OrganizationFactory, person
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import code, supporter, turned_on
from tests.work.factories import announce, begin
from tests.work.work_factories import job_of
from twofactor import flows as second_factor
from twofactor import gate
from twofactor.models import Authenticator

pytestmark = pytest.mark.django_db
ENABLE, DAY = "/security/2fa/enable/", 86_400


@pytest.fixture
def acme(amy: User, ben: User, clock: Any) -> Organization:
    """An organization that amy administers, with ben in it."""
    org: Organization = OrganizationFactory(handle="acme", name="Acme", admins=[amy], members=[ben])
    return org


def require(org: Organization, by: User, days: int = 0, *, on: bool = True) -> None:
    wishes = PolicyWishes(require_second_factor=on, grace_days=days)
    flows.set_policies(caller=person(by), handle=org.handle, wishes=wishes, actor=actor(by))


def test_org_04_a_session_that_is_open_when_it_is_required_gets_no_further_than_the_set_up(
    web: WebDoor, acme: Organization, amy: User, ben: User
) -> None:
    web.sign_in(ben)
    require(acme, amy)
    assert web.get("/")["Location"] == ENABLE
    assert web.get("/api/v1/projects/").json()["code"] == "enrolment_needed"
    require(acme, amy, on=False)
    assert web.get("/").status_code == 200


def test_org_04_the_tokens_of_a_member_wait_once_the_grace_period_is_over(acme: Organization, amy: User, ben: User, clock: Any) -> None:
    text, other = token_and_text(user=ben)[1], token_and_text(user=UserFactory())[1]
    require(acme, amy, days=2)
    clock.shift(2 * DAY - 1)
    assert rest("GET", "/api/v1/me/", text).status_code == 200
    clock.shift(1)
    answer: Any = rest("GET", "/api/v1/me/", text)
    assert (answer.status_code, answer.json()["code"]) == (403, "enrolment_needed")
    assert "requires two-factor authentication" in answer.json()["detail"]
    for call in ("/system/whoami", "/system/findProjects", "/file-xxxxxxxxxxxxxxxxxxxxxxxx/describe"):
        refused = dx(call, {}, text)
        assert (refused.status_code, refused.json()["error"]["type"]) == (401, "EnrolmentNeeded"), call
    assert rest("GET", "/api/v1/me/", other).status_code == 200
    turned_on(ben)
    gate.settle(User.objects.filter(pk=ben.pk))
    assert rest("GET", "/api/v1/me/", text).status_code == 200


def test_dx_logout_works_for_who_can_do_nothing_else(acme: Organization, amy: User, ben: User) -> None:
    token, text = token_and_text(user=ben, cli=True)
    require(acme, amy)
    assert dx("/system/newAuthToken", {"label": "more"}, text).status_code == 401
    assert dx("/system/destroyAuthToken", {"tokenSignature": token.digest}, text).status_code == 200
    assert dx("/system/whoami", {}, text).json()["error"]["type"] == "InvalidAuthentication"


def test_work_that_runs_goes_on_and_nothing_new_begins(acme: Organization, amy: User, ben: User) -> None:
    project = project_of(ben)
    job, text = job_of(ben, project)
    own = token_and_text(user=ben)[1]
    upload = begin(own, project)
    require(acme, amy)
    assert announce(own, upload, b"bytes").status_code == 200
    assert dx("/file/new", {"name": "next", "project": project.public_id}, own).status_code == 401
    assert rest("POST", f"/api/v1/jobs/{job.public_id}/heartbeat/", text, {}).status_code == 200
    assert rest("POST", "/api/v1/jobs/", text, {"project": project.public_id, "name": "next"}).status_code == 403
    assert rest("POST", f"/api/v1/jobs/{job.public_id}/finish/", text, {"exit_code": 0}).status_code == 200


def test_org_04_turn_off_is_refused_by_a_post_too(web: WebDoor, acme: Organization, amy: User, ben: User) -> None:
    turned_on(ben)
    web.send("/login/", {"username": "ben", "password": PASSWORD})
    web.send("/login/verify/", {"otp": code()})
    require(acme, amy, days=30)
    assert "/security/2fa/disable/" not in web.get("/security/").content.decode()
    fields = {"current_password": PASSWORD, "otp": code(1)}
    answer = web.send("/security/2fa/disable/", fields, form_at="/security/password/")
    assert answer.status_code == 403
    assert Authenticator.objects.filter(user=ben).exists()


def test_joining_and_leaving_settle_whom_the_rule_holds_for(web: WebDoor, acme: Organization, amy: User, ben: User) -> None:
    require(acme, amy)
    cleo = UserFactory(username="cleo")
    web.sign_in(cleo)
    invitation = flows.invite(caller=person(amy), handle="acme", invitee="cleo", level=OrgLevel.MEMBER, actor=actor(amy))
    flows.accept(link=invitation.public_id, user=cleo, actor=actor(cleo))
    assert web.get("/")["Location"] == ENABLE
    flows.remove(caller=person(amy), handle="acme", username="cleo", actor=actor(amy))
    assert web.get("/").status_code == 200


def test_a_login_that_raced_with_the_rule_is_found_by_the_worker(
    web: WebDoor, acme: Organization, amy: User, ben: User, clock: Any
) -> None:
    require(acme, amy)
    # Written by whoever had read the rules before; no session need have begun since.
    User.objects.filter(pk=ben.pk).update(must_enrol_at=None)
    assert (gate.settle_recent(), gate.settle_recent()) == (1, 0)
    ben.refresh_from_db()
    assert ben.must_enrol
    web.sign_in(ben, to=ENABLE)
    assert web.get("/")["Location"] == ENABLE


def test_the_home_page_tells_of_it_in_time_and_turn_off_is_not_offered(web: WebDoor, acme: Organization, amy: User, ben: User) -> None:
    require(acme, amy, days=3)
    assert "Acme requires two-factor authentication from" in web.sign_in(ben).get("/").content.decode()
    turned_on(ben)
    gate.settle(User.objects.filter(pk=ben.pk))
    assert "Acme requires two-factor authentication from" not in web.get("/").content.decode()
    answer = web.get("/security/2fa/disable/", follow=True)
    assert answer.redirect_chain[-1][0] == "/security/"
    assert "Turn Off" not in answer.content.decode()


def test_somebody_who_is_led_to_the_set_up_can_sign_out_there(web: WebDoor, acme: Organization, amy: User, ben: User) -> None:
    require(acme, amy)
    page = web.sign_in(ben, to=ENABLE).get(ENABLE).content.decode()
    assert 'form="out"' in page
    assert "Leave without turning it on" not in page


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no rows")
@pytest.mark.parametrize("act", ["turn off", "reset"])
def test_taking_it_off_locks_the_organizations_before_the_person(acme: Organization, ben: User, clock: Any, act: str) -> None:
    turned_on(ben)
    if act == "reset":
        sue, tom = supporter("sue"), supporter("tom")
        request = second_factor.ask(staff=sue, person=ben, actor=sue.actor)
        second_factor.agree(staff=tom, request_id=request.public_id, actor=tom.actor)
        clock.shift(DAY)
    with CaptureQueriesContext(connection) as captured:
        if act == "reset":
            assert second_factor.carry_out_due() == 1
        else:
            second_factor.turn_off(user=ben, proof=Proof(ben.pk, ben.session_epoch), actor=actor(ben))
    locked = [query["sql"] for query in captured if "FOR NO KEY UPDATE" in query["sql"] or "FOR UPDATE" in query["sql"]]
    assert ['FROM "orgs_organization"' in sql for sql in locked[:2]] == [True, False], locked
