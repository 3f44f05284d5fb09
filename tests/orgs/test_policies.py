"""Setting policies: who may, what is told, and that they hold at once, for open sessions too (S2.3, S2.4, S7.2, ORG-02, ORG-03)."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import sessions
from accounts.errors import ReasonNeeded
from accounts.models import OutboxMail, SecurityEvent, Session, User
from orgs import flows, impact, limits, settling
from orgs.errors import AdminNeeded, OrgNotFound, PolicyRefused
from orgs.flows import PolicyWishes
from orgs.models import Membership, Organization, OrgLevel, Policy
from tests.conftest import WebDoor
from tests.factories import UserFactory, actor
from tests.orgs.factories import OrganizationFactory, person, support
from tests.tokens.doors import dx, rest
from tests.tokens.factories import TokenFactory, token_and_text

pytestmark = pytest.mark.django_db
MINUTE, DAY = 60, 86_400


@pytest.fixture
def acme(amy: User, ben: User, clock: Any) -> Organization:
    """An organization that amy administers, with ben in it."""
    org: Organization = OrganizationFactory(handle="acme", name="Acme", admins=[amy], members=[ben])
    return org


def set_policies(org: Organization, by: Any, **wishes: Any) -> flows.PoliciesSet:
    caller = person(by) if isinstance(by, User) else by
    return flows.set_policies(caller=caller, handle=org.handle, wishes=PolicyWishes(**wishes), actor=caller.actor)


def limit_of(user: User) -> int:
    return Session.objects.of(user).get().idle_limit_seconds


def a_session(user: User, *, idle: int = 0, limit: int = 900) -> Session:
    now = timezone.now()
    key = f"{Session.objects.count():064d}"
    return Session.objects.create(
        session_key=key, user=user, epoch=user.session_epoch, created=now - timedelta(hours=1), last_activity=now - timedelta(seconds=idle),
        idle_limit_seconds=limit, expire_date=now + timedelta(hours=9),
    )  # fmt: skip


def test_org_03_a_stricter_limit_holds_for_a_live_session_at_its_next_request(
    web: WebDoor, acme: Organization, amy: User, ben: User, clock: Any
) -> None:
    web.sign_in(ben)
    clock.shift(6 * MINUTE)
    done = set_policies(acme, amy, auto_logout_after=5)
    assert [change.words for change in done.changes] == ["Sign out after inactivity: as elsewhere (15 minutes) → 5 minutes"]
    assert limit_of(ben) == 300
    answer = web.get("/security/")
    assert (answer.status_code, "why=idle" in answer["Location"]) == (302, True)


def test_a_looser_limit_holds_for_a_live_session_too(web: WebDoor, acme: Organization, amy: User, ben: User, clock: Any) -> None:
    web.sign_in(ben)
    set_policies(acme, amy, auto_logout_after=60)
    clock.shift(59 * MINUTE)
    assert web.signed_in
    set_policies(acme, amy, auto_logout_after=None)
    assert limit_of(ben) == 900


def test_org_03_of_two_organizations_the_strictest_holds_and_leaving_one_computes_anew(
    web: WebDoor, acme: Organization, amy: User, ben: User
) -> None:
    bolt = OrganizationFactory(handle="bolt", members=[ben], admins=[amy], auto_logout_after_minutes=10)
    web.sign_in(ben)
    assert limit_of(ben) == 600
    set_policies(acme, amy, auto_logout_after=5)
    set_policies(bolt, amy, auto_logout_after=8)
    assert limit_of(ben) == 300
    flows.remove(caller=person(amy), handle="acme", username="ben", actor=actor(amy))
    assert limit_of(ben) == 480
    flows.leave(caller=person(ben), handle="bolt", actor=actor(ben))
    assert limit_of(ben) == 900


def test_org_03_joining_takes_the_policies_of_the_organization_to_open_sessions(web: WebDoor, acme: Organization, amy: User) -> None:
    cleo = UserFactory(username="cleo")
    set_policies(acme, amy, auto_logout_after=5)
    web.sign_in(cleo)
    assert limit_of(cleo) == 900
    invitation = flows.invite(caller=person(amy), handle="acme", invitee="cleo", level=OrgLevel.MEMBER, actor=actor(amy))
    flows.accept(link=invitation.public_id, user=cleo, actor=actor(cleo))
    assert limit_of(cleo) == 300


def test_sessions_of_others_stay_and_all_members_cost_one_statement(acme: Organization, amy: User, ben: User) -> None:
    people: list[User] = [UserFactory() for _ in range(3)]
    Membership.objects.bulk_create(Membership(org=acme, user=user) for user in people)
    stranger = a_session(UserFactory())
    for user in [*people, ben, ben]:
        a_session(user)
    with CaptureQueriesContext(connection) as captured:
        set_policies(acme, amy, auto_logout_after=5)
    written = [query["sql"] for query in captured if query["sql"].startswith('UPDATE "accounts_session"')]
    assert len(written) == 1
    assert Session.objects.filter(idle_limit_seconds=300).count() == 5
    stranger.refresh_from_db()
    assert stranger.idle_limit_seconds == 900
    assert settling.settle_idle_limits(Session.objects.all()) == 0


@pytest.mark.parametrize("members", [1, 20])
def test_an_act_costs_the_same_however_many_it_hits(acme: Organization, amy: User, members: int) -> None:
    for _ in range(members):
        user = UserFactory()
        Membership.objects.create(org=acme, user=user)
        a_session(user, idle=400)
        TokenFactory(user=user)
    with CaptureQueriesContext(connection) as captured:
        set_policies(acme, amy, auto_logout_after=5, require_second_factor=True, longest_token_life=7, tokens_allowed=False)
    statements = [query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "SET LOCAL"))]
    assert len(statements) == 27, "\n".join(sql[:150] for sql in statements)


def test_a_login_that_raced_with_the_change_is_found_by_the_worker(
    web: WebDoor, acme: Organization, amy: User, ben: User, clock: Any
) -> None:
    set_policies(acme, amy, auto_logout_after=5)
    web.sign_in(ben)
    # It read the policies before they were committed, and inserted its row afterwards.
    Session.objects.of(ben).update(idle_limit_seconds=900)
    assert settling.settle_recent() == 1
    assert limit_of(ben) == 300
    assert settling.settle_recent() == 0
    Session.objects.of(ben).update(idle_limit_seconds=900)
    clock.shift(601)
    assert settling.settle_recent() == 0


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no rows")
@pytest.mark.django_db(transaction=True)
def test_activity_is_noted_without_waiting_for_a_row_that_somebody_holds(race: Any, amy: User) -> None:
    row = a_session(amy, idle=120)
    held: list[bool] = []

    def hold_or_touch(number: int) -> object:
        if number == 0:
            with transaction.atomic():
                Session.objects.select_for_update(no_key=True).get(pk=row.pk)
                for _ in range(200):
                    if held:
                        return "held"
                    connection.cursor().execute("SELECT pg_sleep(0.01)")
                return "nobody came"
        connection.cursor().execute("SELECT pg_sleep(0.1)")
        held.append(sessions.touch(row, timezone.now()))
        return held[0]

    assert race(2, hold_or_touch) == ["held", False]


def test_a_change_is_an_event_about_the_organization_and_a_mail_to_its_admins(acme: Organization, amy: User, ben: User) -> None:
    cleo = UserFactory(username="cleo")
    Membership.objects.create(org=acme, user=cleo, level=OrgLevel.ADMIN)
    set_policies(acme, amy, auto_logout_after=5, tokens_allowed=False)
    event = SecurityEvent.objects.get(event="org.policies-changed")
    assert (event.about, event.actor_id, event.subject_id) == ("org-acme", amy.pk, None)
    assert [(one["policy"], one["before"], one["after"]) for one in event.data["changes"]] == [
        ("autoLogoutAfter", "as elsewhere (15 minutes)", "5 minutes"), ("tokensAllowed", "allowed", "not allowed"),
    ]  # fmt: skip
    mails = {mail.to: mail.text for mail in OutboxMail.objects.filter(subject__contains="Policies")}
    assert set(mails) == {"amy@example.com", "cleo@example.com"}
    assert "API tokens: allowed → not allowed" in mails["cleo@example.com"]
    # Where somebody acts from is theirs alone (ORG-05).
    assert ("192.0.2.10" in mails["amy@example.com"], "192.0.2.10" in mails["cleo@example.com"]) == (True, False)


def test_what_is_as_it_was_is_no_event_and_no_mail(acme: Organization, amy: User) -> None:
    before = set_policies(acme, amy, auto_logout_after=5).org.policies_changed
    seen = SecurityEvent.objects.count(), OutboxMail.objects.count()
    done = set_policies(acme, amy, auto_logout_after=5, tokens_allowed=True, grace_days=14)
    assert (done.changes, done.org.policies_changed) == ((), before)
    assert (SecurityEvent.objects.count(), OutboxMail.objects.count()) == seen


def test_support_sets_them_with_a_reason_that_is_recorded_and_mailed(acme: Organization) -> None:
    with pytest.raises(ReasonNeeded):
        support(reason="why not")
    set_policies(acme, support(reason="Asked for by their security officer"), auto_logout_after=5)
    assert SecurityEvent.objects.get(event="org.policies-changed").data["reason"] == "Asked for by their security officer"
    assert "user-sam of support" in OutboxMail.objects.get(to="amy@example.com").text


@pytest.mark.parametrize(("who", "refusal", "status"), [("ben", AdminNeeded, 403), ("stranger", OrgNotFound, 404)])
def test_org_02_members_and_strangers_set_nothing_by_any_door(
    web: WebDoor, acme: Organization, ben: User, who: str, refusal: type[Exception], status: int
) -> None:
    user = ben if who == "ben" else UserFactory(username="stranger")
    with pytest.raises(refusal):
        set_policies(acme, user, auto_logout_after=5)
    text = token_and_text(user=user)[1]
    assert rest("PATCH", "/api/v1/orgs/acme/policies/", text, {"autoLogoutAfter": 5}).status_code == status
    assert rest("PATCH", "/api/v1/orgs/acme/policies/", text, {"autoLogoutAfter": 5, "preview": True}).status_code == status
    assert dx("/org-acme/update", {"policies": {"autoLogoutAfter": 5}}, text).status_code == {403: 401, 404: 404}[status]
    web.sign_in(user)
    assert web.send("/orgs/acme/", {"auto_logout_after": "5"}, form_at="/security/").status_code == status
    acme.refresh_from_db()
    assert acme.auto_logout_after_minutes is None


def test_a_token_that_is_narrower_than_its_admin_sets_nothing(acme: Organization, amy: User) -> None:
    text = token_and_text(user=amy, everywhere=1)[1]
    answer = rest("PATCH", "/api/v1/orgs/acme/policies/", text, {"autoLogoutAfter": 5})
    assert (answer.status_code, answer.json()["code"]) == (403, "account_out_of_reach")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"auto_logout_after": 0}, "autoLogoutAfter"), ({"auto_logout_after": 1441}, "autoLogoutAfter"),
        ({"grace_days": 91}, "gracePeriodDays"), ({"longest_token_life": 366}, "longestTokenLife"),
        ({"reset_wait_hours": 25}, "resetWaitHours"),
        ({"auto_logout_after": True}, "autoLogoutAfter"), ({"report_only": {Policy.AUTO_LOGOUT: 15}}, "autoLogoutAfter"),
    ],
)  # fmt: skip
def test_values_out_of_bounds_are_refused_by_name(acme: Organization, amy: User, wishes: dict[str, Any], field: str) -> None:
    with pytest.raises(PolicyRefused) as refused:
        set_policies(acme, amy, **wishes)
    assert refused.value.field == field


def test_what_the_preview_says_is_what_then_happens(acme: Organization, amy: User, ben: User) -> None:
    for idle in (0, 100, 400, 500):
        a_session(ben, idle=idle)
    OrganizationFactory(handle="bolt", members=[cleo := UserFactory(username="cleo")], auto_logout_after_minutes=3)
    Membership.objects.create(org=acme, user=cleo)
    a_session(cleo, limit=180)
    TokenFactory(user=ben, expires=timezone.now() + timedelta(days=90))
    wishes = PolicyWishes(auto_logout_after=5, require_second_factor=True, longest_token_life=30, tokens_allowed=False)
    told = impact.weigh(acme, wishes)
    assert {hit.kind: (hit.count, hit.names) for hit in told} == {
        "sessions-shortened": (5, ()), "sessions-ended": (2, ("ben",)), "members-without-2fa": (3, ("amy", "ben", "cleo")),
        "tokens-longer": (1, ("ben 1",)), "members-with-tokens": (1, ("ben 1",)),
    }  # fmt: skip
    assert Session.objects.filter(idle_limit_seconds=300).count() == 0
    done = flows.set_policies(caller=person(amy), handle="acme", wishes=wishes, actor=actor(amy))
    assert list(done.hits) == told
    now = timezone.now()
    over = [row for row in Session.objects.select_related("user") if sessions.why_over(row, now)]
    assert (Session.objects.filter(idle_limit_seconds=300).count(), len(over)) == (4, 2)
    assert User.objects.exclude(must_enrol_at=None).count() == 3


def test_another_grace_period_counts_from_when_it_was_required(acme: Organization, amy: User, clock: Any) -> None:
    on = timezone.now()
    set_policies(acme, amy, require_second_factor=True, grace_days=14)
    clock.shift(3 * DAY)
    done = set_policies(acme, amy, grace_days=21)
    assert done.org.second_factor_from == on + timedelta(days=21)
    amy.refresh_from_db()
    assert amy.must_enrol_at == on + timedelta(days=21)
    set_policies(acme, amy, require_second_factor=False)
    amy.refresh_from_db()
    assert amy.must_enrol_at is None


def shown(page: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.content.decode()))


def fields_of(page: Any, **changed: str) -> dict[str, str]:
    form = page.context["form"]
    now = {name: "" if form[name].value() is None else str(form[name].value()) for name in form.fields}
    return {**now, "reviewed": page.context["reviewed"], **changed}


def test_the_page_says_whom_a_change_hits_before_it_saves_it(web: WebDoor, acme: Organization, amy: User, ben: User) -> None:
    web.sign_in(amy)
    a_session(ben, idle=400)
    page = web.get("/orgs/acme/")
    review = web.send("/orgs/acme/", fields_of(page, auto_logout_after="5"))
    assert review.status_code == 200
    text = shown(review)
    assert "2 of 2 open sessions get a shorter limit, 1 ends at once (ben)" in text
    assert "1 change: Sign out after inactivity: as elsewhere (15 minutes) → 5 minutes" in text
    acme.refresh_from_db()
    assert acme.auto_logout_after_minutes is None
    saved = web.send("/orgs/acme/", fields_of(review))
    assert saved.status_code == 302
    assert Organization.objects.get(handle="acme").auto_logout_after_minutes == 5
    assert "1 ends at once (ben)." in shown(web.get("/orgs/acme/"))


def test_a_preview_saves_nothing_and_a_change_by_somebody_else_is_shown_again(web: WebDoor, acme: Organization, amy: User) -> None:
    web.sign_in(amy)
    page = web.get("/orgs/acme/")
    review = web.send("/orgs/acme/", {**fields_of(page, fa="on", grace="0"), "preview": "1"})
    assert "can do nothing before setting it up" in shown(review)
    set_policies(acme, support(), tokens_allowed=False)
    again = web.send("/orgs/acme/", fields_of(review))
    assert again.status_code == 200
    acme.refresh_from_db()
    assert acme.second_factor_from is None
    assert web.send("/orgs/acme/", {"auto_logout_after": "0"}).status_code == 422
    assert "Nothing was changed" in shown(web.send("/orgs/acme/", fields_of(web.get("/orgs/acme/")), follow=True))


def test_members_read_the_policies_over_rest_and_admins_see_the_tally(acme: Organization, amy: User, ben: User) -> None:
    admin, member = token_and_text(user=amy)[1], token_and_text(user=ben)[1]
    path = "/api/v1/orgs/acme/policies/"
    preview: Any = rest("PATCH", path, admin, {"autoLogoutAfter": 5, "reportOnly": {"tokensAllowed": False}, "preview": True})
    assert [one["policy"] for one in preview.json()["changes"]] == ["autoLogoutAfter", "tokensAllowed"]
    assert preview.json()["autoLogoutAfter"] is None
    assert [hit["sentence"] for hit in preview.json()["hits"] if hit["reportOnly"]][0].startswith("2 members have API tokens")
    answer: Any = rest("PATCH", path, admin, {"autoLogoutAfter": 5, "reportOnly": {"tokensAllowed": False, "longestTokenLife": 7}})
    assert answer.status_code == 200, answer.content
    got: Any = rest("GET", path, member)
    assert got.json()["autoLogoutAfter"] == 5
    assert (got.json()["reportOnly"], got.json()["tally"]) == ({"tokensAllowed": False, "longestTokenLife": 7}, None)
    tally: Any = rest("GET", path, admin).json()["tally"]  # type: ignore[attr-defined]
    assert set(tally) == {"tokensAllowed", "longestTokenLife"}
    assert rest("PATCH", path, admin, {"reportOnly": {"longestTokenLife": None}}).json()["reportOnly"] == {"tokensAllowed": False}  # type: ignore[attr-defined]
    for wrong in (
        {"reportOnly": {"autoLogoutAfter": True}},
        {"reportOnly": {"other": 1}},
        {"autoLogoutAfter": "5"},
        {"gracePeriodDays": None},
    ):
        assert rest("PATCH", path, admin, wrong).status_code == 400, wrong


def test_dx_sets_and_describes_them(acme: Organization, amy: User) -> None:
    text = token_and_text(user=amy)[1]
    assert dx("/org-acme/update", {"policies": {"autoLogoutAfter": 5}}, text).json() == {"id": "org-acme"}
    assert dx("/org-acme/describe", {}, text).json()["policies"]["autoLogoutAfter"] == 5
    assert dx("/org-acme/update", {"policies": {"autoLogoutAfter": 0}}, text).status_code == 422


def test_org_05_a_preview_tells_nothing_of_limits_that_other_organizations_have(acme: Organization, amy: User, ben: User) -> None:
    a_session(ben, idle=100)
    wishes = PolicyWishes(auto_logout_after=5)
    alone = impact.weigh(acme, wishes)
    OrganizationFactory(handle="bolt", members=[ben], auto_logout_after_minutes=3)
    Session.objects.of(ben).update(idle_limit_seconds=180)
    assert impact.weigh(acme, wishes) == alone
    assert [hit.kind for hit in alone] == ["sessions-shortened"]


def asked_on_the_page(org: Organization, admin: User) -> int:
    web = WebDoor().sign_in(admin)
    page = web.get("/orgs/acme/")
    return int(web.send("/orgs/acme/", {**fields_of(page, auto_logout_after="5"), "preview": "1"}).status_code)


def asked_over_rest(org: Organization, admin: User) -> int:
    text = token_and_text(user=admin)[1]
    answer = rest("PATCH", "/api/v1/orgs/acme/policies/", text, {"autoLogoutAfter": 5, "preview": True})
    assert answer.status_code == 200 or int(answer["Retry-After"]) >= 1
    return answer.status_code


@pytest.mark.parametrize("limit", ["PREVIEWS_PER_PERSON_AND_MINUTE", "PREVIEWS_PER_ADDRESS_AND_MINUTE"])
def test_api_08_whom_policies_would_hit_is_asked_so_often_over_all_doors(
    acme: Organization, amy: User, monkeypatch: pytest.MonkeyPatch, clock: Any, limit: str
) -> None:
    monkeypatch.setattr(limits, limit, 2)
    assert [asked_on_the_page(acme, amy), asked_over_rest(acme, amy)] == [200, 200]
    assert [asked_on_the_page(acme, amy), asked_over_rest(acme, amy)] == [429, 429]
    other: User = UserFactory(username="cleo")
    Membership.objects.create(org=acme, user=other, level=OrgLevel.ADMIN)
    # Another admin at the same address.
    assert asked_over_rest(acme, other) == (200 if "PERSON" in limit else 429)
    clock.shift(MINUTE)
    assert asked_over_rest(acme, amy) == 200
    set_policies(acme, amy, auto_logout_after=5)
    acme.refresh_from_db()
    assert acme.auto_logout_after_minutes == 5
