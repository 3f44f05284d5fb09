"""Who gets in when threads and connections run out (F06)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client, RequestFactory

from config import admission
from config.admission import Places, Rank, Reserve, Threads, rank_of


def taken(reserve: Reserve, rank: Rank, times: int) -> list[bool]:
    return [reserve.take(rank, 0) for _ in range(times)]


def test_f06_ordinary_requests_leave_two_connections_and_signing_in_leaves_one() -> None:
    reserve = admission.connections(20)
    assert taken(reserve, Rank.ORDINARY, 19) == [True] * 18 + [False]
    assert taken(reserve, Rank.SIGNING_IN, 2) == [True, False]
    assert reserve.take(Rank.ENDING, 0)
    reserve.give_back(Rank.ORDINARY)
    assert taken(reserve, Rank.SIGNING_IN, 2) == [True, False]
    assert not reserve.take(Rank.ORDINARY, 0)
    reserve.give_back(Rank.SIGNING_IN)
    assert reserve.take(Rank.ORDINARY, 0)


@pytest.mark.parametrize(("size", "ordinary"), [(1, 1), (2, 1), (3, 2), (4, 2), (20, 18)])
def test_f06_a_small_pool_keeps_less(size: int, ordinary: int) -> None:
    assert sum(taken(admission.connections(size), Rank.ORDINARY, size + 1)) == ordinary


def test_whoever_waits_longest_gets_the_place_and_whoever_comes_meanwhile_does_not() -> None:
    places, order = Places(1), list[int]()
    assert places.take(0)

    def wait(number: int) -> None:
        assert places.take(30)
        order.append(number)
        places.give_back()

    with ThreadPoolExecutor(3) as pool:
        waiting = []
        for number in range(3):
            waiting.append(pool.submit(wait, number))
            while len(places._waiting) <= number:
                threading.Event().wait(0.001)
        assert not places.take(0)
        places.give_back()
        for each in waiting:
            each.result(timeout=30)
    assert order == [0, 1, 2]
    assert places.take(0)


def test_whoever_waits_in_vain_takes_nothing() -> None:
    places = Places(1)
    assert places.take(0)
    assert not places.take(0.01)
    places.give_back()
    assert places.take(0)
    assert not places.take(0)


@pytest.mark.parametrize(
    ("method", "path", "rank"),
    [
        ("get", "/", Rank.ORDINARY),
        ("post", "/system/whoami", Rank.ORDINARY),
        ("get", "/api/v1/tokens/token-x/", Rank.ORDINARY),
        ("get", "/login/", Rank.SIGNING_IN),
        ("post", "/login/verify/", Rank.SIGNING_IN),
        ("post", "/system/newAuthToken", Rank.SIGNING_IN),
        ("post", "/logout/", Rank.ENDING),
        ("post", "/profile/tokens/revoke/", Rank.ENDING),
        ("post", "/api/v1/tokens/revoke/", Rank.ENDING),
        ("delete", "/api/v1/tokens/token-x/", Rank.ENDING),
        ("delete", "/api/v1/sessions/x/", Rank.ENDING),
        ("post", "/system/destroyAuthToken", Rank.ENDING),
        ("get", "/healthz", Rank.ENDING),
        ("get", "/security/sessions/", Rank.SIGNING_IN),
        ("get", "/profile/tokens/revoke/", Rank.SIGNING_IN),
        ("head", "/profile/tokens/revoke/", Rank.SIGNING_IN),
    ],
)
def test_f06_what_ends_access_comes_first_and_signing_in_next(method: str, path: str, rank: Rank) -> None:
    make: Callable[[str], object] = getattr(RequestFactory(), method)
    assert rank_of(make(path)) is rank  # type: ignore[arg-type]


def test_f06_where_no_thread_is_left_an_ordinary_request_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "THREAD_WAIT_SECONDS", 0)
    threads = Threads(64)
    assert [threads.take(Rank.ORDINARY) for _ in range(57)] == [True] * 56 + [False]
    monkeypatch.setattr(Threads, "take", lambda self, rank: rank is not Rank.ORDINARY)
    answer = Client().get("/help/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert Client().get("/healthz").status_code == 200


@pytest.mark.django_db
def test_f06_every_answer_gives_its_thread_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Rank] = []

    def take(self: Threads, rank: Rank) -> bool:
        held.append(rank)
        return True

    monkeypatch.setattr(Threads, "take", take)
    monkeypatch.setattr(Threads, "give_back", lambda self, rank: held.remove(rank))
    for path in ("/login/", "/nothing-here/", "/static/gatehouse.css", "/api/v1/me/"):
        Client().get(path).close()
    assert held == []
