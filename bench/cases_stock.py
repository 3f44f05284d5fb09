"""Stock Django's side: django.contrib.sessions and django.contrib.auth, and what is timed."""

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.handlers.base import BaseHandler
from django.db import connection
from django.http.response import HttpResponseBase
from django.test import RequestFactory, override_settings
from django.utils import timezone

from bench.child import Case
from bench.seeding import SEED, fill, numbers, session_key

SESSION_AND_USER = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def seed(users: int, sessions: int) -> None:
    """Fill the tables as the product's are filled."""
    now = timezone.now()
    fill(
        f"""INSERT INTO auth_user (id, password, username, email, first_name, last_name, is_superuser, is_active, is_staff, date_joined)
            {numbers(users)} SELECT i, '!', 'person' || i, 'person' || i || '@example.com', 'Person', 'Number', FALSE, TRUE, FALSE, %s
            FROM n""",  # noqa: S608  (numbers of ours)
        [now],
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE bench_data (user_id integer PRIMARY KEY, data text)")
        rows = [(number, _data(number)) for number in range(1, users + 1)]
        cursor.executemany("INSERT INTO bench_data VALUES (%s, %s)", rows)
    fill(
        f"""INSERT INTO django_session (session_key, session_data, expire_date)
            {numbers(sessions)} SELECT 'bench-session-' || i, data, %s FROM n JOIN bench_data ON user_id = 1 + (i - 1) %% {users}""",  # noqa: S608
        [now + timedelta(days=14)],
    )
    fill("ANALYZE", [])


def cases(users: int, sessions: int) -> dict[str, Case]:
    """Return what is timed, by name."""
    factory, order = RequestFactory(), _shuffled(sessions)
    people = itertools.cycle(range(1, users + 1))
    with override_settings(MIDDLEWARE=SESSION_AND_USER):
        through = BaseHandler()
        through.load_middleware()

    def session(save_every_request: bool) -> Case:
        return lambda: _run(through, factory, next(order), save_every_request)

    return {"stock": session(False), "stock-saving": session(True), "decode": lambda: _decode_all(next(people))}


def _run(through: BaseHandler, factory: RequestFactory, number: int, save_every_request: bool) -> Callable[[], HttpResponseBase]:
    settings.SESSION_SAVE_EVERY_REQUEST = save_every_request
    request = factory.get("/bench/user/", HTTP_COOKIE=f"sessionid={session_key(number)}")

    def run() -> HttpResponseBase:
        response = through.get_response(request)
        assert response.status_code == 200
        return response

    return run


def _decode_all(person: int) -> Callable[[], object]:
    # The way of Django's documentation and of every snippet: nothing but the decoded data says whose a session is.
    def run() -> None:
        for row in Session.objects.filter(expire_date__gte=timezone.now()).iterator():
            if row.get_decoded().get(SESSION_KEY) == str(person):
                row.delete()

    return run


def _data(number: int) -> str:
    user = User(pk=number, password="!")
    data = {
        SESSION_KEY: str(number),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    return SessionStore().encode(data)


def _shuffled(sessions: int) -> Iterator[int]:
    order = list(range(1, sessions + 1))
    random.Random(SEED).shuffle(order)
    return itertools.cycle(order)
