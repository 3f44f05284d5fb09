"""What must hold after every fault (SECURITY.md, Faults): nobody has to help, nothing is half, nothing was told, nothing uncounted."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from uuid import uuid4

from tests.journeys.house import ROOT, House, until
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, with_token

SERVES_AGAIN_SECONDS = 10.0
Counts = Mapping[str, tuple[int, int]]
# What only the inside of the server knows.
_INSIDES = re.compile(
    r"Traceback|File \"|site-packages|psycopg|sqlite3|OperationalError|InterfaceError|redis\.|SELECT |UPDATE |INSERT |127\.0\.0\.1:5"
)


def failure_counts(house: House) -> Counts:
    """Return every counter against guessing as it stands: failures, and failures in a row."""
    return {key: (count, in_a_row) for key, count, in_a_row in house.rows("SELECT key, count, in_a_row FROM accounts_counter")}


def assert_discreet(answers: Iterable[Answer]) -> None:
    """Fail if an answer tells what the server is made of."""
    for answer in answers:
        found = _INSIDES.search(answer.text)
        assert found is None, f"an answer of status {answer.status} tells {found[0]!r}: {answer.text[:2000]}"


def assert_holds(house: House, *, counted: Counts | None = None, seconds: float = SERVES_AGAIN_SECONDS) -> None:
    """Fail unless people, scripts and `dx` are served again within `seconds` without help.

    Fail, too, unless `verify_state` finds everything whole. `counted` is what `failure_counts` returned before the fault, or in its
    midst: none of it may have gone down.
    """
    until(lambda: _serves(house), seconds=seconds, what=f"people, scripts and dx to be served; the server said {house.log[-3000:]}")
    assert_whole(house)
    if counted is not None:
        _assert_none_went_down(counted, failure_counts(house))


def assert_whole(house: House) -> None:
    """Fail if `verify_state` finds anything."""
    mine = {"DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(house.var), "DATABASE_URL": house.database.url}
    environment, command = {**os.environ, **house.settings, **mine}, [sys.executable, "manage.py", "verify_state"]
    looked = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert looked.returncode == 0, looked.stdout + looked.stderr


def _serves(house: House) -> bool:
    """Return whether a login, a token and `dx whoami` of somebody who has nothing to do with the fault work at once."""
    name = house.person()
    try:
        visitor = Visitor(house.url).sign_in(name)
        text = visitor.make_token(f"after the fault {uuid4().hex[:8]}")
        dx = dx_login(house.url, name)
        return with_token(house.url, text).status == 200 and dx_call(house.url, "system/whoami", {}, dx).status == 200
    except (OSError, HTTPException, AssertionError):
        return False


def _assert_none_went_down(before: Counts, after: Counts) -> None:
    fallen = {
        key: (was, after.get(key, (0, 0)))
        for key, was in before.items()
        if any(n < m for n, m in zip(after.get(key, (0, 0)), was, strict=True))
    }
    assert not fallen, f"failure counters went down: {fallen}"
