"""What every test can ask for: amy, ben and a stranger; the doors; a clock; real threads."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache as cache_of_functions
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.test import Client, TransactionTestCase

from accounts import appending
from accounts.models import User
from tests.factories import FIREFOX, PASSWORD, UserFactory
from tests.journeys.house import Database, blueprint

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MADE_BY_MIGRATE = {"django_migrations", "django_content_type", "auth_permission"}
STARTS_SERVERS = ("tests/faults/", "tests/journeys/", "tests/config/", "tests/work/test_runner.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what starts servers go first: what is long and begins last keeps one process busy, and the others idle."""
    items.sort(key=lambda item: [not item.nodeid.startswith(place) for place in STARTS_SERVERS])


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()


@cache_of_functions
def _tables() -> list[str]:
    return sorted(set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - MADE_BY_MIGRATE)


def _delete_rows(test: TransactionTestCase) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # The security log refuses (accounts.appending), even whoever owns it.
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
        else:
            for table in appending.GROWING:
                appending.release(connection, table)
        for table in _tables():
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608  (foreign keys wait for the commit)
        appending.protect(connection)


@pytest.fixture(scope="session", autouse=True)
def _rows_are_deleted() -> Iterator[None]:
    """After a test that commits, Django would truncate every table, each with a wait for the disk, and make permissions anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", _delete_rows)
        yield


@pytest.fixture
def amy(db: None) -> User:
    """The person whose account most tests are about."""
    return UserFactory(username="amy", email="amy@example.com", first_name="Amy", last_name="Adams")


@pytest.fixture
def ben(db: None) -> User:
    """Another person, who must never reach what is amy's."""
    return UserFactory(username="ben", email="ben@example.com")


class WebDoor(Client):
    """A browser, as far as the server can see: cookies, CSRF checks on, forms filled as pages hold them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(enforce_csrf_checks=True, headers={"user-agent": FIREFOX}, **kwargs)

    def send(self, path: str, fields: dict[str, Any] | None = None, *, form_at: str | None = None, **kwargs: Any) -> Any:
        """Open the page that holds the form (by default `path`), then send the form with its CSRF token."""
        page = self.get(form_at or path)
        token = page.context["csrf_token"] if page.context and "csrf_token" in page.context else ""
        return self.post(path, {**(fields or {}), "csrfmiddlewaretoken": str(token)}, **kwargs)

    def sign_in(self, user: User, password: str = PASSWORD, *, to: str = "/") -> "WebDoor":
        """Sign in through the page; fail the test if that fails."""
        answer = self.send("/login/", {"username": user.username, "password": password, "next": to})
        assert answer.status_code == 302, answer.content
        return self

    @property
    def signed_in(self) -> bool:
        """Whether a private page opens now."""
        return bool(self.get("/security/").status_code == 200)


@pytest.fixture
def web(db: None) -> WebDoor:
    """A browser that is not signed in."""
    return WebDoor()


@pytest.fixture
def browsers(db: None) -> Callable[[], WebDoor]:
    """Makes as many browsers as a test needs."""
    return WebDoor


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands at noon until the test moves it."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database that each real server starts with, made once for all processes that run tests."""
    own = tmp_path_factory.getbasetemp()
    with blueprint(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) as made:
        yield made


Race = Callable[[int, Callable[[int], Any]], list[Any]]


@pytest.fixture
def race(transactional_db: None) -> Race:
    """Run one function in many threads, each with its own connection, all at the same moment; return what each got or raised."""

    def run(runners: int, act: Callable[[int], Any]) -> list[Any]:
        barrier = threading.Barrier(runners)

        def one(number: int) -> Any:
            try:
                connection.ensure_connection()
                barrier.wait(timeout=30)
                return act(number)
            except Exception as error:
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(max_workers=runners) as pool:
            return list(pool.map(one, range(runners)))

    return run
