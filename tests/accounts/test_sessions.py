"""Web sessions: how long they live, how they end, what others can see of them (SES, S1.9, S2)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.auth import login as django_login
from django.core.cache import cache, caches
from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import sessions
from accounts.audit import Event
from accounts.digests import digest
from accounts.models import EndedSession, SecurityEvent, Session, User, WhyEnded
from orgs.models import Membership, Organization
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.projects.factories import project_of

Browsers = Callable[[], WebDoor]
KEY = settings.SESSION_COOKIE_NAME


def test_ses_06_fifteen_minutes_without_activity_end_a_session_and_the_login_page_says_why(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    clock.shift(899)
    assert web.signed_in
    clock.shift(900)
    answer = web.get("/security/history/")
    assert answer["Location"] == "/login/?next=%2Fsecurity%2Fhistory%2F&why=idle&after=900"
    assert Session.objects.count() == 0
    page = web.get(answer["Location"])
    assert b"You were signed out" in page.content
    assert b"15 minutes passed without activity" in page.content


def test_the_reason_is_still_known_after_the_sweeper_was_first(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    clock.shift(901)
    assert sessions.sweep() == 1
    assert "why=idle" in web.get("/")["Location"]


def test_a_form_sent_too_late_leads_back_to_the_page_it_stood_on(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    token = str(web.get("/security/password/").context["csrf_token"])
    clock.shift(901)
    headers = {"referer": "http://testserver/security/password/"}
    answer = web.post("/security/password/", {"csrfmiddlewaretoken": token}, headers=headers)
    assert answer["Location"].startswith("/login/?next=%2Fsecurity%2Fpassword%2F&why=idle")


def test_ses_06_activity_slides_the_end_and_is_written_at_most_once_a_minute(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    began = Session.objects.get().last_activity
    clock.shift(59)
    web.get("/security/")
    assert Session.objects.get().last_activity == began
    clock.shift(2)
    web.get("/security/")
    assert (Session.objects.get().last_activity - began).total_seconds() == 61


def test_ses_07_the_throttled_touch_never_extends_a_session_past_its_limit(web: WebDoor, amy: User, clock: Any, settings: Any) -> None:
    settings.IDLE_LIMIT_SECONDS = 60
    web.sign_in(amy)
    clock.shift(5)
    web.get("/security/")
    clock.shift(53)
    assert web.get("/session/").json()["signed_in"] is True
    clock.shift(8)
    assert web.get("/session/").json()["signed_in"] is False


def test_ses_06_polling_errors_and_the_clock_itself_are_no_activity(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    for _ in range(14):
        clock.shift(60)
        assert web.get("/session/").json()["signed_in"] is True
        web.get("/profile/tokens/", headers={"x-gatehouse-poll": "1"})
        web.get("/nothing/here/")
    clock.shift(61)
    assert not web.signed_in


def test_stay_signed_in_counts_and_tells_the_seconds_left(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    clock.shift(870)
    assert web.get("/session/").json() == {"signed_in": True, "left_seconds": 30, "limit_seconds": 900, "username": "amy"}
    assert web.send("/session/", {"do": "stay"}, form_at="/help/").json()["left_seconds"] == 900


def test_the_clock_signs_out_when_asked(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    assert web.send("/session/", {"do": "out"}, form_at="/").status_code == 302
    assert not web.signed_in


def test_ses_08_a_session_ends_after_24_hours_however_busy(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    for _ in range(24 * 6 - 1):
        clock.shift(600)
        assert web.signed_in
    clock.shift(601)
    assert "why=expired" in web.get("/")["Location"]


def test_ses_08_neither_a_new_key_of_the_house_nor_the_password_given_again_prolongs_the_24_hours(
    web: WebDoor, amy: User, clock: Any, settings: Any
) -> None:
    project_of(amy, phi=True)
    web.sign_in(amy)
    for _ in range(24 * 6 - 1):
        clock.shift(600)
        web.get("/security/")
    clock.shift(540)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 60 + "ewkey"
    fields = {"label": "phi", "expires": "30", "access": "all", "current_password": PASSWORD}
    assert web.send("/profile/tokens/new/", fields).status_code == 200
    clock.shift(59)
    assert web.signed_in
    clock.shift(1)
    assert "why=expired" in web.get("/")["Location"]


def test_ses_08_a_key_that_is_cycled_signs_nobody_in(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    store = sessions.SessionStore(web.cookies[KEY].value)
    store.load()
    store.cycle_key()
    assert sessions.SessionStore(store.session_key).user is None
    assert not web.signed_in


def test_ses_06_of_two_requests_at_once_the_one_that_notes_activity_keeps_what_the_other_wrote(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    key = web.cookies[KEY].value
    one, two = sessions.SessionStore(key), sessions.SessionStore(key)
    assert one.user == two.user == amy
    one["draft"] = "of the other"
    one.save()
    assert two.row is not None
    assert sessions.touch(two.row, timezone.now() + timedelta(seconds=61))
    assert sessions.SessionStore(key)["draft"] == "of the other"
    assert settings.SESSION_SAVE_EVERY_REQUEST is False


def test_ses_02_a_row_that_is_gone_ends_the_session_whatever_a_cache_holds(
    web: WebDoor, amy: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.sign_in(amy)
    asked: list[str] = []

    def note(proxy: object, name: str) -> Any:
        asked.append(name)
        return getattr(caches["default"], name)

    monkeypatch.setattr(type(cache), "__getattr__", note)
    assert web.signed_in
    assert not asked
    assert (cache.get("x"), asked) == (None, ["get"])
    Session.objects.all().delete()
    assert not web.signed_in


def test_the_limit_is_the_strictest_of_the_persons_orgs(web: WebDoor, amy: User, clock: Any) -> None:
    for handle, minutes in (("acme", 60), ("bolt", 5), ("calm", None)):
        org = Organization.objects.create(handle=handle, name=handle, auto_logout_after_minutes=minutes)
        Membership.objects.create(org=org, user=amy)
    web.sign_in(amy)
    assert Session.objects.get().idle_limit_seconds == 300
    clock.shift(301)
    assert not web.signed_in


def test_ses_03_sign_out_ends_the_session_on_the_server(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    key = web.cookies[KEY].value
    assert web.get("/logout/").status_code == 405
    assert web.signed_in
    answer = web.send("/logout/", form_at="/")
    assert answer["Location"] == "/login/?why=signed-out"
    assert answer.cookies[KEY]["max-age"] == 0
    thief = WebDoor()
    thief.cookies[KEY] = key
    assert not thief.signed_in


def test_a_second_sign_out_is_harmless(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    token = str(web.get("/").context["csrf_token"])
    for _ in range(2):
        assert web.post("/logout/", {"csrfmiddlewaretoken": token})["Location"] == "/login/?why=signed-out"


def test_sessions_live_side_by_side_and_end_one_by_one(amy: User, browsers: Browsers) -> None:
    here, there = browsers().sign_in(amy), browsers().sign_in(amy)
    rows = {row.public_id: row for row in Session.objects.all()}
    page = here.get("/security/sessions/")
    current = next(shown for shown in page.context["sessions"] if shown.is_current)
    other = next(public_id for public_id in rows if public_id != current.public_id)
    here.send("/security/sessions/", {"end": other})
    assert here.signed_in
    answer = there.get("/")
    assert "why=ended" in answer["Location"]
    assert b"It was ended from another session" in there.get(answer["Location"]).content


def test_ending_all_others_keeps_this_one(amy: User, browsers: Browsers) -> None:
    here, others = browsers().sign_in(amy), [browsers().sign_in(amy) for _ in range(3)]
    here.send("/security/sessions/", {"end": "others"})
    assert here.signed_in
    assert not any(other.signed_in for other in others)


def test_ses_05_ending_the_current_session_from_the_list_leads_to_the_login_page(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    answer = web.send("/security/sessions/", {"end": Session.objects.get().public_id})
    assert answer["Location"] == "/login/?why=signed-out"
    assert answer.cookies[KEY]["max-age"] == 0


@pytest.mark.parametrize("chosen", ["", "nonsense", "a\x00b", "theirs"])
def test_ses_11_a_session_that_is_not_mine_is_no_such_session(amy: User, ben: User, browsers: Browsers, chosen: str) -> None:
    mine, theirs = browsers().sign_in(amy), browsers().sign_in(ben)
    public_id = Session.objects.get(user=ben).public_id if chosen == "theirs" else chosen
    assert mine.send("/security/sessions/", {"end": public_id}).status_code == 404
    token = str(mine.get("/").context["csrf_token"])
    if public_id and "\x00" not in public_id:
        assert mine.delete(f"/api/v1/sessions/{public_id}/", headers={"x-csrftoken": token}).status_code == 404
    assert theirs.signed_in


def test_ses_11_no_page_and_no_answer_holds_a_session_key(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    key = web.cookies[KEY].value
    for path in ("/", "/security/", "/security/sessions/", "/security/history/", "/api/v1/sessions/", "/api/v1/security-log/"):
        content = web.get(path).content.decode()
        assert key not in content
        assert digest(key) not in content


def test_ses_05_rest_lists_sessions_and_ends_the_one_that_asks(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    listed = web.get("/api/v1/sessions/").json()
    assert set(listed) == {"next", "previous", "results"}
    [only] = listed["results"]
    assert only["current"] is True
    assert only["device"] == "Firefox on Linux"
    token = str(web.get("/").context["csrf_token"])
    assert web.delete(f"/api/v1/sessions/{only['id']}/").status_code == 403
    ended = web.delete(f"/api/v1/sessions/{only['id']}/", headers={"x-csrftoken": token})
    assert ended.status_code == 204
    assert ended.cookies[KEY]["max-age"] == 0
    assert not web.signed_in


def test_ses_12_the_fifty_first_session_makes_the_oldest_go_and_the_history_says_so(amy: User, browsers: Browsers, clock: Any) -> None:
    first = browsers().sign_in(amy)
    for _ in range(50):
        clock.shift(1)
        browsers().sign_in(amy)
    assert Session.objects.count() == 50
    assert not first.signed_in
    assert SecurityEvent.objects.filter(event=Event.SESSION_ENDED, data__why="crowded").count() == 1


def test_every_end_is_an_event_with_its_reason(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    clock.shift(901)
    web.get("/")
    ended = SecurityEvent.objects.get(event=Event.SESSION_ENDED)
    assert (ended.subject, ended.data["why"], ended.door) == (amy, "idle", "worker")


@pytest.mark.parametrize("path", ["/profile/", "/api/v1/me/"])
def test_ses_04_a_request_that_was_running_when_its_session_ended_does_not_bring_it_back(
    web: WebDoor, amy: User, monkeypatch: Any, path: str
) -> None:
    web.sign_in(amy)

    def slow(view: Any, request: Any) -> HttpResponse:
        view.request.session["draft"] = "x"
        sessions.end_sessions(Session.objects.all(), why=WhyEnded.SIGNED_OUT, actor=actor(amy))
        return HttpResponse("late")

    monkeypatch.setattr("accounts.views.security.ProfileView.get", slow)
    monkeypatch.setattr("tokens.api.MeView.get", slow)
    answer = web.get(path)
    if path == "/profile/":
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/")
    else:
        assert (answer.status_code, answer.json()["code"], answer["WWW-Authenticate"]) == (401, "not_authenticated", "Bearer")
    assert Session.objects.count() == 0


def test_f15_whoever_lost_a_pending_login_to_their_other_click_keeps_the_session_that_it_opened(
    web: WebDoor, amy: User, monkeypatch: Any
) -> None:
    def slow(view: Any, request: Any) -> HttpResponse:
        view.request.session["draft"] = "x"
        Session.objects.all().delete()  # the other click was faster: what waited for a code became the session of a person
        return HttpResponse("late")

    web.sign_in(amy)
    monkeypatch.setattr("accounts.views.security.ProfileView.get", slow)
    answer = web.get("/profile/")
    assert answer.status_code == 302
    assert KEY not in answer.cookies, "it would clear the cookie that the other answer set"
    monkeypatch.undo()
    assert web.get("/profile/").cookies[KEY].value == "", "a cookie that is dead all the same goes with the next answer"


def test_a_session_that_was_touched_after_it_was_read_is_not_ended(web: WebDoor, amy: User, clock: Any) -> None:
    web.sign_in(amy)
    read = Session.objects.select_related("user").get()
    clock.shift(901)
    Session.objects.update(last_activity=timezone.now())  # another request, between our reading and our ending

    with patch.object(sessions._find, "get", side_effect=[read, Session.objects.select_related("user").get()]):
        store = sessions.SessionStore(web.cookies[KEY].value)
        assert store.user == amy


def test_data_alone_signs_nobody_in(amy: User, rf: RequestFactory) -> None:
    request = rf.get("/")
    request.session = sessions.SessionStore()
    django_login(request, amy, backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()
    assert sessions.SessionStore(request.session.session_key).user is None


@pytest.mark.parametrize(("path", "headers"), [("/work/running/", {"x-gatehouse-poll": "1"}), ("/session/", {})])
def test_a_poll_after_the_end_leaves_the_reason_to_the_next_page(amy: User, browsers: Browsers, path: str, headers: dict[str, str]) -> None:
    there = browsers().sign_in(amy)
    sessions.end_sessions(Session.objects.of(amy), why=WhyEnded.ENDED, actor=actor(amy))
    assert settings.SESSION_COOKIE_NAME not in there.get(path, headers=headers).cookies
    assert "why=ended" in there.get("/security/")["Location"]
    assert "why" not in there.get("/security/")["Location"]


def test_the_idle_clock_tells_why_and_whose_session_it_is(amy: User, browsers: Browsers) -> None:
    here, there = browsers().sign_in(amy), browsers().sign_in(amy)
    assert there.get("/session/").json()["username"] == "amy"
    fields = {"current_password": PASSWORD, "new_password1": "another staple entirely", "new_password2": "another staple entirely"}
    here.send("/security/password/", fields)
    assert there.get("/session/").json() == {"signed_in": False, "left_seconds": 0, "limit_seconds": 0, "why": "password-changed"}


def test_an_address_that_is_for_a_button_says_so(web: WebDoor, amy: User) -> None:
    answer = web.sign_in(amy).get("/logout/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST, OPTIONS")
    assert b"Nothing has happened" in answer.content


def test_ses_10_a_deactivated_persons_session_is_refused_even_if_its_row_was_missed(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    User.objects.update(is_active=False)
    assert not web.signed_in


def test_a_session_of_an_old_epoch_is_dead(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    User.objects.update(session_epoch=2)
    assert not web.signed_in


def test_ses_09_with_a_fallback_for_a_new_key_stale_epochs_stay_dead(web: WebDoor, amy: User, settings: Any) -> None:
    web.sign_in(amy)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 60 + "ewkey"
    assert web.signed_in
    User.objects.update(session_epoch=2)
    Session.objects.update(epoch=2)  # the hash alone has to notice
    assert not web.signed_in


def test_ses_09_key_rotation_with_a_fallback_keeps_sessions_and_without_one_ends_them(web: WebDoor, amy: User, settings: Any) -> None:
    web.sign_in(amy)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 60 + "ewkey"
    settings.SECRET_KEY_FALLBACKS = [old]
    assert web.signed_in
    settings.SECRET_KEY_FALLBACKS = []
    assert not web.signed_in


def test_the_table_holds_no_key_that_opens_anything(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    thief = WebDoor()
    thief.cookies[KEY] = Session.objects.get().session_key
    assert not thief.signed_in


def test_a_request_with_a_bearer_looks_at_no_session(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = web.get("/security/", headers={"authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert len(queries) == 0


def test_the_sweeper_takes_what_is_over_and_nothing_else(amy: User, browsers: Browsers, clock: Any) -> None:
    browsers().sign_in(amy)
    clock.shift(600)
    alive = browsers().sign_in(amy)
    clock.shift(301)
    assert sessions.sweep() == 1
    assert alive.signed_in
    clock.shift(86_401)
    sessions.sweep()
    clock.shift(86_401)
    sessions.sweep()
    assert EndedSession.objects.count() == 0


def test_ending_many_sessions_takes_a_fixed_number_of_statements(amy: User, browsers: Browsers) -> None:
    counts = []
    for number in (1, 20):
        for _ in range(number):
            browsers().sign_in(amy)
        with CaptureQueriesContext(connection) as queries:
            sessions.end_sessions(Session.objects.of(amy), why=WhyEnded.ENDED, actor=actor(amy))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_stranger_is_not_told_that_somebody_was_signed_out(web: WebDoor, db: None) -> None:
    assert web.get("/")["Location"] == "/login/?next=%2F"
    UserFactory()
    assert web.get("/login/?why=<script>").context["notice"] is None
    assert PASSWORD not in web.get("/login/?why=idle&after=999999999").content.decode()


@pytest.mark.parametrize("referer", ["http://[", "http://evil.example/security/", "", "nonsense", "http://testserver"])
def test_a_strange_referer_leads_home(web: WebDoor, amy: User, referer: str) -> None:
    token = str(web.get("/login/").context["csrf_token"])
    answer = web.post("/security/email/cancel/", {"csrfmiddlewaretoken": token}, headers={"referer": referer})
    assert answer["Location"] == "/login/?next=%2F"


@pytest.mark.parametrize("path", ["/security/password/", "/profile/tokens/revoke/", "/security/sessions/", "/login/", "/healthz", "/"])
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_web_06_a_method_that_a_page_does_not_take_is_405_for_everybody(web: WebDoor, amy: User, path: str, method: str) -> None:
    answer = web.generic(method, path)
    assert answer.status_code == 405
    assert "PUT" not in answer["Allow"]


def test_a_body_over_one_mebibyte_is_413_before_it_is_read(web: WebDoor, db: None) -> None:
    body = {"username": "amy", "password": "x" * 1_100_000}
    assert web.post("/login/", body).status_code == 413
    assert web.post("/login/", "x" * 1_100_000, content_type="application/x-www-form-urlencoded").status_code == 413


def test_a_page_says_once_what_the_act_before_it_did(amy: User, browsers: Browsers) -> None:
    here, _there = browsers().sign_in(amy), browsers().sign_in(amy)
    answer = here.send("/security/sessions/", {"end": "others"})
    assert answer["Location"] == "/security/sessions/"
    assert b"All other sessions have ended." in here.get("/security/sessions/").content
    assert b"All other sessions have ended." not in here.get("/security/sessions/").content
