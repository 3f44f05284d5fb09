"""The security log takes new rows and nothing else: the model refuses, and the database itself (S9.2)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from accounts import audit
from accounts.events import LoginPassed
from accounts.models import SecurityEvent, User
from tests.factories import actor

ROOT = Path(__file__).parents[2]
TABLE = "accounts_securityevent"
postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")


@pytest.fixture
def event(amy: User) -> SecurityEvent:
    """Something that happened."""
    return audit.record(LoginPassed(), subject=amy, actor=actor(amy))


WAYS: dict[str, Callable[[SecurityEvent], object]] = {
    "save": lambda event: event.save(),
    "save one column": lambda event: event.save(update_fields=["event"]),
    "delete": lambda event: event.delete(),
    "update of a queryset": lambda event: SecurityEvent.objects.filter(pk=event.pk).update(event="x"),
    "deletion of a queryset": lambda event: SecurityEvent.objects.all().delete(),
    "deletion without looking": lambda event: SecurityEvent.objects.all()._raw_delete("default"),
    "update of many": lambda event: SecurityEvent.objects.bulk_update([event], ["event"]),
    "upsert": lambda event: SecurityEvent.objects.update_or_create(pk=event.pk, defaults={"event": "x"}),
    "upsert of many": lambda event: SecurityEvent.objects.bulk_create(
        [event], update_conflicts=True, update_fields=["event"], unique_fields=["public_id"]
    ),
    "by the base manager": lambda event: SecurityEvent._base_manager.filter(pk=event.pk).update(event="x"),
    "deletion by the base manager": lambda event: SecurityEvent._base_manager.filter(pk=event.pk).delete(),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_through_the_model_changes_an_event(event: SecurityEvent, way: str) -> None:
    event.event = "x"
    with pytest.raises(TypeError, match="a security event"), transaction.atomic():
        WAYS[way](event)
    assert SecurityEvent.objects.filter(event="login.passed").count() == 1


def test_a_person_with_a_log_is_not_deleted(event: SecurityEvent, amy: User) -> None:
    with pytest.raises(ProtectedError):
        amy.delete()


@pytest.mark.parametrize("statement", ["UPDATE accounts_securityevent SET event = 'x'", "DELETE FROM accounts_securityevent"])
def test_the_database_refuses_whoever_asks(event: SecurityEvent, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert SecurityEvent.objects.filter(event="login.passed").count() == 1


@postgresql
def test_the_database_refuses_to_empty_the_table(event: SecurityEvent) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLE} CASCADE")
    assert SecurityEvent.objects.count() == 1


def test_only_the_audit_writes_events() -> None:
    named = re.compile(r"SecurityEvent(?:\.objects)?(?:\.\w+\(\))?\.(?:\w*create|\w*save|\w*update|\w*delete)\w*\(|SecurityEvent\(")
    rooms = [path for room in ("accounts", "orgs", "twofactor", "tokens", "config") for path in (ROOT / room).rglob("*.py")]
    writing = {str(path.relative_to(ROOT)) for path in rooms if named.search(path.read_text())}
    assert writing == {"accounts/audit.py", "accounts/models/records.py"}
