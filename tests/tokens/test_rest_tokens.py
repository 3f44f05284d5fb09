"""REST of tokens: what may be changed, rotated, revoked, previewed, and what a repeat of a lost answer does (TOK-07, TOK-11, TOK-13)."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import SecurityEvent, Session, User
from orgs.projects.models import Level, Project
from tests.conftest import Race, WebDoor
from tests.factories import PASSWORD, UserFactory
from tests.projects.factories import project_of
from tests.tokens.doors import rest
from tests.tokens.factories import TokenFactory, token_and_text
from tokens import idempotency
from tokens.models import IdempotencyKey, Token, TokenKind, TokenProject

pytestmark = pytest.mark.django_db
TOKENS, REVOKE, ME = "/api/v1/tokens/", "/api/v1/tokens/revoke/", "/api/v1/me/"


@pytest.fixture
def amys(amy: User) -> str:
    """The text of an unlimited token of amy."""
    return token_and_text(user=amy, label="caller")[1]


def post(text: str, body: Any, path: str = TOKENS, **headers: str) -> Any:
    return rest("POST", path, text, body, **headers)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def in_browser(user: User, method: str, path: str, body: Any) -> Any:
    """Send a request with a web session and its CSRF token."""
    browser = WebDoor().sign_in(user)
    headers = {"x-csrftoken": str(browser.get("/security/").context["csrf_token"])}
    return browser.generic(method, path, json.dumps(body), content_type="application/json", headers=headers)


def test_a_scope_is_taken_and_told(amy: User, amys: str) -> None:
    project = project_of(amy, Level.UPLOAD)
    for projects in ({project.public_id: "VIEW"}, {"*": "CONTRIBUTE"}, {"*": "ADMINISTER"}):
        made = post(amys, {"label": json.dumps(projects)[:60], "projects": projects})
        assert made.status_code == 201
        assert made.json()["projects"] == projects
        shown: Any = rest("GET", ME, made.json()["token"])
        assert shown.json()["token"]["projects"] == projects


def test_what_is_no_scope_or_too_wide_is_refused_at_its_field(amy: User, amys: str) -> None:
    project = project_of(amy, Level.VIEW, name="Atlas")
    shapes: list[Any] = [{}, [], "all", 5, True, {"*": "OWNER"}, {"*": 4}, {"*": "VIEW", project.public_id: "VIEW"}]
    for projects in shapes:
        answer = post(amys, {"label": "x", "projects": projects})
        assert code(answer) == (422, "scope_refused"), projects
        assert answer.json()["errors"]["projects"]
    wide = post(amys, {"label": "x", "projects": {project.public_id: "CONTRIBUTE"}})
    assert code(wide) == (422, "scope_too_wide")
    assert wide.json()["detail"] == "You have VIEW on Atlas; a token cannot have CONTRIBUTE. Choose VIEW or lower"
    assert Token.objects.count() == 1


def test_tok_13_the_repeat_of_a_request_makes_no_second_token_and_shows_no_text(amy: User, amys: str) -> None:
    body, key = {"label": "nightly", "projects": {"*": "VIEW"}}, {"Idempotency-Key": "5a1f0c34-3f5b"}
    first = post(amys, body, **key)
    for again in (body, {"projects": {"*": "VIEW"}, "label": "nightly"}):
        repeat = post(amys, again, **key)
        assert code(repeat) == (409, "already_made")
        assert repeat.json()["token_id"] == first.json()["id"]
        assert first.json()["token"] not in repeat.content.decode()
    assert Token.objects.filter(label="nightly").count() == 1
    assert SecurityEvent.objects.filter(event="token.created").count() == 1


def test_after_a_lost_answer_one_has_a_text_by_rotating_what_the_repeat_names(amy: User, amys: str) -> None:
    body, key = {"label": "nightly"}, {"Idempotency-Key": "k"}
    post(amys, body, **key)  # its answer is lost
    known = post(amys, body, **key).json()["token_id"]
    rotated = post(amys, {"overlap_seconds": 0}, f"{TOKENS}{known}/rotate/")
    assert rotated.status_code == 201
    assert rest("GET", ME, rotated.json()["token"]).status_code == 200
    assert {token.label for token in Token.objects.live()} == {"caller", "nightly"}


def test_a_key_on_another_body_is_refused_and_is_of_one_person_alone(amy: User, amys: str) -> None:
    key = {"Idempotency-Key": "same"}
    assert post(amys, {"label": "one"}, **key).status_code == 201
    assert code(post(amys, {"label": "two"}, **key)) == (422, "idempotency_key_reused")
    assert post(token_and_text()[1], {"label": "one"}, **key).status_code == 201
    assert not Token.objects.filter(label="two").exists()


def test_a_refused_request_leaves_its_key_free(amy: User, amys: str) -> None:
    key = {"Idempotency-Key": "k"}
    assert post(amys, {"label": "caller"}, **key).status_code == 409
    assert post(amys, {"label": "other"}, **key).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "é"])
def test_a_key_of_another_form_is_refused(amys: str, key: str) -> None:
    assert code(post(amys, {"label": "x"}, **{"Idempotency-Key": key})) == (400, "idempotency_key_refused")
    assert Token.objects.count() == 1


def test_a_key_is_forgotten_after_a_day(amy: User, amys: str, clock: Any) -> None:
    text = token_and_text(user=amy)[1]
    key = {"Idempotency-Key": "k"}
    first = post(text, {"label": "nightly"}, **key).json()
    clock.shift(timedelta(hours=24) - timedelta(seconds=1))
    assert (code(post(text, {"label": "nightly"}, **key)), idempotency.sweep()) == ((409, "already_made"), 0)
    clock.shift(2)
    again = post(text, {"label": "nightly"}, **key)
    assert (code(again), again.json()["token_id"]) == ((409, "label_taken"), first["id"])
    assert post(text, {"label": "another"}, **key).status_code == 201
    assert IdempotencyKey.objects.count() == 1
    clock.shift(timedelta(days=2))
    assert idempotency.sweep() == 1


def test_repeats_are_not_counted_against_the_sixty_an_hour(amys: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("tokens.limits.MADE_PER_HOUR", 2)
    key = {"Idempotency-Key": "k"}
    answers = [post(amys, {"label": "one"}, **key).status_code for _ in range(5)]
    assert answers == [201] + [409] * 4
    assert post(amys, {"label": "two"}).status_code == 201
    assert code(post(amys, {"label": "three"})) == (429, "too_many_attempts")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_eight_copies_of_one_request_at_once_one_makes_a_token(race: Race) -> None:
    text = token_and_text()[1]
    answers = race(8, lambda _: post(text, {"label": "nightly"}, **{"Idempotency-Key": "k"}))
    assert sorted(code(answer) for answer in answers) == [(201, "")] + [(409, "already_made")] * 7
    assert Token.objects.filter(label="nightly").count() == 1


def test_tok_09_a_label_is_all_that_a_patch_changes(amy: User, amys: str) -> None:
    token = TokenFactory(user=amy, label="old")
    path = f"{TOKENS}{token.public_id}/"
    renamed: Any = rest("PATCH", path, amys, {"label": "new"})
    assert (renamed.status_code, renamed.json()["label"], renamed.json()["id"]) == (200, "new", token.public_id)
    for name in ("id", "kind", "state", "user", "expires", "projects", "created", "everywhere", "digest", "retires", "token", "parent"):
        refused: Any = rest("PATCH", path, amys, {"label": "hacked", name: "x"})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, [name])
    bodies: list[Any] = [{}, {"label": 5}, {"label": None}, [], "x", {"label": ["a"]}]
    for body in bodies:
        assert rest("PATCH", path, amys, body).status_code == 400, body
    assert code(rest("PATCH", path, amys, {"label": "caller"})) == (409, "label_taken")
    token.refresh_from_db()
    assert token.label == "new"


def test_tok_10_a_dead_token_is_neither_renamed_nor_brought_back(amy: User, amys: str) -> None:
    for traits in ({"revoked": True}, {"past": True}):
        token = TokenFactory(user=amy, **traits)
        assert code(rest("PATCH", f"{TOKENS}{token.public_id}/", amys, {"label": "x"})) == (404, "token_not_found")
        assert code(post(amys, {}, f"{TOKENS}{token.public_id}/rotate/")) == (404, "token_not_found")


def test_a_rotation_answers_with_the_new_text_once(amy: User, amys: str) -> None:
    token, text = token_and_text(user=amy, label="qc")
    answer = post(amys, {"overlap_seconds": 60}, f"{TOKENS}{token.public_id}/rotate/")
    made = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert (made["label"], made["replaces"], made["made_with"]) == ("qc", token.public_id, Token.objects.get(label="caller").public_id)
    assert rest("GET", ME, made["token"]).status_code == rest("GET", ME, text).status_code == 200
    old: Any = rest("GET", f"{TOKENS}{token.public_id}/", amys)
    assert old.json()["retires"] is not None
    assert code(post(amys, {}, f"{TOKENS}{token.public_id}/rotate/")) == (409, "not_rotated")


@pytest.mark.parametrize(
    "body",
    [
        {"overlap_seconds": -1}, {"overlap_seconds": 86_401}, {"overlap_seconds": True}, {"overlap_seconds": "60"},
        {"overlap_seconds": 1.5}, {"expires": "soon"}, {"label": "x"}, [],
    ],
)  # fmt: skip
def test_a_rotation_of_another_shape_is_refused(amy: User, amys: str, body: Any) -> None:
    token = TokenFactory(user=amy)
    assert post(amys, body, f"{TOKENS}{token.public_id}/rotate/").status_code == 400
    assert Token.objects.count() == 2


def test_tok_11_several_are_revoked_all_or_none(amy: User, amys: str) -> None:
    one, two = TokenFactory(user=amy, label="one"), TokenFactory(user=amy, label="two")
    child = TokenFactory(user=amy, label="a child", parent=two)
    assert code(post(amys, {"ids": [one.public_id, TokenFactory().public_id]}, REVOKE)) == (404, "token_not_found")
    preview = post(amys, {"ids": [one.public_id, two.public_id], "preview": True}, REVOKE)
    assert preview.json() == {
        "preview": True,
        "tokens": [{"id": token.public_id, "label": token.label, "kind": "api"} for token in (child, one, two)],
        "work": [],
    }
    assert Token.objects.of(amy).live().count() == 4
    ended = post(amys, {"ids": [one.public_id, two.public_id]}, REVOKE)
    assert ended.json() == {**preview.json(), "preview": False}
    assert [token.label for token in Token.objects.of(amy).live()] == ["caller"]
    assert post(amys, {"ids": [one.public_id]}, REVOKE).json() == {"preview": False, "tokens": [], "work": []}


def test_all_takes_the_one_that_asks_along_and_nobody_elses(amy: User, amys: str) -> None:
    TokenFactory.create_batch(3, user=amy)
    TokenFactory(user=amy, retired=True)
    other = TokenFactory()
    assert len(post(amys, {"all": True, "preview": True}, REVOKE).json()["tokens"]) == 5
    assert len(post(amys, {"all": True}, REVOKE).json()["tokens"]) == 5
    assert code(post(amys, {"all": True}, REVOKE)) == (401, "token_revoked")
    assert list(Token.objects.live()) == [other]


@pytest.mark.parametrize(
    "body",
    [{}, {"all": False}, {"ids": []}, {"all": True, "ids": ["token-x"]}, {"ids": "token-x"}, {"ids": [1]}, {"all": "true"}, {"all": 1},
     {"ids": ["x"], "preview": "yes"}, {"ids": ["x"] * 1001}, [], {"ids": None}],
)  # fmt: skip
def test_a_revocation_of_another_shape_ends_nothing(amys: str, body: Any) -> None:
    assert post(amys, body, REVOKE).status_code == 400
    assert Token.objects.live().count() == 1


def test_api_08_questions_are_limited_and_revoking_is_not(amy: User, amys: str, settings: Any) -> None:
    token = TokenFactory(user=amy)
    asked = [post(amys, {"ids": [token.public_id], "preview": True}, REVOKE) for _ in range(61)]
    assert [answer.status_code for answer in asked] == [200] * 60 + [429]
    assert int(asked[-1]["Retry-After"]) >= 1
    assert post(amys, {"ids": [token.public_id]}, REVOKE).status_code == 200


def test_api_08_a_search_finds_labels_and_projects_and_is_limited(amy: User, amys: str) -> None:
    project = project_of(amy, name="Genome Atlas")
    scoped = TokenFactory(user=amy, label="scoped", everywhere=None)
    TokenProject.objects.create(token=scoped, project=project, level=Level.VIEW)
    for q, labels in (("CALL", {"caller"}), ("atlas", {"scoped"}), ("nothing", set()), ("\x00", {"caller", "scoped"})):
        found: Any = rest("GET", f"{TOKENS}?q={q}", amys)
        assert {row["label"] for row in found.json()["results"]} == labels
    statuses = [rest("GET", f"{TOKENS}?q=a", amys).status_code for _ in range(120)]
    assert statuses[-1] == 429
    assert rest("GET", TOKENS, amys).status_code == 200


ACCOUNT = [
    ("GET", TOKENS, None), ("POST", TOKENS, {"label": "x"}), ("GET", f"{TOKENS}<id>/", None), ("PATCH", f"{TOKENS}<id>/", {"label": "x"}),
    ("DELETE", f"{TOKENS}<id>/", None), ("POST", f"{TOKENS}<id>/rotate/", {}), ("POST", REVOKE, {"ids": ["<id>"]}),
    ("POST", REVOKE, {"all": True, "preview": True}), ("GET", "/api/v1/sessions/", None), ("DELETE", "/api/v1/sessions/<session>/", None),
    ("GET", "/api/v1/security-log/", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), ACCOUNT)
def test_tok_07_a_token_of_chosen_projects_reaches_nothing_of_the_account(amy: User, method: str, path: str, body: Any) -> None:
    other = TokenFactory(user=amy, label="other")
    WebDoor().sign_in(amy)
    token, text = token_and_text(user=amy, everywhere=None)
    TokenProject.objects.create(token=token, project=project_of(amy), level=Level.ADMINISTER)
    session = Session.objects.get().public_id
    address = path.replace("<id>", other.public_id).replace("<session>", session)
    sent = json.loads(json.dumps(body).replace("<id>", other.public_id))
    assert code(rest(method, address, text, sent)) == (403, "account_out_of_reach")
    assert (Token.objects.live().count(), Session.objects.count()) == (2, 1)


@pytest.mark.parametrize(("method", "path", "body"), ACCOUNT)
def test_a_token_that_is_held_to_a_level_sees_the_account_and_changes_nothing_of_it(amy: User, method: str, path: str, body: Any) -> None:
    other = TokenFactory(user=amy, label="other")
    WebDoor().sign_in(amy)
    text = token_and_text(user=amy, everywhere=Level.CONTRIBUTE)[1]
    session = Session.objects.get().public_id
    address = path.replace("<id>", other.public_id).replace("<session>", session)
    sent = json.loads(json.dumps(body).replace("<id>", other.public_id))
    answer: Any = rest(method, address, text, sent)
    if method == "GET" or (method, path) == ("POST", TOKENS):
        assert answer.status_code in (200, 201)
    else:
        assert code(answer) == (403, "account_out_of_reach")
    other.refresh_from_db()
    assert (other.label, other.state, Session.objects.count()) == ("other", "active", 1)


@pytest.mark.parametrize("everywhere", [None, Level.VIEW])
def test_every_token_can_say_who_it_is_and_end_itself(amy: User, everywhere: Level | None) -> None:
    token, text = token_and_text(user=amy, everywhere=everywhere)
    shown: Any = rest("GET", ME, text)
    assert shown.json()["token"]["id"] == token.public_id
    assert rest("DELETE", f"{TOKENS}{token.public_id}/", text).status_code == 204
    assert code(rest("GET", ME, text)) == (401, "token_revoked")


@pytest.mark.parametrize("wish", [None, {"*": "ADMINISTER"}, {"*": "CONTRIBUTE"}, {"*": "VIEW"}])
def test_tok_07_over_rest_too_a_token_makes_none_that_is_wider_than_itself(amy: User, wish: Any) -> None:
    text = token_and_text(user=amy, everywhere=Level.CONTRIBUTE)[1]
    answer = post(text, {"label": "child", **({"projects": wish} if wish else {})})
    if wish == {"*": "ADMINISTER"}:
        assert code(answer) == (403, "wider_than_token")
        assert Token.objects.count() == 1
    else:
        assert answer.json()["projects"] == (wish or {"*": "CONTRIBUTE"})


@pytest.mark.parametrize(("method", "path", "body"), [("POST", TOKENS, {"label": "x"}), ("POST", f"{TOKENS}<id>/rotate/", {})])
def test_tok_07_a_job_token_makes_and_rotates_none(amy: User, method: str, path: str, body: Any) -> None:
    other = TokenFactory(user=amy)
    text = token_and_text(user=amy, kind=TokenKind.JOB)[1]
    assert code(rest(method, path.replace("<id>", other.public_id), text, body)) == (403, "account_out_of_reach")
    assert Token.objects.count() == 2


def test_a_browser_needs_the_password_of_late_for_a_token_that_reaches_phi(amy: User) -> None:
    project: Project = project_of(amy, phi=True)
    assert in_browser(amy, "POST", TOKENS, {"label": "fresh"}).status_code == 201
    stale = WebDoor().sign_in(amy)
    headers = {"x-csrftoken": str(stale.get("/security/").context["csrf_token"])}
    Session.objects.update(confirmed_at=timezone.now() - timedelta(minutes=10))

    def send(path: str, body: Any) -> Any:
        return stale.generic("POST", path, json.dumps(body), content_type="application/json", headers=headers)

    assert code(send(TOKENS, {"label": "old"})) == (403, "confirmation_needed")
    assert code(send(TOKENS, {"label": "old", "projects": {project.public_id: "VIEW"}})) == (403, "confirmation_needed")
    assert code(send(f"{TOKENS}{Token.objects.get().public_id}/rotate/", {})) == (403, "confirmation_needed")
    assert send(TOKENS, {"label": "plain", "projects": {project_of(amy).public_id: "VIEW"}}).status_code == 201


def test_the_page_asks_for_the_password_where_it_was_given_too_long_ago_and_in_this_session_alone(amy: User, clock: Any) -> None:
    project_of(amy, phi=True)
    browser, other = WebDoor().sign_in(amy), WebDoor().sign_in(amy)
    new = "/profile/tokens/new/"
    assert 'name="current_password"' not in browser.get(new).content.decode()
    clock.shift(601)
    assert 'name="current_password"' in browser.get(new).content.decode()
    asked = browser.send(new, {"label": "one", "expires": "7"})
    assert asked.status_code == 403
    assert "Enter your current password for this" in asked.content.decode()
    assert browser.send(new, {"label": "one", "expires": "7", "current_password": "wrong"}).status_code == 403
    assert not Token.objects.exists()
    assert browser.send(new, {"label": "one", "expires": "7", "current_password": PASSWORD}).status_code == 200
    assert browser.send(new, {"label": "two", "expires": "7"}).status_code == 200
    assert other.send(new, {"label": "three", "expires": "7"}).status_code == 403
    assert SecurityEvent.objects.filter(event="confirmation.failed").count() == 1


def test_the_page_makes_a_token_of_chosen_projects(amy: User) -> None:
    one, two, unchosen = (project_of(amy, name=name) for name in ("One", "Two", "Unchosen"))
    browser = WebDoor().sign_in(amy)
    new = "/profile/tokens/new/"
    fields: dict[str, Any] = {
        "label": "narrow", "expires": "7", "access": "some", "project": [one.public_id, two.public_id],
        f"level-{one.public_id}": "UPLOAD", f"level-{two.public_id}": "nonsense", f"level-{unchosen.public_id}": "ADMINISTER",
    }  # fmt: skip
    page = browser.send(new, fields).content.decode()
    token = Token.objects.get()
    assert {entry.project: entry.level for entry in token.projects.all()} == {one: Level.UPLOAD, two: Level.VIEW}
    assert "at UPLOAD and" in page
    assert "Unchosen" not in page.partition("<dialog")[2]
    none = browser.send(new, {"label": "none", "access": "some"})
    assert none.status_code == 422
    assert "Choose at least one project" in none.content.decode()
    foreign = browser.send(new, {"label": "x", "access": "some", "project": [project_of(UserFactory()).public_id]})
    assert foreign.status_code == 404
    assert Token.objects.count() == 1


def test_the_form_finds_projects_and_forgets_nothing(amy: User) -> None:
    chosen = project_of(amy, name="Zebra")
    for number in range(51):
        project_of(amy, name=f"Project {number:02d}")
    browser = WebDoor().sign_in(amy)
    new = "/profile/tokens/new/"
    first = browser.get(new)
    assert "Find a project by name" in first.content.decode()
    assert chosen.public_id not in first.content.decode()
    sent = {"label": "half typed", "access": "some", "find": "zeb", "do": "find", "project": [], "expires": "90"}
    found = browser.send(new, sent)
    assert found.status_code == 200
    page = found.content.decode()
    assert chosen.public_id in page
    assert "half typed" in page
    assert "Project 01" not in page
    again = browser.send(new, {**sent, "find": "Project 07", "project": [chosen.public_id], f"level-{chosen.public_id}": "UPLOAD"})
    assert [(one.project.name, one.level_chosen) for one in again.context["form"].offered] == [("Project 07", ""), ("Zebra", "UPLOAD")]
    assert not Token.objects.exists()


# Three tokens in the orders that the list offers.
ORDERS = {
    "label": "abc", "-label": "cba", "created": "abc", "-created": "cba", "expires": "cba", "-expires": "abc",
    "used": "acb", "-used": "bca",
}  # fmt: skip


@pytest.mark.parametrize("sort", [*ORDERS, "user__password", "", "?"])
def test_the_list_is_sorted_by_what_it_offers_and_by_nothing_else(amy: User, sort: str) -> None:
    now = timezone.now()
    for label, days, used in (("b", 3, 1), ("a", 5, None), ("c", 1, 2)):
        TokenFactory(
            user=amy, label=label, created=now - timedelta(days=days), expires=now + timedelta(days=days),
            last_used_at=now - timedelta(days=used) if used else None,
        )  # fmt: skip
    answer = WebDoor().sign_in(amy).get("/profile/tokens/", {"sort": sort})
    order = "".join(token.label for token in answer.context["page"].object_list)
    assert order == ORDERS.get(sort, ORDERS["-created"])


def test_a_list_of_ids_that_is_far_too_long_gets_one_short_sentence(amys: str) -> None:
    answer = rest("POST", f"{TOKENS}revoke/", amys, {"ids": [1] * 100_000, "preview": True})
    assert answer.status_code == 400
    assert len(answer.content) < 1000
    answer = rest("POST", f"{TOKENS}revoke/", amys, {"ids": [1] * 900, "preview": True})
    assert answer.status_code == 400
    assert len(answer.content) < 1000
