"""Points at which a test makes the server die, fail or wait (SECURITY.md, Faults). Nothing happens outside of development."""

import os
import signal
import time
from pathlib import Path

from django.conf import settings

PAUSE_MAX_SECONDS = 30
_POLL_SECONDS = 0.02


class FailpointError(RuntimeError):
    """Raised at a point that FAILPOINTS names with the action `raise`."""


def failpoint(name: str) -> None:
    """Do what the setting FAILPOINTS says for `name`: `kill`, `raise`, or `pause:<file>` (until the file is gone, 30 s at most)."""
    action = settings.FAILPOINTS.get(name)
    if action is None:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "raise":
        raise FailpointError(name)
    _pause(Path(action.removeprefix("pause:")))


def _pause(gate: Path) -> None:
    deadline = time.monotonic() + PAUSE_MAX_SECONDS
    while gate.exists() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
