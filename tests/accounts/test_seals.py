# ruff: noqa: S608  (statements of this file's own names)
"""The security log cannot be changed, and what is changed all the same is named (OPS-06)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from accounts import appending, audit, limits, seals
from accounts.events import LoginPassed
from accounts.models import EventSeal, SecurityEvent, User
from accounts.seals import Head
from tests.conftest import NOON, Race
from tests.factories import actor

EVENTS, SEALS = "accounts_securityevent", "accounts_eventseal"


def happen(amy: User, times: int = 1) -> list[SecurityEvent]:
    return [audit.record(LoginPassed(), subject=amy, actor=actor(amy)) for _ in range(times)]


@pytest.fixture
def log(amy: User) -> list[SecurityEvent]:
    """Five sealed events."""
    events = happen(amy, 5)
    assert seals.seal_due() == 5
    return events


def by_hand(*statements: str) -> None:
    """Change the tables as somebody does who owns the database: triggers off, statements, triggers on again."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in appending.GROWING:
            appending.release(connection, table)
        for statement in statements:
            cursor.execute(statement)
        appending.protect(connection)


def findings(*expected: Head) -> list[str]:
    return list(seals.verify(list(expected)))


CHANGES = {
    "an update of an event": f"UPDATE {EVENTS} SET event = 'x'",
    "a deletion of an event": f"DELETE FROM {EVENTS}",
    "an update of a seal": f"UPDATE {SEALS} SET hash = 'x'",
    "a deletion of a seal": f"DELETE FROM {SEALS}",
}
REPLACEMENTS = {
    "an event": f"INSERT OR REPLACE INTO {EVENTS} SELECT * FROM {EVENTS}",
    "an event, by its public id": f"INSERT OR REPLACE INTO {EVENTS} (public_id, at, event, door, user_agent, request_id, about, data) "
    f"SELECT public_id, at, 'x', door, '', '', '', data FROM {EVENTS}",
    "a seal": f"INSERT OR REPLACE INTO {SEALS} SELECT * FROM {SEALS}",
}


