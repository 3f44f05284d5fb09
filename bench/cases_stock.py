"""Stock Django's side: django.contrib.sessions and django.contrib.auth, and what is timed."""

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.handlers.base import BaseHandler
from django.utils import timezone

from bench import people
from bench.child import Case
from bench.handling import Answering, getting, handler
from bench.seeding import fill, session_key, shuffled
from bench.sizes import Sizes

SESSION_AND_USER = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


def seed(sizes: Sizes) -> None:
    """Fill the tables as the product's are filled."""
    people.insert(User, sizes.users)
    like = Session(expire_date=timezone.now() + timedelta(days=14))
    people.insert_sessions(like, {"session_key": "'bench-session-' || n.i"}, sizes, _data)
    fill("ANALYZE", [])


def cases(sizes: Sizes) -> dict[str, Case]:
    """Return what is timed, by name."""
    order, whose = shuffled(1, sizes.sessions), shuffled(1, sizes.users)
    through = handler(SESSION_AND_USER)

    def session(save_every_request: bool) -> Case:
        return lambda: _answering(through, next(order), save_every_request)

    return {"stock": session(False), "stock-saving": session(True), "decode": lambda: _decode_all(next(whose))}


def _answering(through: BaseHandler, number: int, save_every_request: bool) -> Answering:
    settings.SESSION_SAVE_EVERY_REQUEST = save_every_request
    return getting(through, "/bench/user/", HTTP_COOKIE=f"sessionid={session_key(number)}")


def _decode_all(person: int) -> Callable[[], object]:
    # The way of Django's documentation and of every snippet: nothing but the decoded data says whose a session is.
    def run() -> None:
        for row in Session.objects.filter(expire_date__gte=timezone.now()).iterator():
            if row.get_decoded().get(SESSION_KEY) == str(person):
                row.delete()

    return run


def _data(person: int) -> str:
    return people.login_data(User(pk=person, password="!"), SessionStore())
