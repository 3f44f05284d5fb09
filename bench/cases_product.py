"""The product's side: what is timed."""

import itertools
import json
from collections.abc import Callable, Iterator

from argon2.low_level import Type, verify_secret
from django.core.handlers.base import BaseHandler
from django.db import connection

from accounts import sessions
from accounts.audit import Actor
from accounts.digests import digest
from accounts.models import Counter, Session, User, WhyEnded
from bench import work_ending
from bench.child import Case
from bench.handling import Answering, getting, handler, posting, sending
from bench.rows_product import HANDLE, LISTER_SESSION, PASSWORD, due, seed, token_text
from bench.seeding import session_key, shuffled
from bench.sizes import FAR_PAGE, FEW_JOBS, MANY_JOBS, Sizes
from orgs.access import Person
from orgs.flows import PolicyWishes, set_policies
from tokens import flows

__all__ = ["cases", "seed"]

CSRF = "c" * 32
SESSION_AND_USER = ["accounts.middleware.SessionMiddleware", "accounts.middleware.AuthenticationMiddleware"]


def cases(sizes: Sizes) -> dict[str, Case]:
    """Return what is timed, by name."""
    # Nobody's sessions or tokens are ended twice.
    half, minutes = sizes.users // 2, itertools.cycle((10, 60))
    people, ending, revoking = shuffled(1, half), shuffled(half + 1, sizes.users), shuffled(1, sizes.users)
    return {
        **_pages(sizes),
        **_tokens(sizes),
        **_lists(),
        **(_logins(sizes) if sizes.logins else {}),
        "end": lambda: _end(next(ending)),
        "delete": lambda: _delete(next(people)),
        "revoke": lambda: _revoke(next(revoking)),
        "policy": lambda: _set_policy(next(minutes)),
        "work-few": work_ending.case(FEW_JOBS),
        "work-many": work_ending.case(MANY_JOBS),
    }


def _pages(sizes: Sizes) -> dict[str, Case]:
    without, with_session, whole = handler([]), handler(SESSION_AND_USER), handler(None)
    fresh, stale = shuffled(due(sizes.sessions) + 1, sizes.sessions), iter(range(1, due(sizes.sessions) + 1))

    def session(through: BaseHandler, which: Iterator[int]) -> Case:
        return lambda: getting(through, "/bench/user/", HTTP_COOKIE=f"sessionid={session_key(next(which))}")

    return {
        "bare": lambda: getting(without, "/bench/bare/"),
        "select": lambda: getting(without, "/bench/select/", **{"bench.digest": digest(session_key(next(fresh)))}),
        "session": session(with_session, fresh),
        "session-touched": session(with_session, stale),
        "session-whole-stack": session(whole, fresh),
    }


def _tokens(sizes: Sizes) -> dict[str, Case]:
    without, whole = handler([]), handler(None)
    fresh, stale = shuffled(due(sizes.tokens) + 1, sizes.tokens), iter(range(1, due(sizes.tokens) + 1))

    def bearer(through: BaseHandler, path: str, which: Iterator[int] = fresh) -> Case:
        return lambda: getting(through, path, HTTP_AUTHORIZATION=f"Bearer {token_text(next(which))}")

    return {
        "by-hand": bearer(without, "/bench/by-hand/"),
        "token": bearer(without, "/bench/token/"),
        "me": bearer(whole, "/api/v1/me/"),
        "me-noted": bearer(whole, "/api/v1/me/", stale),
        "whoami": lambda: posting(whole, "/system/whoami", b"{}", HTTP_AUTHORIZATION=f"Bearer {token_text(next(fresh))}"),
    }


def _lists() -> dict[str, Case]:
    whole = handler(None)

    def page(query: str) -> Case:
        return lambda: getting(whole, f"/profile/tokens/{query}", HTTP_COOKIE=f"sessionid={session_key(LISTER_SESSION)}")

    return {"list": page(""), "list-far": page(f"?page={FAR_PAGE}"), "list-ended": page("?ended=1")}


def _logins(sizes: Sizes) -> dict[str, Case]:
    whole, whose, encoded = handler(None), shuffled(1, sizes.logins), User.objects.get(pk=1).password
    secret = PASSWORD.encode()

    def page() -> Answering:
        fields = {"username": f"person{next(whose)}", "password": PASSWORD, "csrfmiddlewaretoken": CSRF}
        return sending(whole, "/login/", fields, HTTP_COOKIE=f"csrftoken={CSRF}")

    def client() -> Answering:
        body = json.dumps({"username": f"person{next(whose)}", "password": PASSWORD})
        return posting(whole, "/system/newAuthToken", body.encode())

    return {
        "argon2": lambda: lambda: verify_secret(encoded.removeprefix("argon2").encode(), secret, Type.ID),
        "login": page,
        "login-dx": client,
    }


def _revoke(person: int) -> Callable[[], object]:
    user = User.objects.get(pk=person)
    return lambda: flows.revoke_all(user=user, actor=Actor(user, "web"), why="password-changed")


def _set_policy(minutes: int) -> Callable[[], object]:
    Counter.objects.filter(key__startswith="orgs.policies").delete()  # an admin is not to do this sixty times an hour
    admin = User.objects.get(pk=1)
    actor, wishes = Actor(admin, door="web", ip="192.0.2.1"), PolicyWishes(auto_logout_after=minutes)
    return lambda: set_policies(caller=Person(admin, actor), handle=HANDLE, wishes=wishes, actor=actor)


def _end(person: int) -> Callable[[], object]:
    user = User.objects.get(pk=person)
    return lambda: sessions.end_sessions(Session.objects.of(user), why=WhyEnded.ENDED, actor=Actor.worker())


def _delete(person: int) -> Callable[[], object]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_session WHERE user_id = %s", [person])

    return run
