"""What a credential change does to tokens (DESIGN 2.1, 3), whichever change it is."""

from typing import Any

import pytest
from django.db import transaction

from accounts import credentials
from accounts.credentials import Change
from accounts.failpoints import FailpointError
from accounts.models import SecurityEvent, User
from tests.factories import UserFactory, actor
from tests.tokens.doors import rest
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import Token, TokenState

pytestmark = pytest.mark.django_db


def announce(user: User, *, change: Change = Change.PASSWORD, revoke_tokens: bool = False) -> Any:
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        return credentials.announce(locked, change=change, actor=actor(locked), revoke_tokens=revoke_tokens)


def state_of(token: Token) -> str:
    token.refresh_from_db()
    return token.state


@pytest.mark.parametrize("change", list(Change))
def test_by_default_command_line_logins_end_and_api_tokens_live_on(change: Change) -> None:
    user = UserFactory()
    login, login_text = token_and_text(user=user, cli=True)
    script, script_text = token_and_text(user=user)
    announce(user, change=change)
    assert (state_of(login), login.end_why) == (TokenState.RETIRED, change.value)
    assert state_of(script) == TokenState.ACTIVE
    answer: Any = rest("GET", "/api/v1/me/", login_text)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_retired")
    assert rest("GET", "/api/v1/me/", script_text).status_code == 200


@pytest.mark.parametrize("change", list(Change))
def test_with_revoke_active_tokens_every_token_of_the_person_is_revoked(change: Change) -> None:
    user = UserFactory()
    mine = [TokenFactory(user=user), TokenFactory(user=user, cli=True), TokenFactory(user=user, retired=True)]
    strangers = TokenFactory()
    ended = announce(user, change=change, revoke_tokens=True)
    assert {state_of(token) for token in mine} == {TokenState.REVOKED}
    assert {token.end_why for token in mine} == {change.value}
    assert state_of(strangers) == TokenState.ACTIVE
    tokens_ended = next(one for one in ended if one.noun == "token")
    assert (tokens_ended.count, sorted(tokens_ended.names)) == (3, sorted(token.label for token in mine))


def test_the_forms_name_what_revoke_active_tokens_would_end() -> None:
    user = UserFactory()
    for number in range(22):
        TokenFactory(user=user, label=f"token {number:02d}")
    TokenFactory(user=user, revoked=True)
    TokenFactory(user=user, past=True)
    told = next(one for one in credentials.casualties(user) if one.noun == "token")
    assert (told.count, told.more, told.names[0]) == (22, 2, "token 00")
    assert Token.objects.of(user).live().count() == 22


@pytest.mark.parametrize(("point", "revoke_tokens"), [("tokens.retired", False), ("tokens.revoked", True)])
def test_a_fault_after_the_tokens_ended_leaves_everything_as_before(settings: Any, point: str, revoke_tokens: bool) -> None:
    user = UserFactory()
    login = TokenFactory(user=user, cli=True)
    settings.FAILPOINTS = {point: "raise"}
    with pytest.raises(FailpointError):
        announce(user, revoke_tokens=revoke_tokens)
    assert state_of(login) == TokenState.ACTIVE
    assert User.objects.get(pk=user.pk).session_epoch == user.session_epoch
    assert not SecurityEvent.objects.filter(event__startswith="token.").exists()


@pytest.mark.parametrize("revoke_tokens", [False, True])
def test_the_number_of_queries_does_not_grow_with_the_tokens(django_assert_max_num_queries: Any, revoke_tokens: bool) -> None:
    user = UserFactory()
    TokenFactory.create_batch(30, user=user, cli=True)
    with django_assert_max_num_queries(19):
        announce(user, revoke_tokens=revoke_tokens)
    assert not Token.objects.of(user).live().exists()
