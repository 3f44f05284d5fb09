"""A token was made and the answer with its text is lost: nobody has it, its owner sees it, and a repeat does not make another (F04)."""

import json
import re
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.faults.aftermath import assert_holds
from tests.faults.losing import LosingLine, losing_line
from tests.journeys.dx import DxClient
from tests.journeys.house import PASSWORD, Database, House, house
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, send, with_token

pytestmark = pytest.mark.once
LIVE = "SELECT public_id FROM tokens_token WHERE state = 'active' AND label = '{}'"
TEXT = re.compile(r"ght_[0-9A-Za-z]{28}")


@pytest.fixture(scope="module")
def server(plan: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that all of these share: none of them hurts it."""
    with house(plan, tmp_path_factory.mktemp("house")) as started:
        yield started


@pytest.fixture
def line(server: House) -> Iterator[LosingLine]:
    """The way to it."""
    with losing_line(server.port) as made:
        yield made


@pytest.fixture
def name(server: House) -> str:
    """Somebody whom no other of these tests knows."""
    return server.person()


def loses(line: LosingLine, marker: bytes, act: Callable[[], object]) -> None:
    """Carry an act out whose answer is lost."""
    before = line.lost
    line.lose_answer_to(marker)
    with pytest.raises((OSError, HTTPException)):
        act()
    assert line.lost == before + 1


def post(url: str, text: str, path: str, body: dict[str, Any], **headers: str) -> Answer:
    told = {"Authorization": f"Bearer {text}", "Content-Type": "application/json", **headers}
    return send(f"{url}/api/v1/{path}", data=json.dumps(body).encode(), headers=told)


def live(server: House, label: str) -> list[str]:
    return [public_id for (public_id,) in server.rows(LIVE.format(label))]


def assert_listed_and_revocable(server: House, name: str, token_id: str) -> None:
    """Fail unless the owner sees the token that nobody has a text of, and can end it."""
    owner = Visitor(server.url).sign_in(name)
    page = owner.get("/profile/tokens/").text
    assert token_id in page
    assert not TEXT.search(page)
    address = f"/profile/tokens/revoke/?token={token_id}"
    assert owner.form("/profile/tokens/revoke/", {"token": token_id}, at=address).status == 302
    assert server.rows(f"SELECT state FROM tokens_token WHERE public_id = '{token_id}'") == [("revoked",)]  # noqa: S608


def test_f04_of_a_page_the_second_send_names_the_label_and_the_first_token_can_be_revoked(
    server: House, line: LosingLine, name: str
) -> None:
    visitor = Visitor(line.url).sign_in(name)
    loses(line, b"label=lost-page", lambda: visitor.form("/profile/tokens/new/", {"label": "lost-page", "expires": "30"}))
    (made,) = live(server, "lost-page")
    again = visitor.form("/profile/tokens/new/", {"label": "lost-page", "expires": "30"})
    assert again.status == 409
    assert "has this label" in again.text
    assert not TEXT.search(again.text)
    assert live(server, "lost-page") == [made]
    assert_listed_and_revocable(server, name, made)


def test_f04_of_rest_a_repeat_makes_no_second_one_shows_no_text_and_names_the_first(server: House, line: LosingLine, name: str) -> None:
    login, key = dx_login(server.url, name), {"Idempotency-Key": "5a1f0c34"}
    loses(line, b'"lost-rest"', lambda: post(line.url, login, "tokens/", {"label": "lost-rest"}, **key))
    (made,) = live(server, "lost-rest")
    again = post(line.url, login, "tokens/", {"label": "lost-rest"}, **key)
    assert (again.status, again.json["code"], again.json["token_id"]) == (409, "already_made", made)
    without = post(line.url, login, "tokens/", {"label": "lost-rest"})
    assert (without.status, without.json["code"], without.json["token_id"]) == (409, "label_taken", made)
    assert not TEXT.search(again.text + without.text)
    assert live(server, "lost-rest") == [made]
    assert_listed_and_revocable(server, name, made)


def test_f04_of_a_rotation_the_old_text_goes_on_for_its_overlap_and_the_new_one_can_be_rotated(
    server: House, line: LosingLine, name: str
) -> None:
    login = dx_login(server.url, name)
    first = post(server.url, login, "tokens/", {"label": "lost-turn"}).json
    path, body = f"tokens/{first['id']}/rotate/", {"overlap_seconds": 3600}
    loses(line, b'"overlap_seconds"', lambda: post(line.url, login, path, body))
    assert with_token(server.url, first["token"]).status == 200
    (renewed,) = live(server, "lost-turn")
    assert renewed != first["id"]
    again = post(line.url, login, path, body)
    assert again.status == 409
    assert not TEXT.search(again.text)
    assert live(server, "lost-turn") == [renewed]
    text = post(line.url, login, f"tokens/{renewed}/rotate/", {"overlap_seconds": 0}).json["token"]
    assert with_token(server.url, text).status == 200


def test_f04_of_a_login_the_repeat_gives_a_new_text_and_the_one_that_was_lost_is_revoked(
    server: House, line: LosingLine, name: str
) -> None:
    body = {"username": name, "password": PASSWORD}
    loses(line, b"newAuthToken", lambda: dx_call(line.url, "system/newAuthToken", body))
    again = dx_call(line.url, "system/newAuthToken", body)
    assert again.status == 200
    assert with_token(server.url, again.json["access_token"]).status == 200
    states = f"SELECT state FROM tokens_token t JOIN accounts_user u ON u.id = t.user_id WHERE u.username = '{name}' ORDER BY t.id"  # noqa: S608
    assert server.rows(states) == [("revoked",), ("active",)]


@pytest.mark.dx
def test_f04_the_real_client_whose_answer_is_lost_is_logged_in_once(server: House, line: LosingLine, name: str, tmp_path: Path) -> None:
    client = DxClient(tmp_path, line.port)
    line.lose_answer_to(b"newAuthToken")
    status, said = client.login(name, PASSWORD)
    assert (status, line.lost) == (0, 1), said
    assert client.whoami() == name
    live_ones = (
        "SELECT count(*) FROM tokens_token t JOIN accounts_user u ON u.id = t.user_id WHERE t.state = 'active' AND u.username = '{}'"
    )
    assert server.rows(live_ones.format(name)) == [(1,)]


def test_f04_after_all_of_that_the_server_holds(server: House) -> None:
    assert_holds(server)
