"""What holds for every route, gone through one by one: headers, CSRF, methods, text of people as text (WEB, API-05, API-06)."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from accounts.models import OutboxMail, SecurityEvent, Session, User
from config.middleware import HEADERS
from orgs.models import Organization
from orgs.projects.models import Folder, Level, Project, ProjectMember
from tests.access.surface import BYTES, OPEN, SIGN_OUT, dx_calls, filled, is_page, is_rest, routes
from tests.access.test_foreign_ids import unharmed
from tests.config.test_headers import POLICY
from tests.conftest import WebDoor
from tests.console.conftest import INERT, Desk, staff
from tests.factories import PASSWORD
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tokens.models import Token
from tokens.work.models import FileInProject, Job, Transfer

pytestmark = pytest.mark.django_db
INLINE = re.compile(r"<style\b|<[^>]*\s(?:style|on[a-z]+)\s*=|javascript:|<script\b(?![^>]*\bsrc=)(?![^>]*application/json)", re.I)
WHO = ["stranger", "amy", "support"]


@pytest.fixture
def visitors(amys: dict[str, str], amy: User) -> Callable[[str], Client]:
    """Gives a browser: nobody's, amy's, or one of support in the console."""

    def of(who: str) -> Client:
        if who == "stranger":
            return WebDoor()
        return Desk().enter(staff("sid") if who == "support" else amy, with_code=who == "support")

    return of


def visited(amys: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Give every route but the one that ends the visit, and its address."""
    for route in routes():
        if route != SIGN_OUT:
            yield route, filled(route, amys)


@pytest.mark.once
@pytest.mark.parametrize("who", WHO)
def test_web_01_every_page_has_the_strict_policy_and_nothing_inline(visitors: Any, amys: dict[str, str], who: str) -> None:
    browser, pages = visitors(who), 0
    for route, address in visited(amys):
        answer = browser.get(address)
        assert set(answer["Content-Security-Policy"].split("; ")) == POLICY or route.startswith("/transfers/"), route
        if answer["Content-Type"].startswith("text/html") and answer.status_code != 302:
            assert not INLINE.search(answer.content.decode()), (route, INLINE.search(answer.content.decode()))
            pages += 1
    assert pages > {"stranger": 8, "amy": 30, "support": 30}[who]


@pytest.mark.once
@pytest.mark.parametrize("who", WHO)
def test_web_02_every_answer_has_the_security_headers_by_whatever_method(visitors: Any, amys: dict[str, str], who: str) -> None:
    browser = visitors(who)
    addresses = [address for _, address in visited(amys)]
    for address in (*addresses, "/nothing/", "/nothing", "/static/nothing.css", "/api/v1/nothing/", "/static/js/main.js"):
        for method in ("GET", "HEAD", "OPTIONS", "POST", "BREW"):
            answer = browser.generic(method, address)
            told = {name: answer.headers.get(name) for name in HEADERS}
            assert told in (HEADERS, {**HEADERS, "Referrer-Policy": "no-referrer"}), (method, address)


@pytest.mark.once
@pytest.mark.parametrize("who", ["amy", "support"])
def test_web_03_nothing_that_a_signed_in_person_is_answered_is_kept(visitors: Any, amys: dict[str, str], who: str) -> None:
    browser = visitors(who)
    for route, address in visited(amys):
        answer = browser.get(address)
        # What needs no login is the same for everybody; where another key opens, the cookie is not looked at.
        assert "no-store" in answer.headers.get("Cache-Control", "") or route in OPEN or route.startswith((*BYTES, "/.well-known/")), route


