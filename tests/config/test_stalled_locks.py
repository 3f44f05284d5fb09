"""A look at the connections of a process leaves its files alone: SQLite's locks go with any copy of the file that is closed."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from config.stalled import Watch

pytestmark = pytest.mark.once

LOCK = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')"


def test_a_look_at_the_connections_lets_no_lock_go(tmp_path: Path) -> None:
    path = tmp_path / "locked.sqlite3"
    mine = sqlite3.connect(path, isolation_level=None)
    mine.execute("BEGIN EXCLUSIVE")
    Watch(1).look(0)
    other = subprocess.run([sys.executable, "-c", LOCK, str(path)], capture_output=True, text=True, timeout=60)
    mine.close()
    assert "database is locked" in other.stderr
