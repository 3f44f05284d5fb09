"""The processes of a server, to be killed and weighed."""

from pathlib import Path

from tests.journeys.house import House, until


def web_process(server: House) -> int:
    """Return the process that answers: the child of the web server's first one."""
    assert server.process is not None
    (first,) = [pid for pid in _children(server.process.pid) if "granian" in Path(f"/proc/{pid}/cmdline").read_text()]
    return until(lambda: next(iter(_children(first)), None), what="the web process")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def memory_kib(pid: int) -> int:
    """Return how much memory a process holds, in KiB."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1])
