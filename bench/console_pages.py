"""Pages of the console and of security logs in a full house. bench.product_child runs it in a process of its own."""

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import exporting, logbook
from accounts.models import SecurityEvent, Session, User
from accounts.serializers import WholeEventOutput
from accounts.sessions import Opening, SessionStore
from bench import console_rows
from bench.console_rows import BIG, BUSY, USUAL
from bench.seeding import roomy
from tokens.models import Token
from twofactor.models import Authenticator

RUNS = 5
EXPORTED_ROWS = 200_000


def measured(rows: int, members: int) -> dict[str, Any]:
    """Fill the tables, then open each page; return by page what it took, and how an export goes."""
    began = time.perf_counter()
    with roomy():
        console_rows.seed(rows, members)
    seeded = time.perf_counter() - began
    support = User.objects.get(pk=rows)
    User.objects.filter(pk=rows).update(is_staff=True, is_superuser=True)
    Authenticator.objects.create(user=support, secret=b"x", last_step=0)
    doors = {name: signed_in(User.objects.get(pk=pk)) for name, pk in (("busy", BUSY), ("usual", USUAL), ("support", rows))}
    pages = [{"page": name, **opened(doors[who], address)} for who, name, address in _pages(rows)]
    return {"seeded_seconds": seeded, "pages": pages, "export": exported()}


def signed_in(user: User) -> Client:
    """Return a browser in which somebody is signed in, with a code."""
    client, store = Client(SERVER_NAME="127.0.0.1"), SessionStore()
    opening = Opening(user=user, idle_limit_seconds=86_400, life_seconds=86_400, ip="192.0.2.1", second_factor=True)
    row = store.sign_in(user, opening)
    store.save()
    Session.objects.filter(pk=row.pk).update(last_activity=timezone.now() + timedelta(hours=1))  # nothing is noted while we measure
    client.cookies[settings.SESSION_COOKIE_NAME] = str(store.session_key)
    return client


def opened(client: Client, address: str) -> dict[str, Any]:
    """Return the median milliseconds of a page, its first opening, its statements, and whether one of them counts a whole table."""
    first = _milliseconds(lambda: client.get(address))
    times = [_milliseconds(lambda: client.get(address)) for _ in range(RUNS)]
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    counting = [
        query["sql"] for query in asked.captured_queries if query["sql"].startswith("SELECT COUNT(") and " WHERE " not in query["sql"]
    ]
    return {"first": first, "ms": statistics.median(times), "statements": len(asked.captured_queries), "counts": len(counting)}


def exported() -> dict[str, Any]:
    """Return how many events a second an export gives, and how many MiB the memory of the process grew by meanwhile."""
    events, before = SecurityEvent.objects.select_related("actor", "subject"), _resident_mib()
    began, rows, most = time.perf_counter(), 0, before
    for batch in exporting.lines(events, logbook.Filters(), WholeEventOutput.of):
        rows += batch.count(b"\n")
        most = max(most, _resident_mib())
        if rows >= EXPORTED_ROWS:
            break
    return {"rows": rows, "per_second": rows / (time.perf_counter() - began), "growth_mib": most - before}


def _pages(rows: int) -> Iterator[tuple[str, str, str]]:
    middle = SecurityEvent.objects.order_by("-at")[rows // 2]
    token = Token.objects.get(label=f"label {rows // 2}")
    moment = middle.at.isoformat().replace("+", "%2B")
    log, own, org = "/admin/log/", "/security/history/", f"/orgs/{BIG}/"
    yield "support", "people", "/admin/people/"
    for what, text in {
        "a username": "person777777", "a common beginning": "person", "an address": "person777777@example.com", "a last name": "last777",
        "a first name that 200 have": "first77", "first and last name": "first77 last", "a token's label": f"label {rows // 2}",
        "labels that all have": "label", "the head of a token": token.prefix, "nothing there is": "zzzz",
    }.items():  # fmt: skip
        yield "support", f"people, {what}", f"/admin/people/?q={text}"
    yield "support", "a person with a tenth of all events", f"/admin/people/person{BUSY}/"
    yield "support", "tokens", "/admin/tokens/"
    yield "support", "organizations", "/admin/orgs/"
    yield "support", "log", log
    for what, asked in {
        "a common event": "event=login.passed", "a rare event": f"event={console_rows.RARE_EVENT}", "a common family": "event=login.",
        "a rare family": "event=two-factor.", "a family of nothing": "event=job.", "since a day": f"since={middle.at:%Y-%m-%d}",
        "until the middle": f"until={moment}", "a person's": f"subject=person{USUAL}", "a busy person's": f"subject=person{BUSY}",
        "a busy person's rare events": f"subject=person{BUSY}&event={console_rows.RARE_EVENT}", "done by": f"actor=person{BUSY}",
        "through pages": "door=web", "through the console, which is rare": "door=admin", "from an address": f"address={middle.ip}",
        "of a request": f"request={middle.request_id}", "about an organization": f"about=org-{BIG}",
        "far down": f"before={middle.public_id}",
    }.items():  # fmt: skip
        yield "support", f"log, {what}", f"{log}?{asked}"
    yield "support", "one event", f"{log}{middle.public_id}/"
    yield "usual", "own history", own
    yield "busy", "own history of a busy person", own
    yield "busy", "the same, a rare event", f"{own}?event={console_rows.RARE_EVENT}"
    yield "busy", "policies of a large organization", org
    yield "busy", "its members", f"{org}members/"
    yield "busy", "its members, far down", f"{org}members/?page=3000"
    yield "busy", "its members to look at", f"{org}members/?show=look"
    yield "busy", "its log", f"{org}log/"
    yield "busy", "its log, done by somebody", f"{org}log/?actor=person{USUAL}"


def _milliseconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000


def _resident_mib() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1024**2