@pytest.mark.once
def test_web_03_what_a_stranger_is_answered_depends_on_the_cookie_or_is_not_kept(visitors: Any, amys: dict[str, str]) -> None:
    browser = visitors("stranger")
    for route, address in visited(amys):
        answer = browser.get(address)
        kept = "no-store" not in answer.headers.get("Cache-Control", "")
        looked_at = "cookie" in answer.headers.get("Vary", "").lower()
        assert not kept or looked_at or route in OPEN or route.startswith((*BYTES, "/.well-known/", "/oauth2/")), route


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("wrong", ["no token", "foreign origin", "null origin"])
def test_web_04_no_form_is_taken_without_its_token_or_from_elsewhere(visitors: Any, amys: dict[str, str], who: str, wrong: str) -> None:
    browser = visitors(who)
    csrf = str(browser.get("/help/" if who != "stranger" else "/login/").context["csrf_token"])
    headers = {"no token": {}, "foreign origin": {"origin": "https://evil.example"}, "null origin": {"origin": "null"}}[wrong]
    sent = {"reason": "a reason that is long", "username": "amy", "password": PASSWORD}
    sent |= {} if wrong == "no token" else {"csrfmiddlewaretoken": csrf}
    refused = 0
    for route in filter(is_page, routes()):
        answer = browser.post(filled(route, amys), sent, headers=headers)
        # Of somebody who is signed in the login form does nothing, and leads on.
        assert answer.status_code in (403, 405) or (route, answer.status_code, who == "stranger") == ("/login/", 302, False), route
        refused += answer.status_code == 403
    assert refused > 40
    assert unharmed(amys)
    assert browser.get("/help/").context["me"] == (
        None if who == "stranger" else User.objects.get(username="amy" if who == "amy" else "sid")
    )


