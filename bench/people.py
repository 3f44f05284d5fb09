"""People and their sessions, where both kinds of Django have them alike."""

from collections.abc import Callable

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.db.models import Model

from bench.seeding import copies, numbers, temporary
from bench.sizes import Sizes


def insert(user: type[Model], count: int) -> None:
    """Insert so many people."""
    copies(
        user(password="!", first_name="Person", last_name="Number"),
        {"id": "n.i", "username": "'person' || n.i", "email": "'person' || n.i || '@example.com'"},
        numbers(count),
    )


def insert_sessions(like: Model, given: dict[str, str], sizes: Sizes, data_of: Callable[[int], str]) -> None:
    """Insert sessions like this one: person n has every users-th. `given` may name `n.i` and `owner.person`."""
    temporary("owner", "person integer PRIMARY KEY, data text", ((person, data_of(person)) for person in range(1, sizes.users + 1)))
    source = f"{numbers(sizes.sessions)} JOIN owner ON owner.person = 1 + (n.i - 1) %% {sizes.users}"
    copies(like, {**given, "session_data": "owner.data"}, source)


def login_data(user: AbstractBaseUser, store: SessionBase) -> str:
    """Return what a login of `user` leaves in a session."""
    data = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    return store.encode(data)
