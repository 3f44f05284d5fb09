"""Who waits for another writer waits up to 20 s, and is not passed over (REL-01)."""

import sqlite3
import threading
import time
from contextlib import closing

import pytest
from django.db import OperationalError, connection, transaction

from accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.skipif(connection.vendor != "sqlite", reason="this is about SQLite")]


@pytest.fixture
def held() -> "sqlite3.Connection":
    """Another process that writes, and does not end."""
    other = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_rel_01_who_waits_gets_the_turn_when_the_other_ends(amy: User, held: sqlite3.Connection) -> None:
    with closing(held):
        threading.Timer(0.5, lambda: held.execute("COMMIT")).start()
        began = time.monotonic()
        User.objects.update(first_name="Amelia")
        with transaction.atomic():
            User.objects.update(last_name="Archer")
        assert 0.4 < time.monotonic() - began < 5
    assert User.objects.values_list("first_name", "last_name").get() == ("Amelia", "Archer")


def test_rel_01_who_gets_no_turn_is_told_so_and_has_changed_nothing(
    amy: User, held: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.sqlite.base.SQLITE_BUSY_SECONDS", 1)
    with closing(held):
        with pytest.raises(OperationalError, match="locked"):
            User.objects.update(first_name="Amelia")
        with pytest.raises(OperationalError, match="locked"), transaction.atomic():
            User.objects.update(first_name="Amelia")
        assert User.objects.get().first_name == "Amy"


def test_an_error_that_is_no_wait_is_raised_at_once(amy: User) -> None:
    began = time.monotonic()
    with connection.cursor() as cursor, pytest.raises(OperationalError, match="no such table"):
        cursor.execute("DELETE FROM nowhere")
    assert time.monotonic() - began < 1


def test_rel_01_sqlite_itself_waits_as_long_for_all_else(amy: User) -> None:
    User.objects.update(first_name="Amelia")
    with connection.cursor() as cursor:
        found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "busy_timeout")]
    assert found == ["wal", 2, 20_000]
