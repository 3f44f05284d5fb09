"""A mail server that is down, slow, picky, or dies with the letter: nobody waits, nothing is lost, nothing comes thrice (F10)."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts import outbox
from accounts.models import OutboxMail, User
from accounts.outbox import Letter
from config import mail, services
from tests.conftest import WebDoor
from tests.console.conftest import Desk, staff
from tests.faults.aftermath import assert_holds
from tests.faults.links import RESET, mailed_link
from tests.faults.sink import Sink, sink
from tests.journeys.house import NEW_PASSWORD, ROOT, Database, House, environment_of, house, until
from tests.journeys.visitor import Visitor

AMY, BEN = "amy@example.com", "ben@example.com"
HOURS_48 = timedelta(hours=48)
AT_ONCE_SECONDS = 5  # of an act on a busy machine; a mail server that is waited for costs 10
KILLED = -9


@pytest.fixture
def post(settings: Any) -> Iterator[Sink]:
    """A mail server, and settings that name it."""
    with sink() as server:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "config.mail.BoundedBackend", "127.0.0.1", server.port
        yield server


def write(user: User, subject: str, to: str = AMY, **kwargs: Any) -> OutboxMail:
    letter = Letter(to=to, subject=subject, template="accounts/mail/new_device", user=user, **kwargs)
    return outbox.write(letter, ip="192.0.2.1", device="Firefox on Linux", reset_url="http://x")


def state_of(row: OutboxMail) -> str:
    return str(OutboxMail.objects.get(pk=row.pk).state)


def test_f10_a_server_that_is_down_is_asked_for_48_hours_with_growing_pauses_then_support_sees_it(
    post: Sink, amy: User, clock: time_machine.Traveller
) -> None:
    post.stop()
    row, began, pauses = write(amy, "Hello"), timezone.now(), []
    while state_of(row) == "waiting":
        assert outbox.deliver_due() == 0
        row.refresh_from_db()
        if row.state == "waiting":
            pauses.append((row.next_try - timezone.now()).total_seconds())
            clock.move_to(row.next_try)
    assert row.state == "failed"
    assert HOURS_48 < timezone.now() - began < HOURS_48 + timedelta(hours=2)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (60, 3600)
    assert (row.text, row.html) == ("", "")
    listed = Desk().enter(staff("sam")).get("/admin/mails/").content.decode()
    assert "Hello" in listed
    assert "given up" in listed


def test_f10_a_mail_that_is_late_is_shown_to_support_while_it_is_tried(post: Sink, amy: User) -> None:
    post.stop()
    write(amy, "Hello")
    outbox.deliver_due()
    assert "Hello" in Desk().enter(staff("sam")).get("/admin/mails/?late=1").content.decode()


def test_f10_one_refused_address_holds_up_its_own_mails_in_their_order_and_nobody_elses(
    post: Sink, amy: User, ben: User, clock: time_machine.Traveller
) -> None:
    post.refused.add(AMY)
    write(amy, "first")
    write(amy, "second")
    write(ben, "other", to=BEN)
    assert outbox.deliver_due() == 1
    clock.shift(30)
    assert outbox.deliver_due() == 0  # the second was written later, and waits for the first
    post.refused.clear()
    clock.shift(31)
    assert [outbox.deliver_due() for _ in range(3)] == [1, 1, 0]
    assert post.subjects(AMY) == ["first", "second"]
    assert post.subjects(BEN) == ["other"]


def test_f10_a_server_that_dies_with_the_letter_gets_it_again_under_the_same_id(
    post: Sink, amy: User, clock: time_machine.Traveller
) -> None:
    row = write(amy, "Hello")
    post.dies_after_data = True
    assert outbox.deliver_due() == 0
    post.dies_after_data = False
    clock.shift(60)
    assert [outbox.deliver_due() for _ in range(2)] == [1, 0]
    assert post.ids() == [row.message_id] * 2  # whoever reads mail sees one


def test_f10_a_link_that_died_while_the_server_was_down_is_not_sent(
    post: Sink, amy: User, web: WebDoor, clock: time_machine.Traveller
) -> None:
    post.stop()
    assert web.send("/password/reset/", {"email": AMY}).status_code == 200
    assert mailed_link(RESET)
    outbox.deliver_due()
    clock.shift(timedelta(hours=1))
    post.start()
    write(amy, "Hello")
    assert [outbox.deliver_due() for _ in range(2)] == [0, 1]
    assert post.subjects(AMY) == ["Hello"]
    assert list(OutboxMail.objects.order_by("pk").values_list("state", flat=True)) == ["expired", "sent"]


def test_f10_a_server_that_speaks_byte_by_byte_is_cut_off(post: Sink, amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "DELIVERY_SECONDS", 0.5)
    row = write(amy, "Hello")
    post.slow = True  # all its answers would take 6 s
    began = time.monotonic()
    assert outbox.deliver_due() == 0
    assert time.monotonic() - began < 4
    assert state_of(row) == "waiting"


def test_f10_a_try_written_by_a_clock_that_was_ahead_does_not_wait_for_years(post: Sink, amy: User, clock: time_machine.Traveller) -> None:
    now = timezone.now()
    clock.move_to(now.replace(year=2039))
    write(amy, "Hello")
    clock.move_to(now)
    assert outbox.deliver_due() == 1


@pytest.fixture
def posting_house(plan: Database, tmp_path: Path) -> Iterator[tuple[House, Sink]]:
    """A server whose mails go to a mail server of the test's own."""
    with sink() as server, house(plan, tmp_path / "house", EMAIL_URL=server.url) as built:
        yield built, server


