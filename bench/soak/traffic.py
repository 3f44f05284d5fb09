"""Hands that act for people: each takes a person and an act at random, at the pace of all."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from bench.soak import people
from bench.soak.people import Person, Session, Token
from bench.soak.wire import Asked, Wire, call

T = TypeVar("T")

Turn = Callable[[Wire, Person], None]

POLICY_SECONDS = 25.0
POLICY_MINUTES = (10, 15, 20, 30, 60)


class Pace:
    """Lets so many requests a second through, evenly; without a rate, all."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self._next, self._lock, self.passed = 0.0, threading.Lock(), 0

    def wait(self) -> None:
        """Return when it is one's turn. Turns that nobody took are lost: after a pause there is no rush."""
        with self._lock:
            self.passed += 1
            if self.rate is None:
                return
            mine = self._next = max(self._next + 1 / self.rate, time.monotonic())
        time.sleep(max(0.0, mine - time.monotonic()))


class Traffic:
    """All hands, from when it is made until it is stopped."""

    def __init__(self, wire: Wire, persons: list[Person], admin: Person, *, hands: int) -> None:
        self._wire, self._persons, self._admin, self._over = wire, persons, admin, threading.Event()
        self._failed: list[BaseException] = []
        acts = [self._hand] * hands + [self._policies]
        self._threads = [threading.Thread(target=self._run, args=(act,), daemon=True) for act in acts]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End it when each hand is through with its turn; raise what a hand died of."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._failed:
            raise self._failed[0]

    def _run(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:
            self._failed.append(error)
            raise

    def _hand(self) -> None:
        while not self._over.is_set():
            turn = random.choices([turn for _, turn in TURNS], [weight for weight, _ in TURNS])[0]
            turn(self._wire, random.choice(self._persons))

    def _policies(self) -> None:
        number = 0
        while not self._over.wait(POLICY_SECONDS if number else 1):
            token = _chosen(self._admin.logins) or people.log_in(self._wire, self._admin)
            if token is None:
                continue
            number += 1
            sent = call({"autoLogoutAfter": POLICY_MINUTES[number % len(POLICY_MINUTES)]}, token.text)
            asked = Asked("set-policy", self._admin.name, "/api/v1/orgs/acme/policies/", "PATCH", credential=token.mark, **sent)
            answer, _ = self._wire.send(asked)
            if answer.status == 401:  # noqa: PLR2004  (dead)
                self._admin.logins.clear()


def _in_session(act: Callable[[Wire, Person, Session], None], *, with_code: bool = True) -> Turn:
    """Return the turn that does this in a session of the person, with a login where there is none; without `with_code`, for nobody
    who has a second factor: such an act asks for a code, which a login may just have used.
    """

    def turn(wire: Wire, person: Person) -> None:
        if person.secret is not None and not with_code:
            return
        session = _chosen(person.sessions) or people.sign_in(wire, person)
        if session is None:
            return
        act(wire, person, session)
        if len(person.sessions) > people.KEPT_MOST:
            people.sign_out(wire, person, person.sessions[0])

    return turn


def _with_token(act: Callable[[Wire, Person, Token], None]) -> Turn:
    """Return the turn that does this with a token of the person, with a login where there is none."""

    def turn(wire: Wire, person: Person) -> None:
        token = _chosen([*person.logins, *person.tokens]) or people.log_in(wire, person)
        if token is not None:
            act(wire, person, token)

    return turn


def _sign_in(wire: Wire, person: Person) -> None:
    people.sign_in(wire, person)


def _log_in(wire: Wire, person: Person) -> None:
    people.log_in(wire, person)


def _knock(wire: Wire, person: Person) -> None:
    """Come with what is over."""
    with person.lock:
        sessions, tokens = list(person.dead_sessions), list(person.dead_tokens)
    if sessions:
        people.click(wire, person, random.choice(sessions))
    if tokens:
        people.use(wire, person, random.choice(tokens))


def _chosen(among: Sequence[T]) -> T | None:
    return random.choice(among) if among else None


# Of a hundred turns so many are of each kind.
TURNS: tuple[tuple[int, Turn], ...] = (
    (30, _in_session(people.click)),
    (2, _in_session(people.make_token)),
    (2, _in_session(people.revoke)),
    (2, _in_session(people.sign_out)),
    (1, _in_session(people.end_others)),
    (1, _in_session(partial(people.change_password, revoking=False), with_code=False)),
    (1, _in_session(partial(people.change_password, revoking=True), with_code=False)),
    (34, _with_token(people.use)),
    (2, _with_token(people.upload)),
    (3, _with_token(people.download)),
    (5, _knock),
    (3, people.log_out),
    (4, _log_in),
    (10, _sign_in),
)
