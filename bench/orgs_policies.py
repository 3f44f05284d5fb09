"""Sets policies of an organization with very many members and sessions, and notes activity in these sessions meanwhile."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import sessions
from accounts.audit import Actor
from accounts.digests import digest
from accounts.models import Session, User
from bench import people
from bench.seeding import copies, fill, hexadecimal, numbers, session_key
from orgs.access import Person
from orgs.flows import PolicyWishes, set_policies
from orgs.models import Membership, Organization, OrgLevel

HANDLE, THREADS, QUIET_SECONDS = "big", 4, 3.0
IDLE = timedelta(seconds=90)  # long enough that activity is due to be noted, short enough that nothing ends


def measured(members: int, live: int) -> dict[str, Any]:
    """Return what each act costs, and on PostgreSQL how long requests take meanwhile."""
    _seed(members, live)
    acts = [
        _act("autoLogoutAfter 15 → 10", PolicyWishes(auto_logout_after=10)),
        _act("autoLogoutAfter 10 → 60", PolicyWishes(auto_logout_after=60)),
        _act("require2fa on", PolicyWishes(require_second_factor=True, grace_days=14)),
    ]
    return {"acts": acts} | ({"touches": _touches(live)} if connection.vendor == "postgresql" else {})


def _seed(members: int, live: int) -> None:
    people.insert(User, members + members // 4)
    org = Organization.objects.create(handle=HANDLE, name="Big")
    other = Organization.objects.create(handle="other", name="Other", auto_logout_after_minutes=60)
    copies(Membership(org=org), {"user_id": "n.i"}, numbers(members))
    copies(Membership(org=other), {"user_id": "n.i * 3"}, numbers(members // 3))
    Membership.objects.filter(org=org, user=1).update(level=OrgLevel.ADMIN)
    now = timezone.now()
    like = Session(
        session_data="x" * 200, epoch=1, created=now - timedelta(hours=1), last_activity=now - IDLE, idle_limit_seconds=900,
        expire_date=now + timedelta(days=1), ip="192.0.2.1", user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101",
    )  # fmt: skip
    given = {
        "session_key": hexadecimal("sha256", "'bench-session-' || n.i"),
        "public_id": f"substr({hexadecimal('sha256', repr('p') + ' || n.i')}, 1, 24)",
        # The last fifth belongs to people outside.
        "user_id": f"CASE WHEN n.i <= {live} THEN 1 + (n.i * 2) %% {members} ELSE {members} + 1 + n.i %% {members // 4} END",
    }
    copies(like, given, numbers(live + live // 4))
    fill("ANALYZE", [])


def _act(name: str, wishes: PolicyWishes) -> dict[str, Any]:
    with CaptureQueriesContext(connection) as captured:
        began = time.perf_counter()
        _set(wishes)
        ms = (time.perf_counter() - began) * 1000
    written = [query for query in captured.captured_queries if query["sql"].startswith("UPDATE") and "SELECT" in query["sql"]]
    assert len(written) == 1, [query["sql"][:200] for query in written]
    control = ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT")
    statements = [query for query in captured.captured_queries if not query["sql"].startswith(control)]
    return {
        "act": name, "ms": ms, "statements": len(statements), "statement_ms": float(written[0]["time"]) * 1000,
        "rows": _changed(name),
    }  # fmt: skip


def _changed(name: str) -> int:
    if name.startswith("require2fa"):
        bound: int = User.objects.filter(must_enrol_at__isnull=False).count()
        return bound
    limit = int(name.split()[-1]) * 60
    return Session.objects.filter(idle_limit_seconds=limit).count()


def _set(wishes: PolicyWishes) -> None:
    admin = User.objects.get(pk=1)
    actor = Actor(admin, door="web", ip="192.0.2.1")
    set_policies(caller=Person(admin, actor), handle=HANDLE, wishes=wishes, actor=actor)


def _touches(live: int) -> dict[str, Any]:
    quiet = _timed(live, lambda: time.sleep(QUIET_SECONDS))
    took: list[float] = []

    def act() -> None:
        began = time.perf_counter()
        _set(PolicyWishes(auto_logout_after=5))
        took.append((time.perf_counter() - began) * 1000)

    busy = _timed(live, act)
    return {"quiet": _summed(quiet), "busy": _summed(busy), "act_ms": took[0], "threads": THREADS}


def _timed(live: int, meanwhile: Callable[[], None]) -> list[float]:
    """Return how long each request of the threads took while `meanwhile` ran, in ms."""
    over, found = threading.Event(), [list[float]() for _ in range(THREADS)]

    def run(number: int) -> None:
        one = number
        while not over.is_set():
            began = time.perf_counter()
            row = sessions._find.get(digest(session_key(1 + one % live)))
            assert row is not None
            sessions.touch(row, timezone.now())
            found[number].append((time.perf_counter() - began) * 1000)
            one += THREADS
        connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    meanwhile()
    over.set()
    for thread in threads:
        thread.join()
    return [one for each in found for one in each]


def _summed(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "count": len(ordered), "half_ms": ordered[len(ordered) // 2], "most_ms": ordered[len(ordered) * 99 // 100],
        "longest_ms": ordered[-1],
    }  # fmt: skip
