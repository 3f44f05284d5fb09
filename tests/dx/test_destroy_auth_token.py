"""`/system/destroyAuthToken`: `dx logout` ends what it presents, and nobody else's token."""

from typing import Any

import pytest

from accounts.digests import digest
from tests.tokens.doors import dx
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import EndReason, TokenState

pytestmark = pytest.mark.django_db
DESTROY = "/system/destroyAuthToken"


@pytest.mark.parametrize("traits", [{"cli": True}, {}])
def test_logging_out_revokes_the_token_it_presents_whichever_kind(traits: dict[str, Any]) -> None:
    token, text = token_and_text(**traits)
    other = TokenFactory(user=token.user)
    answer = dx(DESTROY, {"tokenSignature": digest(text)}, text)
    assert (answer.status_code, answer.json()) == (200, {"tokenSignature": token.digest})
    token.refresh_from_db()
    other.refresh_from_db()
    assert (token.state, token.end_why, other.state) == (TokenState.REVOKED, EndReason.LOGGED_OUT, TokenState.ACTIVE)
    assert dx("/system/whoami", text=text).status_code == 401


def test_logging_out_twice_is_a_plain_401() -> None:
    text = token_and_text()[1]
    body = {"tokenSignature": digest(text)}
    dx(DESTROY, body, text)
    second = dx(DESTROY, body, text)
    assert (second.status_code, second.json()["error"]["type"]) == (401, "InvalidAuthentication")
    assert "revoked" in second.json()["error"]["message"]


def test_the_client_that_already_logged_out_hears_that_there_is_no_such_token() -> None:
    answer = dx(DESTROY, {"tokenSignature": digest("PUBLIC")}, "PUBLIC")
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "The token could not be found"


def test_cli_07_the_signature_of_another_person_gets_the_answer_of_an_unknown_one() -> None:
    hers = TokenFactory()
    his_text = token_and_text()[1]
    answers = [dx(DESTROY, {"tokenSignature": one}, his_text) for one in (hers.digest, digest("nothing"), "\x00", "")]
    assert {answer.status_code for answer in answers} <= {404, 400}
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"]["type"] == "ResourceNotFound"
    hers.refresh_from_db()
    assert hers.state == TokenState.ACTIVE


@pytest.mark.parametrize("body", [{}, {"tokenSignature": None}, {"tokenSignature": 5}, {"tokenSignature": ["x"]}])
def test_a_signature_that_is_no_string_is_refused(body: dict[str, object]) -> None:
    answer = dx(DESTROY, body, token_and_text()[1])
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")


def test_without_a_token_nothing_is_destroyed() -> None:
    token = TokenFactory()
    assert dx(DESTROY, {"tokenSignature": token.digest}).status_code == 401
    token.refresh_from_db()
    assert token.state == TokenState.ACTIVE
