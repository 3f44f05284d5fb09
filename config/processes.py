"""Child processes that never outlive their parent."""

import ctypes
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
# Looked up before the fork: between fork and exec there is no place for an import.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Child:
    """A part of the server, in a session of its own: Ctrl-C in the terminal reaches the parent alone, which decides."""

    name: str
    process: "subprocess.Popen[bytes]"

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it still runs."""
        if self.process.poll() is None:
            self.process.terminate()

    def kill_group(self) -> None:
        """Kill it with everything that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


def child_of(name: str, command: list[str]) -> Child:
    """Return the started process; where the kernel can, it gets SIGTERM when this one dies, however it dies."""
    process = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_parent)  # noqa: S603  (our own commands)
    return Child(name, process)


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