def test_web_04_the_token_is_another_one_after_the_login(web: WebDoor, amy: User) -> None:
    web.get("/login/")
    before = web.cookies["csrftoken"].value
    web.sign_in(amy)
    web.get("/security/")
    after = web.cookies["csrftoken"].value
    assert after != before
    web.cookies["csrftoken"] = before
    stale = str(web.get("/help/").context["csrf_token"])
    web.cookies["csrftoken"] = after
    assert web.post("/logout/", {"csrfmiddlewaretoken": stale}).status_code == 403
    assert web.signed_in


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables but the counters, of events their names, and of sessions not what a page says once."""
    told = {model._meta.label: list(model.objects.order_by("pk").values()) for model in apps.get_models()}
    told["accounts.SecurityEvent"] = [{"event": row["event"]} for row in told["accounts.SecurityEvent"] if row["event"] != "log.exported"]
    for row in told["accounts.Session"]:
        del row["session_data"]
    return {label: rows for label, rows in told.items() if label != "accounts.Counter"}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("who", ["amy", "support"])
def test_web_06_reading_changes_nothing(visitors: Any, amys: dict[str, str], who: str, method: str) -> None:
    browser = visitors(who)
    before = everything()
    for _, address in visited(amys):
        for query in ("", "?_method=DELETE&method=POST&action=delete&end=others&act=accept"):
            answer = browser.generic(method, address + query)
            assert answer.status_code < 500, address
            b"".join(answer.streaming_content) if answer.streaming else None
    assert browser.generic(method, SIGN_OUT).status_code == (200 if method == "OPTIONS" else 405)
    assert everything() == before
    exported = set(SecurityEvent.objects.filter(event="log.exported").values_list("door", flat=True))
    assert exported <= {"rest"}  # that a log was read is in the log; it is no act (docs/security.md, WEB-06)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"])
def test_web_06_a_method_that_a_route_has_not_is_405_with_those_that_it_has(visitors: Any, amys: dict[str, str], method: str) -> None:
    browser = visitors("amy")
    csrf = str(browser.get("/security/").context["csrf_token"])
    text = token_and_text(user=User.objects.get(username="amy"), label="caller")[1]
    taken = 0
    for route in routes():
        # Only the method is asked for here: what takes it takes it with an id that nobody has.
        address = re.sub(r"<\w+>", "x", route)
        headers = {"authorization": f"Bearer {text}"} if is_rest(route) else {"x-csrftoken": csrf}
        answer: Any = (Client() if is_rest(route) else browser).generic(method, address, "{}", "application/json", headers=headers)
        if answer.status_code != 405:
            assert is_rest(route) or route.startswith(BYTES), route
            assert method in ("PUT", "PATCH", "DELETE"), route
            taken += 1
        else:
            assert answer["Allow"], route
            assert method not in answer["Allow"].split(", "), route
    assert (taken > 0) == (method in ("PUT", "PATCH", "DELETE"))
    for call in dx_calls(amys):
        answer = Client().generic(method, call)
        assert (answer.status_code, answer["Allow"]) == (405, "POST"), call
    assert Token.objects.get(public_id=amys["token"]).state == "active"


def test_web_06_no_header_or_field_makes_another_method(visitors: Any, amys: dict[str, str], amy: User) -> None:
    text = token_and_text(user=amy, label="caller")[1]
    address = f"/api/v1/tokens/{amys['token']}/"
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        headers = {"authorization": f"Bearer {text}", name: "DELETE"}
        for method in ("GET", "POST"):
            Client().generic(
                method, f"{address}?_method=DELETE&method=DELETE", '{"_method": "DELETE"}', "application/json", headers=headers
            )
    browser = visitors("amy")
    csrf = str(browser.get("/security/").context["csrf_token"])
    sent = {"csrfmiddlewaretoken": csrf, "_method": "POST"}
    browser.get(SIGN_OUT, sent, headers={"x-http-method-override": "POST"})
    browser.get(f"/profile/tokens/revoke/?token={amys['token']}&_method=POST", headers={"x-http-method-override": "POST"})
    assert Token.objects.get(public_id=amys["token"]).state == "active"
    assert browser.get("/security/").status_code == 200


@pytest.mark.once
@pytest.mark.parametrize("who", ["amy", "support"])
def test_web_07_what_people_type_is_text_on_every_page(visitors: Any, amys: dict[str, str], who: str) -> None:
    browser = visitors(who)
    User.objects.filter(username__in=["amy", "ben"]).update(first_name=INERT, last_name="javascript:alert(1)")
    Session.objects.update(user_agent=INERT)
    Token.objects.update(label=INERT, made_agent=INERT)
    Organization.objects.update(name=INERT)
    Project.objects.update(name=INERT, summary=INERT, description=INERT)
    Folder.objects.exclude(path="/").update(path=f"/{INERT.replace('/', '')}")
    FileInProject.objects.update(name=INERT)
    Job.objects.update(name=INERT, note=INERT)
    Transfer.objects.update(name=INERT)
    OutboxMail.objects.update(subject=INERT)
    seen = 0
    for route, address in visited(amys):
        page = browser.get(address)
        if page["Content-Type"].startswith("text/html"):
            body = page.content.decode()
            assert "<img" not in body, route
            assert not re.search(r"""(?:href|src|action)=["']?javascript:""", body), route
            seen += "&lt;img src=x" in body
    assert seen > 5


class Fields(HTMLParser):
    """Collects what stands on the fields of a page."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.fields: list[dict[str, str | None]] = []
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an input."""
        if tag == "input":
            self.fields.append(dict(attrs))


HINTS = {
    "username": {"username", "off"}, "password": {"current-password"}, "current_password": {"current-password"},
    "new_password1": {"new-password"}, "new_password2": {"new-password"}, "otp": {"one-time-code"},
}  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize("who", WHO)
def test_web_09_secrets_are_typed_into_fields_that_password_managers_know(visitors: Any, amys: dict[str, str], who: str) -> None:
    browser, secret = visitors(who), 0
    for route, address in visited(amys):
        answer = browser.get(address)
        if not answer["Content-Type"].startswith("text/html"):
            continue
        for field in Fields(answer.content.decode()).fields:
            name = field.get("name") or ""
            assert not {attribute for attribute in field if attribute.startswith("on")}, route
            if "password" in name:
                assert field["type"] == "password", (route, name)
                secret += 1
            if name in HINTS and field.get("type") != "hidden":
                assert field.get("autocomplete") in HINTS[name], (route, name, field)
    assert secret > 0 or who == "support"


