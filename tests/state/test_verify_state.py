"""`manage.py verify_state` finds nothing in a house that is whole, and names what somebody breaks by hand (OPS-06, "After every fault")."""

# ruff: noqa: S608  (statements of this file's own names)

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts import appending, outbox, seals, sessions, verifying
from accounts.models import OutboxMail, Session, StateCheck
from config import condition
from tests.conftest import NOON, WebDoor
from tests.factories import PASSWORD, UserFactory
from tests.tokens.factories import TokenFactory
from tests.twofactor.factories import turned_on
from tests.work.factories import Desk, announce, begin, uploaded
from tokens.work import storage, sweeping
from tokens.work.models import FileInProject, Job, Part, Transfer

pytestmark = pytest.mark.django_db


def verify(*options: str) -> tuple[list[str], bool]:
    """Return the findings, and whether the command called the state whole."""
    said = StringIO()
    try:
        call_command("verify_state", *options, stdout=said)
        whole = True
    except CommandError:
        whole = False
    return said.getvalue().splitlines()[:-1], whole


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def house(web: WebDoor, desk: Desk) -> Desk:
    """Amy at work: signed in, with a token, an app, a used backup code, files, a running job, mails that were sent."""
    codes = turned_on(desk.user)
    assert web.send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 302
    assert web.send("/login/verify/", {"otp": codes[0]}).status_code == 302
    assert web.signed_in
    uploaded(desk.text, desk.project, "whole.bin")
    announce(desk.text, begin(desk.text, desk.project, "open.bin"), b"1234")
    job = Client().post(
        "/api/v1/jobs/", {"project": desk.project.public_id, "name": "job"}, content_type="application/json",
        headers={"Authorization": f"Bearer {desk.text}"},
    )  # fmt: skip
    assert job.status_code == 201, job.content
    while outbox.deliver_due():
        pass
    seals.seal_due()
    return desk


def test_a_house_at_work_is_whole(house: Desk) -> None:
    assert verify("--files") == ([], True)
    assert Job.objects.running().count() == 1
    assert Transfer.objects.running().count() == 1
    assert Session.objects.count() == 1


def revoke_by_hand() -> None:
    sql("UPDATE tokens_token SET state = 'revoked', ended_at = %s WHERE kind = 'api'", timezone.now())


def expire_by_hand() -> None:
    past = timezone.now() - timedelta(minutes=5)
    sql("UPDATE tokens_token SET expires = %s, created = %s", past, past - timedelta(days=1))


def last_mail() -> OutboxMail:
    OutboxMail.objects.create(message_id="1", to="amy@example.com", subject="Hello", text="t", html="h")
    return OutboxMail.objects.get(message_id="1")


def mail_waits_since(minutes: float) -> None:
    OutboxMail.objects.filter(pk=last_mail().pk).update(next_try=timezone.now() - timedelta(minutes=minutes))


def mail_keeps_text() -> None:
    OutboxMail.objects.filter(pk=last_mail().pk).update(state="sent", done_at=timezone.now())


def bytes_of_whole() -> Path:
    part = Part.objects.get(file__state="closed")
    return Path(default_storage.path(part.stored_as))


def change_events(statement: str) -> None:
    for table in appending.GROWING:
        if connection.vendor == "postgresql":
            sql("SET CONSTRAINTS ALL IMMEDIATE")
        appending.release(connection, table)
    sql(statement)
    appending.protect(connection)


