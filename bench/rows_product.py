"""What stands in the product's tables while it is measured."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts import passwords
from accounts.digests import digest
from accounts.models import Session, User
from accounts.sessions import SessionStore
from bench import people
from bench.seeding import copies, fill, hexadecimal, numbers, session_key, temporary
from bench.sizes import Sizes
from orgs.models import Membership, Organization, OrgLevel
from tokens import keys, limits
from tokens.models import EndReason, Token, TokenState

# So many of the first rows are due to have their use noted, never more than half of all; each is asked for once.
DUE_MAX = 2000
# Activity is not due to be noted for as long as the bench runs, so that what is timed is the request without its write.
AHEAD = timedelta(hours=1)
STALE = timedelta(minutes=2)
UNUSED = 2 * timedelta(seconds=limits.LAST_USED_SECONDS)
LISTER_SESSION = 0
PASSWORD = "a passphrase of the bench"
HANDLE = "governed"


def seed(sizes: Sizes) -> None:
    """Fill the tables: people, their sessions and tokens (person n has every users-th), and one who has a long list."""
    people.insert(User, sizes.users)
    _sessions(sizes)
    _tokens(sizes)
    if sizes.listed:
        _list_of(sizes.users, sizes.listed)
    if sizes.logins:
        User.objects.filter(pk__lte=sizes.logins).update(password=passwords.encode(PASSWORD))
    if sizes.members:
        _organization(sizes.members)
    _count_on()
    fill("ANALYZE", [])


def token_text(number: int) -> str:
    """Return the text of token `number`, as well formed as a minted one."""
    head = f"{keys.MARK}{number:0{keys.RANDOM_CHARS}d}"
    return head + keys.checksum(head)


def due(rows: int) -> int:
    """Return how many of `rows` rows are due to have their use noted."""
    return min(DUE_MAX, rows // 2)


def _sessions(sizes: Sizes) -> None:
    given = {
        "session_key": hexadecimal("sha256", "'bench-session-' || n.i"),
        "public_id": _unique("p"),
        "user_id": "owner.person",
    }
    people.insert_sessions(_session(1), given, sizes, _data)
    keys_due = [digest(session_key(number)) for number in range(1, due(sizes.sessions) + 1)]
    Session.objects.filter(pk__in=keys_due).update(last_activity=timezone.now() - STALE)


def _session(person: int) -> Session:
    now = timezone.now()
    return Session(
        session_key=digest(session_key(LISTER_SESSION)), session_data=_data(person), user_id=person, epoch=1, created=now,
        last_activity=now + AHEAD, idle_limit_seconds=900, expire_date=now + timedelta(days=1), ip="192.0.2.1",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    )  # fmt: skip


def _data(person: int) -> str:
    return people.login_data(User(pk=person, session_epoch=1), SessionStore())


def _tokens(sizes: Sizes) -> None:
    digests = ((number, digest(token_text(number))) for number in range(1, sizes.tokens + 1))
    temporary("bench_tokens", "i integer PRIMARY KEY, digest text", digests)
    copies(
        _token(1, ""),
        {
            "public_id": f"'token-' || {_unique('t')}",
            "user_id": f"1 + (n.i - 1) %% {sizes.users}",
            "label": "'token ' || n.i",
            "digest": "n.digest",
        },
        "bench_tokens AS n",
    )
    digests_due = [digest(token_text(number)) for number in range(1, due(sizes.tokens) + 1)]
    Token.objects.filter(digest__in=digests_due).update(last_used_at=timezone.now() - UNUSED)


def _list_of(person: int, count: int) -> None:
    """Give one person `count` live tokens, far more than the product allows, and as many that ended; and a session to see them."""
    _session(person).save(force_insert=True)
    end = {"state": TokenState.REVOKED, "ended_at": timezone.now(), "ended_by_id": person, "end_why": EndReason.REVOKED}
    live = [_token(person, f"live {number}", age_seconds=number) for number in range(1, count + 1)]
    ended = [_token(person, f"ended {number}", age_seconds=count + number, **end) for number in range(1, count + 1)]
    Token.objects.bulk_create([*live, *ended])


def _token(person: int, label: str, *, age_seconds: int = 0, **more: Any) -> Token:
    now = timezone.now()
    return Token(
        user_id=person, kind="api", label=label, digest=digest(f"{person} {label}"), prefix="ght_0000",
        created=now - timedelta(seconds=age_seconds), expires=now + timedelta(days=30), last_used_at=now,
        last_used_ip="192.0.2.1", made_ip="192.0.2.1", **more,
    )  # fmt: skip


def _organization(members: int) -> None:
    org = Organization.objects.create(handle=HANDLE, name="Governed")
    copies(Membership(org=org), {"user_id": "n.i"}, numbers(members))
    Membership.objects.filter(user=1).update(level=OrgLevel.ADMIN)


def _count_on() -> None:
    """People were inserted with their keys, of which a sequence of PostgreSQL knows nothing."""
    if connection.vendor == "postgresql":
        fill("SELECT setval(pg_get_serial_sequence('accounts_user', 'id'), max(id)) FROM accounts_user", [])


def _unique(mark: str) -> str:
    """Return SQL for 24 characters that no other row has."""
    return f"substr({hexadecimal('sha256', repr(mark) + ' || n.i')}, 1, 24)"
