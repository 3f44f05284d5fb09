"""The lists of one's tokens, on the page and by REST; nobody sees another's."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import UserFactory
from tests.tokens.doors import rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text

pytestmark = pytest.mark.django_db
LIST = "/profile/tokens/"
TOKENS = "/api/v1/tokens/"


def labels(answer: Any) -> list[str]:
    return [token.label for token in answer.context["page"].object_list]


def test_the_page_lists_live_tokens_first_and_retired_ones_after_them() -> None:
    user = UserFactory()
    for label, traits in (("retired", {"retired": True}), ("live", {}), ("revoked", {"revoked": True}), ("past", {"past": True})):
        TokenFactory(user=user, label=label, **traits)
    TokenFactory(label="strangers")
    answer = signed_in(user).get(LIST)
    assert labels(answer) == ["live", "retired"]
    assert answer.context["live_count"] == 1


def test_the_page_finds_labels_in_any_case_and_turns_pages() -> None:
    user = UserFactory()
    TokenFactory.create_batch(26, user=user)
    TokenFactory(user=user, label="Nightly run")
    browser = signed_in(user)
    assert labels(browser.get(LIST, {"q": "nightly"})) == ["Nightly run"]
    assert labels(browser.get(LIST, {"q": "\x00no such"})) == []
    assert (len(labels(browser.get(LIST))), len(labels(browser.get(LIST, {"page": "2"})))) == (25, 2)
    assert len(labels(browser.get(LIST, {"page": "nine"}))) == 25


@pytest.mark.parametrize("path", [LIST, TOKENS])
def test_a_list_of_twenty_costs_as_many_queries_as_a_list_of_one(path: str) -> None:
    user = UserFactory()
    browser = signed_in(user)
    TokenFactory(user=user)
    counts = []
    for more in (0, 19):
        TokenFactory.create_batch(more, user=user)
        browser.get(path)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert browser.get(path).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 5


def test_rest_lists_what_can_still_act_and_others_by_state() -> None:
    token, text = token_and_text(label="live")
    for label, traits in (("retired", {"retired": True}), ("revoked", {"revoked": True}), ("past", {"past": True})):
        TokenFactory(user=token.user, label=label, **traits)

    def listed(state: str = "") -> set[str]:
        answer: Any = rest("GET", f"{TOKENS}?state={state}" if state else TOKENS, text)
        return {row["label"] for row in answer.json()["results"]}

    assert listed() == {"live", "retired"}
    assert (listed("active"), listed("revoked"), listed("expired")) == ({"live"}, {"revoked"}, {"past"})
    assert listed("all") == {"live", "retired", "revoked", "past"}


def test_rest_pages_by_cursor_without_losing_or_repeating_a_row() -> None:
    token, text = token_and_text()
    TokenFactory.create_batch(6, user=token.user)
    path, seen = f"{TOKENS}?limit=3", []
    while path:
        answer: Any = rest("GET", path, text)
        page = answer.json()
        assert set(page) == {"next", "previous", "results"}
        assert len(page["results"]) <= 3
        seen += [row["id"] for row in page["results"]]
        path = page["next"]
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize("query", ["limit=1000000000", "limit=-1", "limit=x", "ordering=user__password", "_connector=OR", "state=x"])
def test_rest_bears_strange_parameters(query: str) -> None:
    assert rest("GET", f"{TOKENS}?{query}", token_and_text()[1]).status_code in (200, 400, 422)


@pytest.mark.parametrize("cursor", ["x", "cD1ub25zZW5zZQ==", "bz0tMQ==", "cD0lMDA=", "é"])
def test_rest_refuses_a_cursor_that_it_did_not_hand_out(cursor: str) -> None:
    TokenFactory()
    assert rest("GET", f"{TOKENS}?cursor={cursor}", token_and_text()[1]).status_code in (400, 404)


def test_tok_12_no_answer_has_a_digest_or_more_of_the_text_than_its_prefix() -> None:
    token, text = token_and_text()
    browser = signed_in(token.user)
    detail = f"/profile/tokens/{token.public_id}/"
    answers: list[Any] = [browser.get(LIST), browser.get(detail), rest("GET", TOKENS, text), rest("GET", "/api/v1/me/", text)]
    for answer in answers:
        body = answer.content.decode()
        assert token.prefix in body or answer is answers[0]
        assert token.digest not in body
        assert text[:9] not in body


def test_the_page_of_another_persons_token_is_not_to_be_found() -> None:
    stranger = TokenFactory()
    browser = signed_in(UserFactory())
    for public_id in (stranger.public_id, "token-" + "B" * 24, "1", "token-%00"):
        assert browser.get(f"/profile/tokens/{public_id}/").status_code == 404


def test_the_page_of_a_token_tells_what_happened_to_it_alone() -> None:
    user = UserFactory()
    browser = signed_in(user)
    for label in ("one", "two"):
        browser.post("/profile/tokens/new/", {"label": label, "expires": "7"})
    token = user.tokens.get(label="one")
    events = browser.get(f"/profile/tokens/{token.public_id}/").context["events"]
    assert [event.title for event in events] == ["Token made"]
    assert "one" in events[0].text


@pytest.mark.parametrize("path", [LIST, "/profile/tokens/new/", "/profile/tokens/revoke/", "/profile/tokens/x/"])
def test_every_page_needs_a_login(path: str, client: Any) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")