HOUR_AGO = timedelta(hours=1)
# What is broken, how, and what the sentences about it say.
BROKEN: dict[str, tuple[Callable[[], object], list[str]]] = {
    "a session of an old epoch": (
        lambda: sql("UPDATE accounts_user SET session_epoch = 7 WHERE username = 'amy'"),
        ["of amy is of epoch 1; the account is in epoch 7"],
    ),
    "a session past its absolute life": (
        lambda: sql("UPDATE accounts_session SET expire_date = %s", timezone.now() - HOUR_AGO),
        ["of amy is over (24 hours passed) and was not swept"],
    ),
    "a session left alone": (
        lambda: sql("UPDATE accounts_session SET last_activity = %s", timezone.now() - HOUR_AGO),
        ["of amy is over (idle for too long)"],
    ),
    "an account switched off": (
        lambda: sql("UPDATE accounts_user SET is_active = %s WHERE username = 'amy'", False),
        ["Session ", "is active, though the account is switched off", "is active, though the account is switched off"],
    ),
    "work on a revoked token": (revoke_by_hand, ["Upload transfer-"]),
    "a token past its end": (
        expire_by_hand,
        ["is not marked so", "is not marked so", "Upload transfer-", "Job job-"],
    ),
    "a job of which nothing is heard": (
        lambda: sql("UPDATE work_job SET leased_until = %s", timezone.now() - HOUR_AGO),
        ["though its executor was last heard of"],
    ),
    "a job that ended without its token": (
        lambda: sql("UPDATE work_job SET state = 'done', ended_at = %s", timezone.now() - HOUR_AGO),
        ["has ended, and its token"],
    ),
    "a mail that nobody takes up": (lambda: mail_waits_since(16), ["(Hello) should have been tried by"]),
    "a mail that waits for days": (lambda: mail_waits_since(-24 * 60), ["(Hello) waits until"]),
    "a mail that keeps its text": (mail_keeps_text, ["(Hello) is sent and still holds its text"]),
    "a used backup code that can be used again": (
        lambda: sql("UPDATE twofactor_backupcode SET used_at = NULL"),
        ["amy used 1 of the present backup codes by the security log, and 0 are spent"],
    ),
    "a spent backup code that nobody used": (
        lambda: sql("UPDATE twofactor_backupcode SET used_at = %s", timezone.now()),
        ["amy used 1 of the present backup codes by the security log, and 10 are spent"],
    ),
    "a key of an app that no key opens": (
        lambda: sql("UPDATE twofactor_authenticator SET secret = %s", b"x" * 100),
        ["1 keys of authenticator apps"],
    ),
    "backup codes of a lost key": (
        lambda: sql("UPDATE twofactor_backupcode SET key_name = 'lost'"),
        ["9 unused backup codes were hashed with a key"],
    ),
    "backup codes without an app": (lambda: sql("DELETE FROM twofactor_authenticator"), ["1 people have backup codes"]),
    "a file that is too long": (
        lambda: sql("UPDATE work_file SET size = 11 WHERE state = 'closed'"),
        ["should have 11 bytes; its parts have 10"],
    ),
    "a part that is not there": (lambda: bytes_of_whole().unlink(), ["has lost its bytes"]),
    "a part that was cut": (lambda: bytes_of_whole().write_bytes(b"01234"), ["should have 10 bytes"]),
    "a part that was changed": (lambda: bytes_of_whole().write_bytes(b"01234x6789"), ["was changed in the storage"]),
    "an event that was changed": (
        lambda: change_events("UPDATE accounts_securityevent SET event = 'x' WHERE event = 'login.passed'"),
        ["(x, row "],
    ),
    "an event that is gone": (
        lambda: change_events("DELETE FROM accounts_securityevent WHERE event = 'login.passed'"),
        [", is missing."],
    ),
    "triggers that are gone": (
        lambda: appending.release(connection, "accounts_securityevent"),
        ["Table accounts_securityevent has lost triggers"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_by_hand_is_named_and_nothing_else(house: Desk, what: str) -> None:
    breaks, expected = BROKEN[what]
    with transaction.atomic():
        breaks()
    found, whole = verify("--files")
    assert not whole
    assert len(found) == len(expected), found
    assert all(part in sentence for part, sentence in zip(expected, found, strict=True)), found


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no switch that lets this happen")
def test_a_row_that_names_one_that_is_not_there_is_named(house: Desk) -> None:
    sql("UPDATE tokens_token SET ended_by_id = 4711 WHERE kind = 'job'")
    found, whole = verify()
    sql("UPDATE tokens_token SET ended_by_id = NULL")
    assert not whole
    assert [sentence.split(" (")[0] for sentence in found] == ["A row names one that is not there"]


def test_what_the_worker_tidies_in_time_is_no_finding(house: Desk) -> None:
    with transaction.atomic():
        moment = timezone.now() - timedelta(seconds=60)
        sql("UPDATE accounts_session SET expire_date = %s", moment)
        sql("UPDATE tokens_token SET expires = %s, created = %s WHERE kind = 'api'", moment, moment - timedelta(days=1))
    assert [sentence for sentence in verify()[0] if "over (24 hours" in sentence or "marked so" in sentence] == []


def test_a_file_that_is_removed_meanwhile_is_no_finding(house: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = storage.held

    def held(part: Part) -> int | None:
        FileInProject.objects.all().delete()
        sweeping.sweep()
        return real(part)

    monkeypatch.setattr(storage, "held", held)
    assert verify() == ([], True)
    assert not Part.objects.filter(state="complete").exists()


def test_a_look_is_kept_with_its_first_findings(house: Desk) -> None:
    past = timezone.now() - timedelta(hours=1)
    for _ in range(60):
        TokenFactory(user=house.user, expires=past, created=past - timedelta(days=1))
    found, whole = verify()
    check = StateCheck.objects.get()
    assert not whole
    assert check.findings == len(found) == 60
    assert check.detail == found[: StateCheck.DETAIL_MOST]
    assert check.ended_at is not None
    assert check.depth == "whole"


def test_findings_and_the_newest_seal_as_json(house: Desk) -> None:
    sql("UPDATE accounts_user SET session_epoch = 7 WHERE username = 'amy'")
    said = StringIO()
    with pytest.raises(CommandError, match="The state is not whole: 1 finding$"):
        call_command("verify_state", "--json", stdout=said)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [sorted(line) for line in lines] == [["finding"], ["findings", "newest_seal", "seconds"]]
    assert lines[-1]["newest_seal"] == str(seals.newest())


def test_ops_06_a_seal_that_was_kept_elsewhere_is_compared(house: Desk) -> None:
    newest = seals.newest()
    assert newest is not None
    assert verify("--expect", str(newest)) == ([], True)
    found, whole = verify("--expect", f"{newest.sequence + 1}:{newest.hash}", "--expect", f"1:{'0' * 64}")
    assert not whole
    assert [sentence.split(",")[0] for sentence in found] == [
        "Seal 1 is not the one that was kept elsewhere: events up to it were changed",
        f"Seal {newest.sequence + 1}",
    ]
    with pytest.raises(CommandError, match="a seal is written as"):
        call_command("verify_state", "--expect", "7")


def test_the_worker_looks_once_a_day_and_logs_what_it_finds(house: Desk, caplog: pytest.LogCaptureFixture) -> None:
    UserFactory(username="zoe")
    sql("UPDATE accounts_user SET session_epoch = 7 WHERE username = 'amy'")
    assert verifying.check_due() == 1
    assert verifying.check_due() == 0
    errors = [record for record in caplog.records if record.name == "gatehouse.state"]
    assert [record.message for record in errors] == ["the state is not whole"]
    assert StateCheck.objects.get().depth == "daily"
    with time_machine.travel(timezone.now() + timedelta(days=1, seconds=1)):
        sessions.sweep()
        verifying.check_due()
    assert StateCheck.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(days=92)):
        verifying.check_due()
    assert StateCheck.objects.count() == 1


def test_f11_a_look_of_a_clock_that_was_ahead_is_not_the_last_for_as_long() -> None:
    with time_machine.travel(NOON + timedelta(days=400), tick=False):
        verifying.check_due()
    with time_machine.travel(NOON, tick=False):
        verifying.check_due()
        newest = condition.last_check()
    assert newest is not None
    assert newest.started_at == NOON
