"""The worker goes on whatever a task does, and ends when it is told to."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import WorkerBeat
from config import beats
from config.beats import Beats
from config.management.commands import worker
from config.management.commands.worker import LONGEST_PAUSE_SECONDS, pause_after, run_round, work_until
from config.schedule import TASKS, Task
from tests.journeys.house import until

rounds: list[str] = []
stop = threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    rounds.clear()
    stop.clear()
    yield
    stop.set()


def count_and_stop() -> int:
    """Stop the worker at the third round."""
    rounds.append("good")
    if len(rounds) >= 3:
        stop.set()
    return 1


def fail() -> int:
    """Fail, always."""
    raise RuntimeError("broken")


GOOD = Task("good", f"{__name__}.count_and_stop", 0.01)
BAD = Task("bad", f"{__name__}.fail", 0.01)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_names_a_function_that_is_there(task: Task) -> None:
    assert callable(import_string(task.target))


@pytest.mark.django_db
def test_one_round_of_everything_works_on_an_empty_house() -> None:
    call_command("worker", "--once")


@pytest.mark.django_db
def test_a_task_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TASKS", (BAD, GOOD))
    work_until(stop)
    assert rounds == ["good"] * 3


@pytest.mark.django_db
def test_once_fails_where_a_task_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TASKS", (BAD, GOOD))
    with pytest.raises(CommandError, match="bad"):
        call_command("worker", "--once")
    assert rounds == ["good"]


@pytest.mark.django_db
def test_a_round_tells_how_much_was_done_and_none_for_a_failure() -> None:
    assert run_round(GOOD, Beats()) == 1
    assert run_round(BAD, Beats()) is None


@pytest.mark.django_db
def test_one_round_of_everything_writes_a_beat_of_every_task() -> None:
    call_command("worker", "--once")
    rows = WorkerBeat.objects.all()
    assert {row.task for row in rows} == {task.name for task in TASKS}
    assert all(row.ended_at is not None and row.failures == 0 for row in rows)


@pytest.mark.django_db
def test_a_beat_says_when_how_long_how_much_and_how_often_it_failed_in_a_row(clock: Any) -> None:
    journal = Beats()
    for done in (2, 3, None, None):
        journal.begin("mails")
        began = timezone.now()
        clock.shift(timedelta(seconds=4))
        journal.end("mails", done)
    journal.begin("mails")
    journal.write()
    row = WorkerBeat.objects.get()
    assert (row.task, row.count, row.failures, row.seconds) == ("mails", 5, 2, 4)
    assert row.ended_at is not None
    assert row.started_at >= row.ended_at > began  # a round is under way
    assert row.worker == journal.worker


@pytest.mark.django_db(transaction=True)
def test_rounds_are_written_twice_a_minute_and_at_once_when_a_task_begins_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beats, "GATHER_SECONDS", 0.01)
    journal, written = Beats(), []

    def take() -> list[WorkerBeat]:
        rows = Beats._take(journal)
        written.append(rows)
        return rows

    monkeypatch.setattr(journal, "_take", take)
    thread = threading.Thread(target=journal.write_until, args=(stop,), daemon=True)
    thread.start()
    for done in (0, 0, 0, None, None, 0, 0):
        before = len(written)
        journal.begin("mails")
        journal.end("mails", done)
        if journal._news.is_set():
            until(partial(is_longer, written, before), what="the news")
    assert len(written) == 3  # its first round, the first that failed, the first that worked again
    stop.set()
    thread.join()
    assert WorkerBeat.objects.get().failures == 0


def is_longer(things: list[Any], before: int) -> bool:
    return len(things) > before


@pytest.mark.django_db
def test_what_cannot_be_written_goes_with_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Beats()
    journal.begin("mails")
    journal.end("mails", 1)
    with monkeypatch.context() as broken:
        broken.setattr(WorkerBeat.objects, "bulk_create", _away)
        journal.write()
    assert not WorkerBeat.objects.exists()
    journal.write()
    assert WorkerBeat.objects.get().count == 1


def _away(*args: object, **kwargs: object) -> None:
    raise OperationalError("away")


def test_pauses_are_short_after_work_and_grow_after_failures() -> None:
    task = Task("mails", "nowhere", 5)
    assert pause_after(task, 20, 0) < 1
    assert pause_after(task, 0, 0) == 5
    growing = [pause_after(task, None, failures) for failures in range(1, 20)]
    assert growing == sorted(growing)
    assert growing[-1] == LONGEST_PAUSE_SECONDS