@pytest.mark.once
def test_api_05_without_credentials_a_route_says_how_to_bring_some_and_takes_no_form(amys: dict[str, str], amy: User) -> None:
    text = token_and_text(user=amy, label="caller")[1]
    asked = 0
    for route in filter(is_rest, routes()):
        if route in OPEN:
            continue
        address = filled(route, amys)
        for method in ("GET", "POST", "PATCH", "DELETE"):
            answer: Any = Client().generic(method, address, "{}", "application/json")
            assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer"), (method, route)
            assert answer["Content-Type"] == "application/problem+json"
            asked += 1
        headers = {"authorization": f"Bearer {text}"}
        posted: Any = Client().post(address, {"label": "x"}, headers=headers)
        assert posted.status_code in (405, 415), route
        assert "application/problem+json" in posted["Content-Type"]
        read: Any = Client().get(f"{address}?format=api&callback=run", headers=headers)
        assert read["Content-Type"].partition(";")[0] in ("application/json", "application/problem+json", "application/x-ndjson"), route
    assert asked > 80
    assert Token.objects.get(public_id=amys["token"]).state == "active"


@pytest.mark.once
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver", "http://testserver.evil.example"])
def test_api_06_no_origin_is_let_in_on_any_route(visitors: Any, amys: dict[str, str], amy: User, origin: str) -> None:
    text = token_and_text(user=amy, label="caller")[1]
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization, x-csrftoken"}
    bearer = {"authorization": f"Bearer {text}"}
    browser = visitors("amy")
    answers = [browser.options("/static/gatehouse.css", headers={"origin": origin, **preflight})]
    for _, address in visited(amys):
        answers.append(browser.get(address, headers={"origin": origin}))
        answers.append(browser.options(address, headers={"origin": origin, **preflight}))
        answers.append(Client().get(address, headers={"origin": origin, **bearer}))
    for call in dx_calls(amys):
        answers.append(dx(call, {}, origin=origin))
        answers.append(Client().options(call, headers={"origin": origin, **preflight}))
    assert len(answers) > 300
    assert not [name for answer in answers for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.once
@pytest.mark.parametrize("who", WHO)
def test_ops_02_every_page_of_a_demo_says_that_it_is_one(visitors: Any, amys: dict[str, str], settings: Any, who: str) -> None:
    browser = visitors(who)
    for demo in (True, False):
        settings.DEVELOPMENT = demo
        for route, address in (*visited(amys), ("none", "/nothing/")):
            answer = browser.get(address)
            if answer["Content-Type"].startswith("text/html") and answer.status_code != 302 and answer.content:
                assert ("This is a demo" in answer.content.decode()) == demo, route


def test_org_02_a_member_raises_nobody_through_any_door(visitors: Any, amys: dict[str, str]) -> None:
    ben = User.objects.get(username="ben")
    ProjectMember.objects.filter(user=ben).update(level=Level.CONTRIBUTE)
    text = token_and_text(user=ben)[1]
    browser = Desk().enter(ben)
    csrf = browser.csrf()
    sent = {"csrfmiddlewaretoken": csrf, "level": "ADMIN", "reason": "because I want to be"}
    answers = [
        browser.post("/orgs/acme/members/ben/", sent), browser.post("/admin/orgs/acme/members/ben/", sent),
        browser.post(f"/projects/{amys['project']}/members/ben/", {**sent, "level": "ADMINISTER"}),
        dx("/org-acme/setMemberAccess", {"user-ben": {"level": "ADMIN"}}, text),
        dx(f"/{amys['project']}/invite", {"invitee": "user-ben", "level": "ADMINISTER"}, text),
        rest("PATCH", "/api/v1/orgs/acme/members/ben/", text, {"level": "ADMIN"}),
        rest("PATCH", f"/api/v1/projects/{amys['project']}/members/user-ben/", text, {"level": "ADMINISTER"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [403, 404, 403, 401, 401, 403, 403]
    assert ProjectMember.objects.get(user=ben).level == Level.CONTRIBUTE
    assert Organization.objects.get(handle="acme").memberships.get(user=ben).level == "MEMBER"
