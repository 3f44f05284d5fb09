"""Memory of the processes of a server."""

from dataclasses import dataclass
from pathlib import Path

from tests.journeys.house import House, descendants


@dataclass(frozen=True)
class Memory:
    """Of one process, in MiB."""

    process: str
    rss: float
    pss: float


def memory_of(house: House) -> list[Memory]:
    """Return the memory of each web process and of the worker, in the order of their ids."""
    assert house.process is not None
    found = [(_name(pid), pid) for pid in sorted(descendants(house.process.pid))]
    named = [(name, pid) for name, pid in found if name]
    webs = [pid for name, pid in named if name == "web"]
    # The first of granian's processes only looks after the others.
    return [_memory(name, pid) for name, pid in named if name != "web" or pid in webs[1:]]


def _name(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    if "resource_tracker" in command:
        return ""
    return "worker" if "manage.py\0worker" in command else "web" if "granian" in command or "multiprocessing" in command else ""


def _memory(name: str, pid: int) -> Memory:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("Rss:", "Pss:"))}
    return Memory(name, kib["Rss"] / 1024, kib["Pss"] / 1024)
