"""A house of a million people, tokens and events, one organization of many, as the console and the security log see it."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from accounts.models import SecurityEvent, User
from bench.seeding import copies, fill, hexadecimal, numbers
from orgs.models import Membership, Organization, OrgLevel
from tokens.models import Token

BIG, SMALL = "big", "small"
BUSY, USUAL = 1, 777  # a person with a tenth of all events, and one with a few
ORGS = 1000
_FAR = "CAST(n.i AS bigint) * 7919"  # a prime: neighbours among the events belong to people far apart

# Of a hundred events so many are of each kind; the last one, of which there are few, comes once in RARE.
MIX = (("login.passed", 40), ("session.ended", 30), ("login.failed", 15), ("token.created", 8), ("token.revoked", 7))
RARE_EVENT, RARE = "two-factor.turned-off", 20_000


def seed(rows: int, members: int) -> None:
    """Fill the tables: `rows` people, tokens and events, and an organization of `members`."""
    _people(rows)
    _tokens(rows)
    _orgs(rows, members)
    _events(rows)
    fill("ANALYZE", [])


def _people(rows: int) -> None:
    like = User(password="!")
    given = {
        "id": "n.i",
        "username": "'person' || n.i",
        "email": "'person' || n.i || '@example.com'",
        "first_name": f"'First' || ({_FAR} %% 5000)",
        "last_name": f"'Last' || ({_FAR} %% 100000)",
    }
    copies(like, given, numbers(rows))
    if connection.vendor == "postgresql":
        # The rows came with keys, of which a sequence knows nothing.
        fill("SELECT setval(pg_get_serial_sequence('accounts_user', 'id'), %s)", [rows])


def _tokens(rows: int) -> None:
    now = timezone.now()
    like = Token(kind="api", expires=now + timedelta(days=30), created=now)
    given = {
        "public_id": f"'token-' || {_unique('t', 24)}",
        "user_id": f"1 + (n.i - 1) %% {rows}",
        "label": "'label ' || n.i",
        "prefix": f"'ght_' || {_unique('p', 4)}",
        "digest": hexadecimal("sha256", "'console' || n.i"),
        "created": _ago("n.i"),
    }
    copies(like, given, numbers(rows))


def _orgs(rows: int, members: int) -> None:
    Organization.objects.bulk_create(
        [
            Organization(pk=1, handle=BIG, name="Big"),
            *(Organization(pk=pk, handle=f"{SMALL}{pk}", name="Small") for pk in range(2, ORGS + 1)),
        ]
    )
    copies(
        Membership(org_id=1), {"user_id": "n.i", "level": f"CASE WHEN n.i = 1 THEN '{OrgLevel.ADMIN}' ELSE 'MEMBER' END"}, numbers(members)
    )
    copies(Membership(), {"org_id": f"2 + n.i %% {ORGS - 1}", "user_id": f"1 + {_FAR} %% {rows}"}, numbers(10 * (ORGS - 1)))


def _events(rows: int) -> None:
    kinds, below = "", 0
    for name, share in MIX:
        below += share
        kinds += f" WHEN n.i %% 100 < {below} THEN '{name}'"
    event = f"CASE WHEN n.i %% {RARE} = 7 THEN '{RARE_EVENT}' WHEN n.i %% 100 = 99 THEN 'org.member-added'{kinds} END"
    person = f"CASE WHEN n.i %% 10 = 0 THEN {BUSY} ELSE 1 + {_FAR} %% {rows} END"
    given = {
        "public_id": _unique("e", 24),
        "at": _ago("n.i"),
        "event": event,
        "subject_id": person,
        "actor_id": f"CASE WHEN n.i %% 100 BETWEEN 70 AND 84 THEN NULL ELSE {person} END",
        "door": f"CASE WHEN n.i %% {RARE} = 7 THEN 'admin' WHEN n.i %% 10 < 7 THEN 'web' WHEN n.i %% 10 < 9 THEN 'rest' ELSE 'dx' END",
        "ip": _typed("'10.' || (n.i / 65536 %% 256) || '.' || (n.i / 256 %% 256) || '.' || (n.i %% 256)", "inet"),
        "request_id": "(1700000000000 + n.i) || '-7'",
        "about": f"CASE WHEN n.i %% 100 = 99 THEN 'org-' || CASE WHEN n.i %% 1000 = 99 THEN '{SMALL}2' ELSE '{BIG}' END ELSE '' END",
    }
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    like = SecurityEvent(user_agent=agent, data={"how": "password", "org_id": "org-big", "name": "Big", "session_id": "x", "why": "idle"})
    copies(like, given, numbers(rows))


def _ago(seconds: str) -> str:
    """Return SQL for a moment so many seconds ago, in the form in which Django keeps it."""
    if connection.vendor == "postgresql":
        return f"now() - {seconds} * interval '1 second'"
    return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', -{seconds} || ' seconds')"


def _typed(expression: str, kind: str) -> str:
    return f"({expression})::{kind}" if connection.vendor == "postgresql" else expression


def _unique(mark: str, chars: int) -> str:
    """Return SQL for so many letters of the alphabet of ids that no other row has."""
    text = f"substr({hexadecimal('sha256', repr(mark) + ' || n.i')}, 1, {chars})"
    for unknown, letter in zip("acde", "gjkp", strict=True):
        text = f"replace({text}, '{unknown}', '{letter}')"
    return text
