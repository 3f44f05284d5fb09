"""PostgreSQL dies under requests, comes back, and breaks off in mid-commit; nobody restarts anything (F05, REL-04)."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.aftermath import assert_discreet, assert_holds, failure_counts
from tests.faults.conftest import DATABASE
from tests.faults.lines import BreakingLine, breaking_line
from tests.faults.services import Postgres, RedisServer
from tests.faults.traffic import Traffic
from tests.journeys.house import NEW_PASSWORD, PASSWORD, Database, House, house_on, until
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, send

pytestmark = pytest.mark.faults
Houses = Callable[..., House]
OUTAGE_SECONDS = 5
LONG_OUTAGE_SECONDS = 40  # a pool that doubles the pauses between its attempts would be away for 23 s more
ENOUGH_ANSWERS = 60
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
FINE = {"page": {200}, "rest": {200}, "dx": {200}, "login": {302}, "write": {200}}


def assert_only_told_to_try_again(traffic: Traffic) -> None:
    """Fail on any answer that is neither what the client wanted nor a readable 503 with `Retry-After`."""
    assert not traffic.unanswered
    for kind, answer in traffic.answers:
        if answer.status in FINE[kind]:
            continue
        assert answer.status == 503, (kind, answer.status, answer.text)
        assert answer.headers["Retry-After"] == "5"
        assert_readable(kind, answer)
    assert_discreet(answer for _, answer in traffic.answers if answer.status == 503)


def assert_readable(kind: str, answer: Answer) -> None:
    if kind == "rest":
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["code"] == "unavailable"
    elif kind in ("dx", "write"):
        assert answer.json["error"]["type"] == "ServiceUnavailable"
    else:
        assert "<h1>Back in a moment</h1>" in answer.text or "<h1>It may have happened, or not</h1>" in answer.text


def test_f05_postgresql_dies_under_16_clients_and_all_processes_serve_again_without_a_restart(houses: Houses, postgres: Postgres) -> None:
    one, other = houses(), houses()
    Visitor(one.url).form("/login/", {"username": "ben", "password": "wrong"})
    counted = failure_counts(one)
    with Traffic([one, other]).flows() as traffic:
        until(lambda: len(traffic.answers) > ENOUGH_ANSWERS, what="answers before the fault")
        postgres.stop("immediate")
        began, before = time.monotonic(), len(traffic.answers)
        until(lambda: time.monotonic() > began + OUTAGE_SECONDS, what="the end of the outage")
        postgres.start()
        since = len(traffic.answers)
        for kind, fine in FINE.items():
            until(lambda kind=kind, fine=fine: fine & set(traffic.statuses(kind, since)), seconds=10, what=f"{kind} to be served again")  # type: ignore[misc]
    assert 503 in {answer.status for _, answer in traffic.answers[before:]}
    assert_only_told_to_try_again(traffic)
    traffic.assert_folders_are_there()
    for house in (one, other):
        assert_holds(house, counted=counted)


def test_f05_after_an_outage_of_40_seconds_pages_and_mails_come_as_soon_as_the_database_does(houses: Houses, postgres: Postgres) -> None:
    house = houses()
    visitor = Visitor(house.url).sign_in("amy")
    postgres.stop("immediate")
    began = time.monotonic()
    assert visitor.get("/security/").status == 503
    until(lambda: time.monotonic() > began + LONG_OUTAGE_SECONDS, seconds=2 * LONG_OUTAGE_SECONDS, what="the end of the outage")
    assert send(f"{house.url}/healthz").status == 200
    assert send(f"{house.url}/readyz").status == 503
    postgres.start()
    until(lambda: visitor.signed_in, seconds=10, what="the page")
    assert_holds(house)
    visitor.form("/password/reset/", {"email": "amy@example.com"})
    house.mail("amy@example.com", "Reset your")


def test_f05_every_connection_is_ended_again_and_again_and_nobody_gets_more_than_a_503(houses: Houses, postgres: Postgres) -> None:
    one, other = houses(), houses()
    with Traffic([one, other]).flows() as traffic:
        for _ in range(5):
            since = len(traffic.answers)
            until(lambda since=since: len(traffic.answers) > since + ENOUGH_ANSWERS, what="answers between the cuts")  # type: ignore[misc]
            postgres.execute(END_ALL)
    assert_only_told_to_try_again(traffic)
    traffic.assert_folders_are_there()
    for house in (one, other):
        assert_holds(house)


@pytest.fixture
def line(postgres: Postgres) -> Iterator[BreakingLine]:
    """The line between the server and its PostgreSQL."""
    with breaking_line(postgres.port) as opened:
        yield opened


@pytest.fixture
def far_house(postgres: Postgres, redis_server: RedisServer, line: BreakingLine, tmp_path: Path) -> Iterator[House]:
    """A server that reaches PostgreSQL by that line; its rows are read beside it."""
    far = Database(Postgres(postgres.folder, line.port).url(DATABASE))
    with house_on(far, tmp_path / "house", CACHE_URL=redis_server.url) as started:
        started.database = Database(postgres.url(DATABASE))
        yield started


BOTH = pytest.mark.parametrize("reaches", [True, False], ids=["answer lost", "commit lost"])


@BOTH
def test_rel_04_a_password_change_whose_commit_was_not_answered_is_told_as_unknown_and_says_where_to_look(
    far_house: House, line: BreakingLine, reaches: bool
) -> None:
    visitor = Visitor(far_house.url).sign_in("amy")
    line.lose_commit_after(b'UPDATE "accounts_user" SET "password"', reaches=reaches)
    answer = visitor.change_password(NEW_PASSWORD)
    assert line.broke.is_set()
    assert answer.status == 503
    assert "<h1>It may have happened, or not</h1>" in answer.text
    assert '<a href="/security/history/">' in answer.text
    assert_discreet([answer])
    works = NEW_PASSWORD if reaches else PASSWORD
    until(lambda: Visitor(far_house.url).form("/login/", {"username": "amy", "password": works}).status == 302, what="a login")
    assert visitor.signed_in is not reaches
    assert far_house.rows("SELECT count(*) FROM accounts_securityevent WHERE event = 'password.changed'") == [(int(reaches),)]
    assert_holds(far_house)


@BOTH
def test_rel_04_a_token_whose_commit_was_not_answered_is_told_as_unknown_and_is_in_the_list_if_it_was_made(
    far_house: House, line: BreakingLine, reaches: bool
) -> None:
    text = Visitor(far_house.url).sign_in("amy").make_token("first")
    line.lose_commit_after(b'INSERT INTO "tokens_token"', reaches=reaches)
    bearer = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    body = json.dumps({"label": "second", "projects": {"*": "VIEW"}}).encode()
    answer = send(f"{far_house.url}/api/v1/tokens/", data=body, headers=bearer)
    assert line.broke.is_set()
    assert (answer.status, answer.json["code"]) == (503, "outcome_unknown")
    assert answer.headers["Retry-After"] == "5"
    made = "SELECT count(*) FROM tokens_token WHERE label = 'second'"
    until(lambda: far_house.rows(made) == [(int(reaches),)], what="the token, or the lack of it")
    assert_holds(far_house)


@BOTH
def test_rel_04_a_dx_call_whose_commit_was_not_answered_is_not_repeated_by_the_client_where_twice_is_too_often(
    far_house: House, line: BreakingLine, reaches: bool
) -> None:
    login = dx_login(far_house.url, "amy")
    line.lose_commit_after(b'INSERT INTO "projects_project"', reaches=reaches)
    answer = dx_call(far_house.url, "project/new", {"name": "Once"}, login)
    assert line.broke.is_set()
    assert (answer.status, answer.json["error"]["type"]) == (409, "OutcomeUnknown")
    made = "SELECT count(*) FROM projects_project WHERE name = 'Once'"
    until(lambda: far_house.rows(made) == [(int(reaches),)], what="the project, or the lack of it")
    line.lose_commit_after(b'INSERT INTO "tokens_token"', reaches=reaches)
    again = dx_call(far_house.url, "system/newAuthToken", {"username": "amy", "password": PASSWORD})
    assert (again.status, again.json["error"]["type"], again.headers["Retry-After"]) == (503, "ServiceUnavailable", "5")
    assert_holds(far_house)


def test_rel_04_what_fails_before_anything_is_stored_is_told_as_failed(houses: Houses, postgres: Postgres) -> None:
    house = houses()
    login = dx_login(house.url, "amy")
    postgres.stop("immediate")
    answer = dx_call(house.url, "project/new", {"name": "Never"}, login)
    assert (answer.status, answer.json["error"]["type"]) == (503, "ServiceUnavailable")
    page = Visitor(house.url).form("/login/", {"username": "amy", "password": PASSWORD})
    assert page.status == 503
    assert "<h1>Back in a moment</h1>" in page.text
    postgres.start()
    assert_holds(house)
