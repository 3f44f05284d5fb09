"""`manage.py serve`: the web server and the worker under one roof, for one machine. `make run` uses it."""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from accounts.models import User
from config import demo
from config.metrics import FOLDER_VARIABLE, Exporter
from config.processes import Child, child_of

logger = logging.getLogger("gatehouse.server")

START_SECONDS = 60
STOP_SECONDS = 35  # a request under way may take 30
POLL_SECONDS = 0.1
HEAD_MAX_BYTES = 16 * 1024
HEADER_TIMEOUT_MS = 10_000  # SECURITY REL-05


class Command(BaseCommand):
    """Starts both, or one of them, prints where to go, and ends all together."""

    help = "Run the web server and the worker until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --only."""
        parser.add_argument("--only", choices=(WEB, WORKER), help="start this part alone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Return after a stop that was asked for; exit with status 1 where a part ended by itself."""
        demo.refuse_demo_people()  # before the worker sends a mail of theirs
        only = options["only"]
        commands = {name: command() for name, command in PARTS.items() if only in (None, name)}
        if WEB in commands:
            _require_free_port()
        self.stopping = self.hurried = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        with metrics_of(with_state=WORKER in commands):
            children = [child_of(name, command) for name, command in commands.items()]
            logger.info("server started", extra={"parts": list(commands), "release": settings.SPECTACULAR_SETTINGS["VERSION"]})
            try:
                failed = self._watch(children)
            finally:
                logger.info("server is stopping")
                self._stop(children)
        if failed is not None:
            logger.error("a part ended by itself", extra={"part": failed.name, "exit_status": failed.process.returncode})
            raise CommandError(f"The {failed.name} ended by itself with status {failed.process.returncode}; all is stopped")
        logger.info("server stopped")
        self.stdout.write("Stopped.")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.hurried = self.stopping and number == signal.SIGINT  # the second Ctrl-C ends at once (F12)
        self.stopping = True

    def _stop(self, children: list[Child]) -> None:
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        while any(child.process.poll() is None for child in children) and time.monotonic() < deadline and not self.hurried:
            time.sleep(POLL_SECONDS)
        for child in children:
            if child.process.poll() is None:
                logger.warning("a part did not stop in time, and was killed", extra={"part": child.name})
            child.kill_group()

    def _watch(self, children: list[Child]) -> Child | None:
        # A worker alone answers nobody, and has nobody to greet.
        greeted, started = all(child.name != WEB for child in children), time.monotonic()
        while not self.stopping:
            ended = next((child for child in children if child.process.poll() is not None), None)
            if ended is not None:
                return ended
            if not greeted and answers():
                greeted = True
                self._greet()
            if not greeted and time.monotonic() - started > START_SECONDS:
                raise CommandError(f"The web server does not answer after {START_SECONDS} seconds")
            time.sleep(POLL_SECONDS)
        return None

    def _greet(self) -> None:
        self.stdout.write(f"\nGatehouse is at {settings.SITE_URL} (Ctrl-C stops it)")
        people = User.objects.filter(username__in=demo.PEOPLE).order_by("pk").values_list("username", flat=True)
        if settings.DEVELOPMENT and people:
            self.stdout.write(f"Demo logins, password {demo.PASSWORD}: {', '.join(people)}")
        self.stdout.write("")
        self.stdout.flush()
        connection.close()


def web_command() -> list[str]:
    """Return the command line of the web server; the same for production."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws",
        "--host", settings.HOST, "--port", str(settings.PORT),
        "--workers", str(settings.WEB_WORKERS), "--blocking-threads", str(settings.WEB_THREADS),
        "--http1-header-read-timeout", str(HEADER_TIMEOUT_MS), "--http1-buffer-size", str(HEAD_MAX_BYTES),
        "--workers-kill-timeout", str(STOP_SECONDS - 5),
        "--respawn-failed-workers", "--log-level", "error", "--no-access-log",
        "--working-dir", str(settings.BASE_DIR), "config.wsgi:application",
    ]  # fmt: skip


def worker_command() -> list[str]:
    """Return the command line of the worker."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]


WEB, WORKER = "web", "worker"
PARTS = {WEB: web_command, WORKER: worker_command}


@contextmanager
def metrics_of(*, with_state: bool) -> Iterator[None]:
    """Hand out the metrics of this process's children meanwhile, where METRICS_PORT says so (config.metrics)."""
    if not settings.METRICS_PORT:
        yield
        return
    exporter = Exporter(with_state=with_state)
    try:
        exporter.open()
        os.putenv(FOLDER_VARIABLE, str(exporter.folder))  # of the children alone: this process counts nothing
        yield
    finally:
        exporter.close()


def answers() -> bool:
    """Return whether our web server answers at all; that it knows our host name is another question."""
    host = settings.HOST if settings.HOST not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104  (compared, not bound)
    try:
        with urlopen(f"http://{host}:{settings.PORT}/healthz", timeout=1):  # noqa: S310  (the scheme is written here)
            return True
    except HTTPError:
        return True
    except (URLError, OSError):
        return False


def _require_free_port() -> None:
    # The web server would share the port with another one of its kind, and each would get some of the requests.
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as error:
            raise CommandError(f"Cannot listen on {settings.HOST}:{settings.PORT} ({error.strerror}); set PORT to another") from None
