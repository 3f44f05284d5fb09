"""The worker goes on whatever a task does, and ends when it is told to."""

import threading
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.utils.module_loading import import_string

from config.management.commands import worker
from config.management.commands.worker import LONGEST_PAUSE_SECONDS, TASKS, Task, pause_after, run_round, work_until

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
    assert run_round(GOOD) == 1
    assert run_round(BAD) is None


def test_pauses_are_short_after_work_and_grow_after_failures() -> None:
    task = Task("mails", "nowhere", 5)
    assert pause_after(task, 20, 0) < 1
    assert pause_after(task, 0, 0) == 5
    growing = [pause_after(task, None, failures) for failures in range(1, 20)]
    assert growing == sorted(growing)
    assert growing[-1] == LONGEST_PAUSE_SECONDS
