"""Mails leave after their transaction, in order, at least once, and are given up after two days (REL-02, F10)."""

from datetime import timedelta
from email import message_from_string
from typing import Any

from django.core import mail
from django.db import transaction
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxMail, User
from accounts.outbox import Letter
from tests.factories import actor


def write(user: User, subject: str = "Hello", to: str = "amy@example.com", **kwargs: Any) -> OutboxMail:
    letter = Letter(to=to, subject=subject, template="accounts/mail/new_device", user=user, **kwargs)
    return outbox.write(letter, ip="192.0.2.1", device="Firefox on Linux", reset_url="http://x")


class BrokenServer:
    """A mail server that refuses every letter."""

    def __init__(self, **kwargs: Any) -> None:
        pass

    def send_messages(self, messages: Any) -> int:
        raise OSError("connection refused")


def test_a_mail_is_plain_text_and_html_with_a_dated_zone(amy: User) -> None:
    row = write(amy)
    assert outbox.deliver_due() == 1
    [message] = mail.outbox
    parsed = message_from_string(message.message().as_string())
    assert [part.get_content_type() for part in parsed.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert parsed["Message-ID"] == row.message_id
    assert parsed["Date"].endswith("+0000")


def test_rel_02_a_rolled_back_act_mails_nothing(amy: User) -> None:
    with transaction.atomic():
        write(amy)
        transaction.set_rollback(True)
    assert outbox.deliver_due() == 0


def test_a_sent_mail_keeps_no_body(amy: User) -> None:
    row = write(amy)
    outbox.deliver_due()
    row.refresh_from_db()
    assert (row.state, row.text, row.html) == ("sent", "", "")


def test_rel_02_it_is_sent_once_however_often_the_worker_runs(amy: User) -> None:
    write(amy)
    assert [outbox.deliver_due() for _ in range(3)] == [1, 0, 0]


def test_a_refusing_server_changes_nothing_and_is_asked_again_after_growing_pauses(amy: User, clock: Any, settings: Any) -> None:
    row = write(amy)
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "tests.accounts.test_outbox.BrokenServer"
    pauses = []
    for _ in range(3):
        outbox.deliver_due()
        row.refresh_from_db()
        pauses.append((row.next_try - timezone.now()).total_seconds())
        clock.move_to(row.next_try)
    assert pauses == [60, 120, 240]
    settings.EMAIL_BACKEND = working
    assert outbox.deliver_due() == 1


def test_after_two_days_it_is_given_up(amy: User, clock: Any, settings: Any) -> None:
    row = write(amy)
    settings.EMAIL_BACKEND = "tests.accounts.test_outbox.BrokenServer"
    clock.shift(timedelta(hours=49))
    outbox.deliver_due()
    row.refresh_from_db()
    assert row.state == "failed"


def test_a_later_mail_waits_for_an_earlier_one_to_the_same_address(amy: User, ben: User, settings: Any) -> None:
    first, _, other = write(amy, "first"), write(amy, "second"), write(ben, "other", to="ben@example.com")
    OutboxMail.objects.filter(pk=first.pk).update(next_try=timezone.now() + timedelta(minutes=5))
    outbox.deliver_due()
    assert [message.subject for message in mail.outbox] == [other.subject]


def test_a_mail_whose_link_is_dead_is_not_sent(amy: User, clock: Any) -> None:
    row = write(amy, good_for_seconds=3600)
    clock.shift(3600)
    outbox.deliver_due()
    row.refresh_from_db()
    assert row.state == "expired"
    assert mail.outbox == []


def test_a_mail_to_nobody_is_work_and_no_letter(amy: User) -> None:
    row = write(amy, to="")
    assert outbox.deliver_due() == 0
    row.refresh_from_db()
    assert row.state == "nobody"


def test_rel_02_a_worker_that_died_after_taking_a_mail_does_not_lose_it(amy: User, clock: Any) -> None:
    row = write(amy)
    assert outbox._lease(row.pk) is not None
    assert outbox.deliver_due() == 0
    clock.shift(61)
    assert outbox.deliver_due() == 1


def test_a_name_with_a_quote_is_written_as_it_is_in_plain_text(amy: User) -> None:
    amy.last_name = "O'Brien & <b>"
    row = write(amy)
    assert "O'Brien & <b>" in row.text
    assert "&lt;b&gt;" in row.html


def test_old_mails_are_swept(amy: User, clock: Any) -> None:
    write(amy)
    outbox.deliver_due()
    clock.shift(timedelta(days=31))
    assert outbox.sweep(timezone.now()) == 1
    assert actor(amy).door == "web"
