"""Hands that act for people: each takes a person and an act at random, at the pace of all."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.soak import people
from bench.soak.people import Person
from bench.soak.wire import Asked, Wire, call

T = TypeVar("T")

# Of a hundred turns so many are of each kind; each has what it needs first: a session, or a token.
IN_SESSION: tuple[tuple[int, Callable[..., object]], ...] = (
    (30, people.click),
    (2, people.make_token),
    (2, people.revoke),
    (2, people.sign_out),
    (1, people.end_others),
    (1, lambda wire, person, session: people.change_password(wire, person, session, revoking=False)),
    (1, lambda wire, person, session: people.change_password(wire, person, session, revoking=True)),
)
WITH_TOKEN: tuple[tuple[int, Callable[..., object]], ...] = ((34, people.use), (2, people.upload), (3, people.download))
ALONE = ((5, "knock"), (3, "dx-logout"), (4, "dx-login"), (10, "sign-in"))
POLICY_SECONDS = 25.0
POLICY_MINUTES = (10, 15, 20, 30, 60)
TURNS = [*(("session", act, weight) for weight, act in IN_SESSION), *(("token", act, weight) for weight, act in WITH_TOKEN)]
TURNS += [("alone", act, weight) for weight, act in ALONE]
WEIGHTS = [weight for _, _, weight in TURNS]


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
            self._turn(random.choice(self._persons))

    def _turn(self, person: Person) -> None:
        needs, act, _ = random.choices(TURNS, WEIGHTS)[0]
        if needs == "session":
            _with_session(self._wire, person, act)
        elif needs == "token":
            _with_token(self._wire, person, act)
        elif act == "knock":
            _knock(self._wire, person)
        elif act == "dx-logout":
            people.log_out(self._wire, person)
        elif act == "dx-login":
            people.log_in(self._wire, person)
        else:
            people.sign_in(self._wire, person)

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


def _with_session(wire: Wire, person: Person, act: Callable[..., object]) -> None:
    session = _chosen(person.sessions) or people.sign_in(wire, person)
    if session is None:
        return
    changes = act not in (people.click, people.make_token, people.revoke)
    # A change of a password with a second factor asks for a code, which a login may just have used.
    if person.secret is not None and changes and act not in (people.sign_out, people.end_others):
        return
    act(wire, person, session)
    if len(person.sessions) > people.KEPT_MOST:
        people.sign_out(wire, person, person.sessions[0])


def _with_token(wire: Wire, person: Person, act: Callable[..., object]) -> None:
    token = _chosen([*person.logins, *person.tokens]) or people.log_in(wire, person)
    if token is not None:
        act(wire, person, token)


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