@pytest.mark.faults
def test_f10_no_act_waits_for_a_mail_server_that_says_nothing_and_all_leaves_once_it_speaks(
    posting_house: tuple[House, Sink],
) -> None:
    built, server = posting_house
    server.silent = True
    name = built.person()
    to = f"{name}@example.com"
    slowest = max(
        _took(lambda: Visitor(built.url).form("/password/reset/", {"email": to})),
        _took(lambda: Visitor(built.url).sign_in(name)),
        _took(lambda: Visitor(built.url).sign_in(name).change_password(NEW_PASSWORD)),
    )
    assert slowest < AT_ONCE_SECONDS
    until(lambda: server.talks, what="a mail that is tried")
    assert Visitor(built.url).sign_in(name, NEW_PASSWORD).signed_in
    server.stop()  # the worker hears so at once
    server.silent = False
    server.start()
    until(lambda: _all_sent(built, to), seconds=60, what="all mails")
    written = built.rows(f"SELECT message_id FROM accounts_outboxmail WHERE \"to\" = '{to}' ORDER BY id")  # noqa: S608
    assert server.ids(to) == [message_id for (message_id,) in written]
    assert_holds(built)


def _took(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _all_sent(built: House, to: str) -> bool:
    waiting = f"FROM accounts_outboxmail WHERE state = 'waiting' AND \"to\" = '{to}'"
    # Nobody waits here for pauses that grow to an hour.
    built.database.execute(f"UPDATE accounts_outboxmail SET next_try = created WHERE id IN (SELECT id {waiting}) AND attempts > 0")  # noqa: S608
    return not built.rows(f"SELECT 1 {waiting}")  # noqa: S608


@pytest.mark.faults
@pytest.mark.parametrize("point", ["outbox.sent", "outbox.leased"])
def test_f10_a_worker_killed_around_sending_costs_one_duplicate_at_most_and_no_mail(plan: Database, tmp_path: Path, point: str) -> None:
    database = plan.copy(tmp_path)
    with sink() as server:
        built = House(tmp_path, database, {})
        add = "UPDATE accounts_outboxmail SET next_try = created"
        _manage(database, tmp_path, "shell", "-c", _WRITE)
        killed = _manage(database, tmp_path, "worker", "--once", EMAIL_URL=server.url, FAILPOINTS=f"{point}=kill")
        assert killed.returncode == KILLED
        before = len(server.letters)
        assert before == (1 if point == "outbox.sent" else 0)
        assert _manage(database, tmp_path, "worker", "--once", EMAIL_URL=server.url).returncode == 0
        assert len(server.letters) == before  # the lease of the dead one still runs
        built.database.execute(add)  # 60 seconds later
        assert _manage(database, tmp_path, "worker", "--once", EMAIL_URL=server.url).returncode == 0
        built.database.execute(add)
        assert _manage(database, tmp_path, "worker", "--once", EMAIL_URL=server.url).returncode == 0
        [(message_id, state)] = built.rows("SELECT message_id, state FROM accounts_outboxmail")
        assert (server.ids(), state) == ([message_id] * (before + 1), "sent")
    database.drop()


_WRITE = """
from accounts import outbox
outbox.write(outbox.Letter(to="amy@example.com", subject="Hello", template="accounts/mail/new_device"), ip="", device="", reset_url="http://x")
"""


def _manage(database: Database, var: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[bytes]":
    environment = environment_of(var, database, **settings)
    return subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, capture_output=True, timeout=120)


def test_f10_a_mail_server_named_by_url_is_used_with_a_limit(tmp_path: Path) -> None:
    assert services.mail("smtp://mail.example.com:25", development=False, var_dir=tmp_path)["EMAIL_BACKEND"] == "config.mail.BoundedBackend"
