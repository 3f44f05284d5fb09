"""`manage.py worker`: what is done beside the requests, in small rounds. Any number of workers may run at once."""

import logging
import signal
import threading
import time
from dataclasses import dataclass
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils.module_loading import import_string

from config import demo

logger = logging.getLogger("gatehouse.worker")

MORE_PAUSE_SECONDS = 0.1  # after a round that found something: there may be more
LONGEST_PAUSE_SECONDS = 60.0
STOP_SECONDS = 30.0  # a round under way may end


@dataclass(frozen=True)
class Task:
    """A function of a room, by its dotted path; it does one small round and returns how many things it did."""

    name: str
    target: str
    period_seconds: float


TASKS = (
    Task("mails", "accounts.outbox.deliver_due", 1),
    Task("tokens", "tokens.flows.expire_due", 2),
    Task("replaced tokens", "tokens.flows.retire_due", 5),
    Task("reminders", "tokens.flows.remind_due", 300),
    Task("idempotency keys", "tokens.idempotency.sweep", 300),
    Task("stopped logins", "accounts.stopped.report_due", 60),
    Task("resets by support", "twofactor.flows.carry_out_due", 10),
    Task("second factor", "twofactor.sweeping.sweep", 300),
    Task("jobs", "tokens.work.flows.fail_vanished_due", 2),
    Task("uploads", "tokens.work.flows.give_up_uploads_due", 60),
    Task("downloads", "tokens.work.flows.end_downloads_due", 30),
    Task("bytes", "tokens.work.sweeping.sweep", 60),
    Task("idle limits", "orgs.settling.settle_recent", 5),
    Task("second factor rules", "twofactor.gate.settle_recent", 5),
    Task("token lives", "tokens.settling.settle_recent", 5),
    Task("rehearsals", "orgs.rehearsals.sweep", 300),
    Task("invitations", "orgs.sweeping.sweep", 300),
    Task("sessions", "accounts.sessions.sweep", 30),
    Task("leftovers", "accounts.sweeping.sweep", 300),
    Task("seals", "accounts.seals.seal_due", 2),
    Task("state", "accounts.verifying.check_due", 600),
)


class Command(BaseCommand):
    """Runs every task in a thread of its own, so that a slow mail server holds up nothing else."""

    help = "Send mails, end what has expired, sweep what is over; until SIGTERM, SIGINT or SIGHUP."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --once."""
        parser.add_argument("--once", action="store_true", help="one round of each task, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until told to stop; with --once, fail if a round failed. Raises ImproperlyConfigured where demo people can sign in."""
        demo.refuse_demo_people()
        if options["once"]:
            failed = [task.name for task in TASKS if run_round(task) is None]
            if failed:
                raise CommandError(f"These tasks failed: {', '.join(failed)}. The log says why")
            return
        stop = threading.Event()
        _stop_on_signals(stop)
        work_until(stop)


def work_until(stop: threading.Event) -> None:
    """Run all tasks until `stop` is set; return when the rounds under way have ended, after 30 s at most."""
    threads = [threading.Thread(target=_loop, args=(task, stop), name=task.name, daemon=True) for task in TASKS]
    for thread in threads:
        thread.start()
    logger.info("worker started")
    stop.wait()
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    logger.info("worker stopped")


def _loop(task: Task, stop: threading.Event) -> None:
    failures = 0
    while not stop.is_set():
        close_old_connections()
        done = run_round(task)
        close_old_connections()
        failures = failures + 1 if done is None else 0
        stop.wait(pause_after(task, done, failures))


def pause_after(task: Task, done: int | None, failures: int) -> float:
    """Return the seconds to wait after a round: few after work, the period after none, growing after failures."""
    if failures:
        return float(min(LONGEST_PAUSE_SECONDS, task.period_seconds * 2 ** min(failures, 10)))
    return min(MORE_PAUSE_SECONDS, task.period_seconds) if done else task.period_seconds


def run_round(task: Task) -> int | None:
    """Return what one round of `task` did, or None if it failed; the failure is logged, the next round tries again."""
    try:
        done = int(import_string(task.target)())
    except Exception:  # one broken task must not stop the mails
        logger.exception("task failed", extra={"task": task.name})
        return None
    if done:
        logger.info("task done", extra={"task": task.name, "count": done})
    return done


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the second Ctrl-C ends at once

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
