"""What the console shows (S8.2), what it never shows (ADM-02, ADM-03), data of people as text (ADM-06), and what a page costs."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import OutboxMail, Session, User
from orgs.models import Organization
from tests.console.conftest import INERT, Desk, Furnished, furnish
from tests.console.test_table import TABLE, filled
from tests.factories import UserFactory
from tests.projects.factories import ProjectFactory
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import Token, TokenKind, TokenState
from tokens.work.models import Transfer
from twofactor.models import ResetRequest

pytestmark = pytest.mark.django_db
PERSON = "/admin/people/amy/"
# Pages, and how many queries they cost: three of them are the session with its user, and whether the user is support.
COSTS = {
    "": 5,
    "people/": 4,
    "people/?q=amy": 8,
    "people/<username>/": 28,
    "people/<username>/end-sessions/": 6,
    "people/<username>/revoke-tokens/?all=1": 10,
    "people/<username>/deactivate/": 11,
    "tokens/": 5,
    "tokens/<public_id>/": 10,
    "orgs/": 4,
    "orgs/?q=org": 5,
    "resets/": 5,
    "mails/": 4,
    "server/": 12,
}


def text_of(desk: Desk, path: str) -> str:
    answer = desk.get(path)
    assert answer.status_code == 200, path
    return str(answer.content.decode())


def test_one_page_has_everything_of_a_person(desk: Desk, amys: Furnished) -> None:
    page = text_of(desk, PERSON)
    for words in (
        "Amy Adams", "user-amy", "amy@example.com", "new.amy@example.com", "10 of 10 backup codes left", "1 wrong code",
        "Tess Support asked", "waits for a second member of support", "Firefox on Linux", "192.0.2.99", "deploy amy0", "API token",
        f"{amys.token.prefix}…", "dead amy0", "A dead token was tried", "job amy0", "file amy0", "AuthError: The token was revoked",
        "Org amy0", "ADMIN", "Security log",
    ):  # fmt: skip
        assert words in page, words


def test_adm_02_no_page_shows_a_secret(desk: Desk, amys: Furnished, sam: User) -> None:
    assert len(amys.secrets) > 25
    paths = [filled(address, amys) for address in TABLE]
    for query in ("q=amy", "q=deploy", f"q={amys.token.prefix}", "state=active&kind=api", "late=1", "password__startswith=a"):
        paths += [f"/admin/{page}/?{query}" for page in ("people", "tokens", "orgs", "mails")]
    for path in paths:
        answer = desk.get(path, follow=True)
        found = [name for name, secret in amys.secrets.items() if secret in answer.content.decode()]
        assert not found, path
        assert not re.search(r"is_superuser|user_permissions|csrfmiddlewaretoken=", answer.content.decode()), path


def test_adm_02_a_parameter_that_no_page_reads_changes_nothing(desk: Desk, amys: Furnished) -> None:
    for path in ("/admin/people/", "/admin/tokens/", "/admin/orgs/"):
        plain = re.sub(r'value="\w{64}"|\d{13}-\d+', "", text_of(desk, path))
        asked = "?password__startswith=x&user__password__gt=&_to_field=password&o=1&digest=0&order_by=password&e=1&state=nothing&kind=x"
        assert re.sub(r'value="\w{64}"|\d{13}-\d+', "", text_of(desk, f"{path}{asked}")) == plain


SEARCHES = {
    "amy": "username", "AM": "username", "user-amy": "username", "amy@EX": "e-mail", "Ada": "last name", "amy ada": "name",
    "DEPLOY am": "token deploy amy0", "<prefix>": "token deploy amy0", "<token>": "<token>", "<session>": "a session",
}  # fmt: skip


@pytest.mark.parametrize("typed", SEARCHES)
def test_a_person_is_found_by_what_they_tell(typed: str, desk: Desk, amys: Furnished) -> None:
    UserFactory(username="zoe", email="zoe@example.com")
    known = {
        "<prefix>": amys.token.prefix, "<token>": amys.token.public_id, "<session>": Session.objects.get(user=amys.user).public_id
    }  # fmt: skip
    answer = desk.send("/admin/people/", {"q": known.get(typed, typed)})
    page = text_of(desk, answer["Location"])
    assert PERSON in page
    assert known.get(SEARCHES[typed], SEARCHES[typed]) in page
    assert "/admin/people/zoe/" not in page


def test_nobody_is_found_by_what_does_not_fit(desk: Desk, amys: Furnished) -> None:
    for typed in ("my", "%", "_", "zzz", "token-" + "B" * 24, "B" * 24, "ght_zzzz", "ada amy", "\x00"):
        page = text_of(desk, desk.send("/admin/people/", {"q": typed})["Location"])
        assert ("Nobody fits" in page) == (typed != "\x00"), typed


def test_a_token_that_is_pasted_is_cut_before_it_stands_anywhere(desk: Desk, amys: Furnished, caplog: pytest.LogCaptureFixture) -> None:
    token, text = token_and_text(user=amys.user, label="leaked")
    for typed in (text, f"export GATEHOUSE_TOKEN={text}", f"Bearer {text} ", text[:20]):
        answer = desk.send("/admin/people/", {"q": typed})
        assert answer["Location"] == f"/admin/people/?q={token.prefix}&pasted=1"
        page = text_of(desk, answer["Location"])
        assert "token leaked" in page
        assert "others know it: revoke the token" in page
        assert text[len(token.prefix) :] not in page
    # By hand in the address: led away from there.
    assert desk.get("/admin/people/", {"q": text})["Location"] == f"/admin/people/?q={token.prefix}&pasted=1"
    assert text[:20] not in caplog.text
    assert "pasted here" not in text_of(desk, f"/admin/people/?q={token.prefix}")


def test_adm_06_data_of_people_is_text_on_every_page(desk: Desk, amys: Furnished) -> None:
    User.objects.filter(pk=amys.user.pk).update(first_name=INERT, last_name="javascript:alert(1)")
    Session.objects.filter(user=amys.user).update(user_agent=INERT)
    Token.objects.filter(user=amys.user, kind=TokenKind.API).update(label=INERT)
    Organization.objects.update(name=INERT)
    Transfer.objects.update(name=INERT, failure_message=INERT)
    OutboxMail.objects.update(subject=INERT)
    ResetRequest.objects.update(asked_reason=INERT)
    for address in TABLE:
        path = filled(address, amys)
        page = text_of(desk, path)
        assert "<img" not in page, path
        assert 'href="javascript:' not in page, path
    assert "&lt;img src=x" in text_of(desk, PERSON)


def test_lists_are_turned_page_by_page_and_filtered_by_known_words(desk: Desk, amys: Furnished) -> None:
    UserFactory.create_batch(30)
    TokenFactory.create_batch(30, user=amys.user, kind=TokenKind.CLI)
    assert "page=2" in text_of(desk, "/admin/people/")
    assert "page=1" in text_of(desk, "/admin/people/?page=2")
    assert "page=2" in text_of(desk, "/admin/tokens/?kind=cli")
    page = text_of(desk, f"/admin/tokens/?state={TokenState.REVOKED}")
    assert "dead amy0" in page
    assert "deploy amy0" not in page


def test_mails_that_failed_are_listed_without_what_they_say(desk: Desk, amys: Furnished) -> None:
    OutboxMail.objects.filter(subject="A mail amy0").update(attempts=7)
    for path in ("/admin/", "/admin/mails/"):
        page = text_of(desk, path)
        assert "A mail amy0" in page
        assert "amy@example.com" in page
        assert "secret.link" not in page
    assert "A mail amy0" not in text_of(desk, "/admin/mails/?late=1")
    OutboxMail.objects.filter(subject="A mail amy0").update(state="waiting", done_at=None)
    assert "A mail amy0" in text_of(desk, "/admin/mails/?late=1")


def test_what_waits_for_support_stands_on_the_first_page(desk: Desk, amys: Furnished, tess: User) -> None:
    page = text_of(desk, "/admin/")
    assert "Tess Support asked" in page
    assert f"{PERSON}agree-2fa-reset/" in page
    # Whoever asked cannot agree, and is not offered it.
    assert f"{PERSON}agree-2fa-reset/" not in text_of(Desk().enter(tess), "/admin/")


@pytest.fixture(params=[1, 30], ids=["few rows", "many rows"])
def rows(request: pytest.FixtureRequest, amy: User, tess: User) -> Furnished:
    """amy with one, or thirty, of everything that a page lists."""
    first = furnish(amy, tess)
    for number in range(1, request.param):
        furnish(amy, tess, number)
        ProjectFactory(name=f"more {number}", billed_to=amy)
        one = furnish(UserFactory(username=f"amy.{number}"), tess)
        if number % 2:
            ResetRequest.objects.filter(pk=one.reset.pk).update(state="objected")
    return first


def test_a_page_costs_the_same_however_much_there_is(desk: Desk, rows: Furnished, clock: Any) -> None:
    desk = Desk().enter(User.objects.get(username="sam"))
    costs = {}
    for address in COSTS:
        with CaptureQueriesContext(connection) as captured:
            assert desk.get(filled(address, rows)).status_code == 200
        costs[address] = len(captured.captured_queries)
        counts = [query["sql"] for query in captured.captured_queries if "COUNT(" in query["sql"]]
        assert all("WHERE" in sql for sql in counts), counts  # never of a whole table
    assert costs == COSTS
