"""The state of the server, as support sees it: what waits, what is late, what was found."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import OutboxMail, StateCheck, User, WorkerBeat
from config import condition
from config.schedule import TASKS
from tests.console.conftest import Desk
from tests.console.test_pages import text_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
PATH = "/admin/server/"


@pytest.fixture(autouse=True)
def _long_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "_started", timezone.now() - timedelta(hours=1))


def beat(task: str, *, seconds_ago: int = 1, **fields: Any) -> WorkerBeat:
    ended = timezone.now() - timedelta(seconds=seconds_ago)
    row: WorkerBeat = WorkerBeat.objects.create(task=task, worker="host-7:4711", started_at=ended, ended_at=ended, **fields)
    return row


def mail(number: int, **fields: Any) -> None:
    OutboxMail.objects.create(
        message_id=f"<{number}@x>", to="amy@example.com", subject=f"Secret subject {number}", text="t", html="h", **fields
    )  # fmt: skip


def test_before_the_worker_came_the_page_says_that_it_is_late(desk: Desk) -> None:
    page = text_of(desk, PATH)
    assert "The worker is late" in page
    assert "None of its tasks ended a round" in page
    assert page.count("no round yet") == 0  # late says more
    assert "None yet" in page


def test_a_worker_that_works_is_no_news(desk: Desk) -> None:
    for task in TASKS:
        beat(task.name, seconds=0.25, count=1234)
    page = text_of(desk, PATH)
    assert "The worker is late" not in page
    assert "The worker works" not in page, "nobody has looked at the data yet"
    assert page.count("works</span>") == len(TASKS)
    assert "took 0.25 s" in page
    assert "host-7:4711" in page


def test_a_task_that_hangs_or_fails_is_named(desk: Desk) -> None:
    for task in TASKS:
        beat(task.name, seconds_ago=200 if task.name == "mails" else 1, failures=3 if task.name == "jobs" else 0)
    page = text_of(desk, PATH)
    assert "mails ended no round in the last minutes" in page
    assert page.count("late</span>") == 1
    assert "3 in a row failed" in page
    assert "jobs. Each is tried again by itself" in page
    assert page.index("late</span>") < page.index("failed</span>") < page.index("works</span>"), "trouble comes first"


def test_mails_are_counted_and_neither_subject_nor_address_is_shown(desk: Desk) -> None:
    for number in range(3):
        mail(number, next_try=timezone.now() - timedelta(minutes=10))
    mail(3, attempts=2, next_try=timezone.now() + timedelta(minutes=10))
    mail(4, state=OutboxMail.State.FAILED, done_at=timezone.now())
    shown = desk.get(PATH)
    assert [str(getattr(shown.context["outbox"], name)) for name in ("due", "retried", "failed")] == ["3", "1", "1"]
    page = shown.content.decode()
    assert "10 minutes ago" in page
    assert "Secret subject" not in page
    assert "amy@example.com" not in page


def test_large_numbers_are_counted_up_to_a_bound(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "COUNTED_MOST", 2)
    for person in UserFactory.create_batch(3):
        Desk().enter(person)
    assert "2 or more" in text_of(desk, PATH)


def test_the_last_look_that_ended_tells_what_it_found(desk: Desk, sam: User) -> None:
    now = timezone.now()
    StateCheck.objects.create(depth="whole", started_at=now - timedelta(hours=2), ended_at=now - timedelta(hours=1))
    page = text_of(desk, PATH)
    assert "whole</span>" in page
    assert "<span>verify_state</span>" in page
    assert "The data is not whole" not in page
    found = [f"<b>file-{number}</b> is missing" for number in range(25)]
    StateCheck.objects.create(depth="daily", started_at=now - timedelta(minutes=9), ended_at=now, findings=25, detail=found)
    StateCheck.objects.create(depth="daily", started_at=now)  # still looks
    page = text_of(desk, PATH)
    assert "The data is not whole" in page
    assert "the worker’s daily look" in page
    assert "25 found" in page
    assert "&lt;b&gt;file-0&lt;/b&gt; is missing" in page
    assert "file-24" not in page
    assert "And more" in page


def test_where_all_is_well_the_page_says_so_first(desk: Desk) -> None:
    for task in TASKS:
        beat(task.name)
    StateCheck.objects.create(depth="daily", started_at=timezone.now(), ended_at=timezone.now())
    assert "The worker works, none of its tasks fails, and the last look found the data whole." in text_of(desk, PATH)


@pytest.mark.parametrize(
    ("found_by", "looked_by", "stands"), [("whole", "daily", True), ("bytes", "whole", True), ("daily", "bytes", False)]
)
def test_what_was_found_stands_until_a_look_as_deep_finds_nothing(found_by: str, looked_by: str, stands: bool) -> None:
    now = timezone.now()
    found = StateCheck.objects.create(depth=found_by, started_at=now - timedelta(hours=25), ended_at=now, findings=1, detail=["a seal"])
    clean = StateCheck.objects.create(depth=looked_by, started_at=now, ended_at=now)
    assert condition.last_check() == (found if stands else clean)
