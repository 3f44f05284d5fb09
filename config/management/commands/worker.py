"""`manage.py worker`: what is done beside the requests, in small rounds. Any number of workers may run at once."""

import logging
import signal
import threading
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils.module_loading import import_string

from accounts import meters
from config import demo
from config.beats import Beats
from config.schedule import TASKS, Task

logger = logging.getLogger("gatehouse.worker")

MORE_PAUSE_SECONDS = 0.1  # after a round that found something: there may be more
LONGEST_PAUSE_SECONDS = 60.0
STOP_SECONDS = 30.0  # a round under way may end


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
            beats = Beats()
            failed = [task.name for task in TASKS if run_round(task, beats) is None]
            beats.write()
            if failed:
                raise CommandError(f"These tasks failed: {', '.join(failed)}. The log says why")
            return
        stop = threading.Event()
        _stop_on_signals(stop)
        work_until(stop)


def work_until(stop: threading.Event) -> None:
    """Run all tasks until `stop` is set; return when the rounds under way have ended, after 30 s at most."""
    beats = Beats()
    threads = [threading.Thread(target=_loop, args=(task, stop, beats), name=task.name, daemon=True) for task in TASKS]
    journal = threading.Thread(target=beats.write_until, args=(stop,), name="beats", daemon=True)
    for thread in (*threads, journal):
        thread.start()
    logger.info("worker started", extra={"worker": beats.worker, "tasks": len(threads)})
    stop.wait()
    logger.info("worker is stopping", extra={"worker": beats.worker})
    deadline = time.monotonic() + STOP_SECONDS
    for thread in (*threads, journal):
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in threads if thread.is_alive()]
    logger.info("worker stopped", extra={"worker": beats.worker, "cut": left})


def _loop(task: Task, stop: threading.Event, beats: Beats) -> None:
    failures = 0
    while not stop.is_set():
        close_old_connections()
        done = run_round(task, beats)
        close_old_connections()
        failures = failures + 1 if done is None else 0
        stop.wait(pause_after(task, done, failures))


def pause_after(task: Task, done: int | None, failures: int) -> float:
    """Return the seconds to wait after a round: few after work, the period after none, growing after failures."""
    if failures:
        return float(min(LONGEST_PAUSE_SECONDS, task.period_seconds * 2 ** min(failures, 10)))
    return min(MORE_PAUSE_SECONDS, task.period_seconds) if done else task.period_seconds


def run_round(task: Task, beats: Beats) -> int | None:
    """Return what one round of `task` did, or None if it failed; the failure is logged, the next round tries again."""
    beats.begin(task.name)
    began, done = time.monotonic(), None
    try:
        done = int(import_string(task.target)())
    except Exception:  # one broken task must not stop the mails
        logger.exception("task failed", extra={"task": task.name})
        return None
    finally:
        beats.end(task.name, done)
        meters.worker_round(task.name, done, time.monotonic() - began)
    if done:
        logger.info("task done", extra={"task": task.name, "count": done})
    return done


def _stop_on_signals(stop: threading.Event) -> None:
    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # the second Ctrl-C ends at once

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
