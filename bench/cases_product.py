"""The product's side: what is timed."""

from collections.abc import Callable, Iterator

from django.core.handlers.base import BaseHandler
from django.db import connection

from accounts import sessions
from accounts.audit import Actor
from accounts.digests import digest
from accounts.models import Session, User, WhyEnded
from bench.child import Case
from bench.handling import getting, handler, posting
from bench.rows_product import LISTER_SESSION, due, seed, token_text
from bench.seeding import session_key, shuffled
from bench.sizes import FAR_PAGE, Sizes

__all__ = ["cases", "seed"]

SESSION_AND_USER = ["accounts.middleware.SessionMiddleware", "accounts.middleware.AuthenticationMiddleware"]


def cases(sizes: Sizes) -> dict[str, Case]:
    """Return what is timed, by name."""
    people = shuffled(1, sizes.users)
    return {
        **_pages(sizes),
        **_tokens(sizes),
        **_lists(),
        "end": lambda: _end(next(people)),
        "delete": lambda: _delete(next(people)),
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


def _end(person: int) -> Callable[[], object]:
    user = User.objects.get(pk=person)
    return lambda: sessions.end_sessions(Session.objects.of(user), why=WhyEnded.ENDED, actor=Actor.worker())


def _delete(person: int) -> Callable[[], object]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_session WHERE user_id = %s", [person])

    return run
