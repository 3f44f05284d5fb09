"""The product's side: its tables filled by bulk SQL, and what is timed."""

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import RequestFactory, override_settings
from django.utils import timezone

from accounts import sessions
from accounts.audit import Actor
from accounts.digests import digest
from accounts.models import Session, User, WhyEnded
from bench.child import Case
from bench.seeding import SEED, fill, numbers, session_key, sha256
from tokens import keys
from tokens.models import Token

REAL_TOKENS = 1000
TOKENS_MAX = 100_000
TOUCHES = 2000
SESSION_AND_USER = ["accounts.middleware.SessionMiddleware", "accounts.middleware.AuthenticationMiddleware"]
# Inside the touch interval for as long as the bench runs, so that what is timed is the request without its write.
AHEAD = timedelta(hours=1)


def seed(users: int, sessions: int) -> None:
    """Fill the tables: people, their sessions (person n has every users-th), and tokens."""
    now = timezone.now()
    fill(
        f"""INSERT INTO accounts_user (id, password, username, email, first_name, last_name, is_superuser, is_active, is_staff,
              date_joined, password_changed, session_epoch)
            {numbers(users)} SELECT i, '!', 'person' || i, 'person' || i || '@example.com', 'Person', 'Number', FALSE, TRUE, FALSE,
              %s, %s, 1 FROM n""",  # noqa: S608  (numbers of ours)
        [now, now],
    )
    _session_rows(users, sessions)
    fill(
        f"""INSERT INTO tokens_token (public_id, user_id, kind, label, digest, prefix, state, created, expires, made_agent, end_why)
            {numbers(min(sessions, TOKENS_MAX))} SELECT 'token-' || substr({sha256("'t' || i")}, 1, 24), 1 + (i - 1) %% {users}, 'api',
              'token ' || i, {sha256("'token' || i")}, 'ght_AAAA', 'active', %s, %s, '', '' FROM n""",  # noqa: S608  (as above)
        [now, now + timedelta(days=30)],
    )
    fill("ANALYZE", [])


def cases(users: int, sessions: int) -> dict[str, Case]:
    """Return what is timed, by name."""
    factory, numbers_ = RequestFactory(), _shuffled(sessions)
    without, with_session, whole = handler([]), handler(SESSION_AND_USER), handler(None)
    stale, texts = _stale_sessions(sessions), itertools.cycle(_real_tokens(users))
    people = iter(_people(users))

    def plain(path: str) -> Case:
        return lambda: _run(without, factory, path, **{"bench.digest": _digest(next(numbers_))})

    def session(through: BaseHandler, which: Iterator[int]) -> Case:
        return lambda: _run(through, factory, "/bench/user/", HTTP_COOKIE=f"sessionid={session_key(next(which))}")

    def bearer(through: BaseHandler, path: str) -> Case:
        return lambda: _run(through, factory, path, HTTP_AUTHORIZATION=f"Bearer {next(texts)}")

    return {
        "bare": plain("/bench/bare/"),
        "select": plain("/bench/select/"),
        "session": session(with_session, numbers_),
        "session-touched": session(with_session, stale),
        "session-whole-stack": session(whole, numbers_),
        "token": bearer(without, "/bench/token/"),
        "me": bearer(whole, "/api/v1/me/"),
        "end": lambda: _end(next(people)),
        "delete": lambda: _delete(next(people)),
    }


def handler(middleware: list[str] | None) -> BaseHandler:
    """Return Django's handler with this middleware; None: the product's own."""
    made = BaseHandler()
    if middleware is None:
        made.load_middleware()
        return made
    with override_settings(MIDDLEWARE=middleware):
        made.load_middleware()
    return made


def _run(through: BaseHandler, factory: RequestFactory, path: str, **environ: str) -> Callable[[], HttpResponseBase]:
    request = factory.get(path, REMOTE_ADDR="192.0.2.1", HTTP_HOST="127.0.0.1", **environ)  # type: ignore[arg-type]

    def run() -> HttpResponseBase:
        response = through.get_response(request)
        assert response.status_code == 200
        return response

    return run


def _end(person: int) -> Callable[[], object]:
    user = User.objects.get(pk=person)
    return lambda: sessions.end_sessions(Session.objects.of(user), why=WhyEnded.ENDED, actor=Actor.worker())


def _delete(person: int) -> Callable[[], object]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_session WHERE user_id = %s", [person])

    return run


def _session_rows(users: int, sessions: int) -> None:
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE bench_data (user_id integer PRIMARY KEY, data text)")
        rows = [(number, _data(number)) for number in range(1, users + 1)]
        cursor.executemany("INSERT INTO bench_data VALUES (%s, %s)", rows)
    fill(
        f"""INSERT INTO accounts_session (session_key, session_data, expire_date, public_id, user_id, epoch, created, last_activity,
              idle_limit_seconds, ip, user_agent)
            {numbers(sessions)} SELECT {sha256("'bench-session-' || i")}, data, %s, substr({sha256("'p' || i")}, 1, 24), user_id, 1, %s, %s,
              900, '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
            FROM n JOIN bench_data ON user_id = 1 + (i - 1) %% {users}""",  # noqa: S608  (as above)
        [now + timedelta(days=1), now, now + AHEAD],
    )


def _data(number: int) -> str:
    user = User(pk=number, session_epoch=1)
    data = {
        SESSION_KEY: str(number),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    return sessions.SessionStore().encode(data)


def _digest(number: int) -> str:
    return digest(session_key(number))


def _shuffled(sessions: int) -> Iterator[int]:
    # The first ones belong to _stale_sessions.
    order = list(range(min(TOUCHES, sessions // 2) + 1, sessions + 1))
    random.Random(SEED).shuffle(order)
    return itertools.cycle(order)


def _people(users: int) -> list[int]:
    order = list(range(1, users + 1))
    random.Random(SEED).shuffle(order)
    return order


def _stale_sessions(sessions: int) -> Iterator[int]:
    first = range(1, min(TOUCHES, sessions // 2) + 1)
    Session.objects.filter(pk__in=[_digest(number) for number in first]).update(last_activity=timezone.now() - timedelta(minutes=2))
    return iter(first)


def _real_tokens(users: int) -> list[str]:
    texts, now = [keys.mint() for _ in range(REAL_TOKENS)], timezone.now()
    Token.objects.bulk_create(
        Token(
            user_id=1 + number % users, kind="api", label=f"real {number}", digest=digest(text), prefix=text[:8],
            expires=now + timedelta(days=30), last_used_at=now + AHEAD,
        )
        for number, text in enumerate(texts)
    )  # fmt: skip
    return texts
