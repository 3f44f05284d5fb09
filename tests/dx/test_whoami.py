"""What `dx whoami`, `dx login --token` and `dx describe user-…` ask about people."""

from typing import Any

import pytest

from tests.factories import UserFactory
from tests.tokens.doors import dx
from tests.tokens.factories import token_and_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def amys(amy: Any) -> str:
    """The text of a token of amy."""
    return token_and_text(user=amy)[1]


def test_whoami_tells_the_id_and_on_request_the_address(amys: str) -> None:
    assert dx("/system/whoami", text=amys).json() == {"id": "user-amy"}
    asked = dx("/system/whoami", {"fields": {"clientIp": True}}, amys)
    assert asked.json() == {"id": "user-amy", "clientIp": "127.0.0.1"}


def test_an_empty_body_is_an_empty_object_and_unknown_keys_are_ignored(amys: str) -> None:
    assert dx("/system/whoami", "", amys).status_code == 200
    assert dx("/system/whoami", {"somethingNew": [1]}, amys).status_code == 200


def test_fields_of_another_type_are_refused(amys: str) -> None:
    answer = dx("/system/whoami", {"fields": ["clientIp"]}, amys)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")


def test_one_sees_oneself_with_address_and_strangers_not_at_all(amys: str) -> None:
    UserFactory(username="ben")
    assert dx("/user-amy/describe", text=amys).json() == {
        "id": "user-amy", "class": "user", "handle": "amy", "first": "Amy", "last": "Adams", "middle": "",
        "email": "amy@example.com",
    }  # fmt: skip
    answers = [dx(f"/user-{name}/describe", text=amys) for name in ("ben", "nobody", "ann%00")]
    assert {(answer.status_code, answer.json()["error"]["type"]) for answer in answers} == {(404, "ResourceNotFound")}
    assert answers[0].json() == answers[1].json()


def test_a_login_by_token_learns_the_username(amys: str) -> None:
    assert dx("/system/getUserInfo", text=amys).json() == {
        "username": "amy", "user_id": "user-amy", "email": "amy@example.com", "first": "Amy", "last": "Adams",
    }  # fmt: skip


def test_there_is_no_news(amys: str) -> None:
    assert dx("/system/greet", {"client": "dxclient", "version": "v0.417.1"}, amys).json() == {"messages": []}


@pytest.mark.parametrize("path", ["/system/whoami", "/system/getUserInfo", "/system/greet", "/user-amy/describe"])
def test_without_a_token_nothing_is_told(path: str) -> None:
    answer = dx(path)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "InvalidAuthentication")
