"""The same measurement in two empty houses, one after the other: on SQLite, and on PostgreSQL where a server answers."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.databases import is_reachable, scratch_database

ROOT = Path(__file__).resolve().parents[1]


def measured(module: str, *numbers: int, server: str) -> dict[str, dict[str, Any]]:
    """Return by database what `module` of the bench finds with so many rows, each in a process of its own."""
    found = {"SQLite": _in_one(module, numbers, "")}
    if is_reachable(server):
        found["PostgreSQL"] = _in_one(module, numbers, server)
    return found


def _in_one(module: str, numbers: tuple[int, ...], server: str) -> dict[str, Any]:
    with ExitStack() as stack:
        var = stack.enter_context(tempfile.TemporaryDirectory())
        mine = {"DEBUG": "1", "VAR_DIR": var, "DJANGO_SETTINGS_MODULE": "bench.settings_product", "LOG_LEVEL": "ERROR"}
        if server:
            mine["DATABASE_URL"] = stack.enter_context(scratch_database(server))
        command = [sys.executable, "-m", "bench.product_child", module, *map(str, numbers)]
        ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **mine}, check=True, stdout=subprocess.PIPE)
        found: dict[str, Any] = json.loads(ended.stdout)
        return found
