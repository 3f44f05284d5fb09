"""Revoking: the dialog, all or nothing, at once and for good; and what hears of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import SecurityEvent
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.tokens.doors import rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tokens import flows
from tokens.models import EndReason, Token, TokenState
from tokens.running import Blast
from tokens.signals import token_revoked

pytestmark = pytest.mark.django_db
REVOKE = "/profile/tokens/revoke/"


@pytest.fixture
def heard() -> Iterator[list[dict[str, Any]]]:
    """What `token_revoked` said."""
    said: list[dict[str, Any]] = []

    def hear(**payload: Any) -> None:
        said.append(payload)

    token_revoked.connect(hear)
    yield said
    token_revoked.disconnect(hear)


def test_the_dialog_names_the_tokens_and_changes_nothing() -> None:
    user = UserFactory()
    tokens = TokenFactory.create_batch(2, user=user)
    answer = signed_in(user).get(REVOKE, {"token": [token.public_id for token in tokens]})
    page = answer.content.decode()
    assert "Revoke Tokens Confirmation" in page
    assert "Yes, revoke it" in page
    assert all(token.label in page for token in tokens)
    assert Token.objects.live().count() == 2


def test_after_the_dialog_they_are_gone_from_the_list_and_the_record_says_who_when_and_from_where() -> None:
    user = UserFactory()
    token, text = token_and_text(user=user, label="old-laptop")
    browser = signed_in(user)
    answer = browser.post(REVOKE, {"token": [token.public_id]})
    assert (answer.status_code, answer["Location"]) == (302, "/profile/tokens/")
    token.refresh_from_db()
    assert (token.state, token.ended_by, token.end_why, token.ended_ip) == ("revoked", user, EndReason.REVOKED, "127.0.0.1")
    assert token.ended_at is not None
    assert "old-laptop" not in browser.get("/profile/tokens/").content.decode()
    assert rest("GET", "/api/v1/me/", text).status_code == 401
    assert "old-laptop" in browser.get("/profile/tokens/?ended=1").content.decode()
    assert "Token revoked" in browser.get("/security/history/").content.decode()


@pytest.mark.parametrize("foreign", ["of another", "token-" + "B" * 24, "token-\x00", "1", ""])
def test_tok_11_one_foreign_or_unknown_id_makes_the_whole_request_a_404(foreign: str) -> None:
    user = UserFactory()
    mine = TokenFactory.create_batch(2, user=user)
    stranger = TokenFactory()
    ids = [*(token.public_id for token in mine), stranger.public_id if foreign == "of another" else foreign]
    browser = signed_in(user)
    assert browser.get(REVOKE, {"token": ids}).status_code == 404
    assert browser.post(REVOKE, {"token": ids}).status_code == 404
    assert Token.objects.live().count() == 3


def test_with_nothing_selected_one_is_back_at_the_list() -> None:
    browser = signed_in(UserFactory())
    assert browser.get(REVOKE)["Location"] == "/profile/tokens/"
    assert browser.post(REVOKE)["Location"] == "/profile/tokens/"


def test_tok_10_rest_revokes_and_says_the_same_the_second_time() -> None:
    token, text = token_and_text()
    other = TokenFactory(user=token.user)
    path = f"/api/v1/tokens/{other.public_id}/"
    assert [rest("DELETE", path, text).status_code for _ in range(2)] == [204, 204]
    shown: Any = rest("GET", path, text)
    assert shown.json()["state"] == "revoked"
    assert SecurityEvent.objects.filter(event="token.revoked").count() == 1
    assert rest("PATCH", path, text, {"state": "active"}).status_code == 400


@pytest.mark.parametrize("public_id", ["", "token-" + "B" * 24, "token-%00", "1"])
def test_another_persons_token_is_as_unknown_as_none(public_id: str) -> None:
    stranger = TokenFactory()
    path = f"/api/v1/tokens/{public_id or stranger.public_id}/"
    text = token_and_text()[1]
    answers: list[Any] = [rest(method, path, text) for method in ("GET", "DELETE")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert [answer.json()["code"] for answer in answers] == ["token_not_found"] * 2
    assert Token.objects.live().count() == 2


def test_a_token_can_revoke_itself() -> None:
    token, text = token_and_text()
    path = f"/api/v1/tokens/{token.public_id}/"
    assert [rest("DELETE", path, text).status_code for _ in range(2)] == [204, 401]


def test_the_signal_comes_once_with_those_that_had_authority(heard: list[dict[str, Any]]) -> None:
    user = UserFactory()
    live, retired = TokenFactory(user=user), TokenFactory(user=user, retired=True)
    dead = [TokenFactory(user=user, revoked=True), TokenFactory(user=user, past=True)]
    ended = flows.revoke(tokens=[live, retired, *dead], actor=actor(user), why=EndReason.REVOKED)
    assert flows.revoke(tokens=[live, retired], actor=actor(user), why=EndReason.REVOKED) == Blast()
    assert ended == Blast([live, retired])
    assert [say["tokens"] for say in heard] == [[live, retired]]
    assert all(token.state == TokenState.REVOKED for token in ended.tokens)


def test_a_receiver_that_fails_undoes_the_revoke() -> None:
    token = TokenFactory()

    def fail(**payload: Any) -> None:
        raise RuntimeError("no")

    token_revoked.connect(fail)
    try:
        with pytest.raises(RuntimeError):
            flows.revoke(tokens=[token], actor=actor(token.user), why=EndReason.REVOKED)
    finally:
        token_revoked.disconnect(fail)
    token.refresh_from_db()
    assert (token.state, token.ended_at) == (TokenState.ACTIVE, None)
    assert not SecurityEvent.objects.filter(event="token.revoked").exists()


def test_revoking_many_takes_as_many_queries_as_revoking_one(django_assert_max_num_queries: Any) -> None:
    tokens = TokenFactory.create_batch(40, user=UserFactory())
    with django_assert_max_num_queries(10):
        flows.revoke(tokens=tokens, actor=actor(), why=EndReason.REVOKED)
    assert SecurityEvent.objects.filter(event="token.revoked").count() == 40


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_eight_revokes_of_one_token_at_once_one_ends_it(race: Race) -> None:
    token = TokenFactory()
    ended = race(8, lambda _: len(flows.revoke(tokens=[token], actor=actor(), why=EndReason.REVOKED).tokens))
    assert sorted(ended) == [0] * 7 + [1]
    assert SecurityEvent.objects.filter(event="token.revoked").count() == 1