@pytest.mark.parametrize("way", CHANGES)
def test_ops_06_the_database_refuses(log: list[SecurityEvent], way: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CHANGES[way])
    assert findings() == []
    assert SecurityEvent.objects.filter(event="login.passed").count() == 5


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has REPLACE")
@pytest.mark.parametrize("what", REPLACEMENTS)
def test_ops_06_the_database_refuses_to_replace(log: list[SecurityEvent], what: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(REPLACEMENTS[what])
    assert findings() == []


SEAL_WAYS: dict[str, Callable[[EventSeal], object]] = {
    "save": lambda seal: seal.save(),
    "delete": lambda seal: seal.delete(),
    "update": lambda seal: EventSeal.objects.update(hash="x"),
    "deletion of all": lambda seal: EventSeal.objects.all().delete(),
    "upsert": lambda seal: EventSeal.objects.bulk_create([seal], update_conflicts=True, update_fields=["hash"], unique_fields=["sequence"]),
}


@pytest.mark.parametrize("way", SEAL_WAYS)
def test_no_way_through_the_model_changes_a_seal(log: list[SecurityEvent], way: str) -> None:
    with pytest.raises(TypeError, match="a seal is never"):
        SEAL_WAYS[way](EventSeal.objects.get(sequence=1))


TAMPERED: dict[str, tuple[str, list[str]]] = {
    "an event": ("UPDATE {events} SET event = 'login.failed' WHERE id = {third}", ["Security event {third_id} (login.failed"]),
    "its time": ("UPDATE {events} SET at = '2020-01-01 00:00:00' WHERE id = {third}", ["Security event {third_id} "]),
    "its data": ("UPDATE {events} SET data = '{{\"a\": 1}}' WHERE id = {third}", ["Security event {third_id} "]),
    "its address": ("UPDATE {events} SET ip = '192.0.2.99' WHERE id = {third}", ["Security event {third_id} "]),
    "an event away": ("DELETE FROM {events} WHERE id = {third}", ["Security event {third}, of seal 3, is missing"]),
    "a seal away": ("DELETE FROM {seals} WHERE sequence = 3", ["Seal 3 is missing"]),
    "the first seal away": ("DELETE FROM {seals} WHERE sequence = 1", ["Seal 1 is missing"]),
    "two seals away": ("DELETE FROM {seals} WHERE sequence IN (2, 3)", ["Seals 2 to 3 are missing"]),
    "a seal": ("UPDATE {seals} SET hash = '{other}' WHERE sequence = 3", ["or seal 3 on it", "or seal 4 on it"]),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_ops_06_what_is_changed_or_missing_is_named_and_nothing_else(log: list[SecurityEvent], what: str) -> None:
    statement, expected = TAMPERED[what]
    words = {"events": EVENTS, "seals": SEALS, "third": log[2].pk, "third_id": log[2].public_id, "other": "f" * 64}
    by_hand(statement.format(**words))
    found = findings()
    assert len(found) == len(expected), found
    assert all(part.format(**words) in sentence for part, sentence in zip(expected, found, strict=True)), found


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps what is no JSON out of the column")
def test_ops_06_an_event_that_cannot_be_read_any_more_is_named(log: list[SecurityEvent]) -> None:
    # As somebody does who writes into the file: the constraint of the column is off.
    by_hand("PRAGMA ignore_check_constraints = 1", f"UPDATE {EVENTS} SET data = 'no json' WHERE id = {log[2].pk}")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = 0")
    assert len(found := findings()) == 1
    assert f"row {log[2].pk}" in found[0]


def test_ops_06_a_log_that_was_sealed_again_is_told_by_a_seal_kept_elsewhere(log: list[SecurityEvent]) -> None:
    kept = seals.newest()
    assert kept is not None
    by_hand(f"UPDATE {EVENTS} SET event = 'x' WHERE id = {log[2].pk}", f"DELETE FROM {SEALS}")
    assert seals.seal_due() == 5
    assert findings() == []
    assert findings(kept) == ["Seal 5 is not the one that was kept elsewhere: events up to it were changed, and sealed again."]


def test_ops_06_a_log_whose_end_was_cut_off_is_told_by_a_seal_kept_elsewhere(log: list[SecurityEvent]) -> None:
    kept = seals.newest()
    assert kept is not None
    assert findings(kept) == []
    by_hand(f"DELETE FROM {SEALS} WHERE sequence > 3", f"DELETE FROM {EVENTS} WHERE id IN ({log[3].pk}, {log[4].pk})")
    assert findings() == []
    assert findings(kept) == ["Seal 5, which was kept elsewhere, is not there: the end of the security log is missing."]


def test_an_event_that_commits_late_is_sealed_late(amy: User) -> None:
    first, late, last = happen(amy, 3)
    by_hand(f"DELETE FROM {EVENTS} WHERE id = {late.pk}")
    assert seals.seal_due() == 2
    SecurityEvent.objects.bulk_create([late])
    assert seals.seal_due() == 1
    assert list(EventSeal.objects.order_by("sequence").values_list("event_id", flat=True)) == [first.pk, last.pk, late.pk]
    assert findings() == []


def test_one_that_commits_very_late_is_found_in_its_turn(amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEAL_STRETCH_IDS", 2)
    events = happen(amy, 9)
    by_hand(f"DELETE FROM {EVENTS} WHERE id = {events[1].pk}")
    sealed = sum(seals.seal_due() for _ in range(10))
    SecurityEvent.objects.bulk_create([events[1]])
    # As many rounds as there are stretches from the first id to the newest.
    sealed += sum(seals.seal_due() for _ in range(events[-1].pk // 2 + 1))
    assert sealed == 9
    assert findings() == []


def test_old_events_are_sealed_in_batches(amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEAL_BATCH_ROWS", 2)
    happen(amy, 5)
    rounds = [seals.seal_due() for _ in range(4)]
    assert sum(rounds) == 5
    assert max(rounds) <= 4
    assert findings() == []


def test_many_workers_seal_each_event_once(race: Race, amy: User) -> None:
    happen(amy, 40)
    done = race(8, lambda number: seals.seal_due())
    assert all(isinstance(count, int) for count in done), done
    assert sum(done) + seals.seal_due() == 40
    assert EventSeal.objects.count() == SecurityEvent.objects.count() == 40
    assert findings() == []


def test_whoever_read_an_old_head_adds_nothing(amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    happen(amy, 3)
    others: list[int] = []

    def another_is_faster() -> bool:
        if not others:
            others.append(0)
            others[0] = seals.seal_due()
        return True

    monkeypatch.setattr(seals, "_alone", another_is_faster)
    assert seals.seal_due() == 0
    assert others == [3]
    assert EventSeal.objects.count() == 3
    assert findings() == []


def test_ops_06_events_without_a_seal_are_told_after_ten_minutes(amy: User) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        events = happen(amy, 3)
        clock.shift(timedelta(seconds=limits.SEAL_LATE_SECONDS))
        assert list(seals.unsealed()) == []
        clock.shift(timedelta(seconds=1))
        assert list(seals.unsealed()) == [
            f"3 security events have had no seal for more than 10 minutes; the first of them is {events[0].public_id}."
        ]
        seals.seal_due()
        assert list(seals.unsealed()) == []


def test_ops_06_an_event_whose_id_leaps_holds_up_neither_the_sealer_nor_the_look(
    amy: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    # Whoever took over a web process can add one with any id, and nobody can take it away again.
    far = happen(amy)[0]
    far.pk, far.public_id = 2**40, "leapt"
    SecurityEvent.objects.bulk_create([far])
    assert sum(seals.seal_due() for _ in range(3)) == 2
    happen(amy)
    assert sum(seals.seal_due() for _ in range(3)) == 1
    with django_assert_max_num_queries(10):
        assert list(seals.unsealed()) == []
    assert findings() == []


@pytest.fixture
def _nothing_told() -> Iterator[None]:
    seals._told.clear()
    yield
    seals._told.clear()


@pytest.mark.usefixtures("_nothing_told")
def test_ops_06_the_newest_seal_is_logged_once_an_hour(log: list[SecurityEvent], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gatehouse.seals")
    seals._told.clear()
    seals.seal_due()
    seals.seal_due()
    told = [record for record in caplog.records if record.message == "newest seal"]
    assert [f"{record.sequence}:{record.hash}" for record in told] == [str(seals.newest())]  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "5", "5:", "5:xyz", f"x:{'a' * 64}", f"5:{'A' * 64}"])
def test_what_is_no_seal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        Head.parse(text)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite makes a changed table anew")
@pytest.mark.django_db(transaction=True)
def test_a_table_that_a_migration_makes_anew_is_protected_again(amy: User) -> None:
    happen(amy, 2)
    seals.seal_due()
    with connection.constraint_checks_disabled(), connection.schema_editor() as editor:
        editor._remake_table(SecurityEvent)  # type: ignore[attr-defined]
    assert appending.unprotected(connection) == [EVENTS]
    appending.protect(connection)
    assert appending.unprotected(connection) == []
    assert findings() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL can switch a trigger off")
def test_ops_06_triggers_that_are_switched_off_are_named_and_the_next_migrate_puts_them_back(log: list[SecurityEvent]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {SEALS} DISABLE TRIGGER USER")
    assert appending.unprotected(connection) == [SEALS]
    appending.protect(connection)
    assert appending.unprotected(connection) == []
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CHANGES["a deletion of a seal"])
