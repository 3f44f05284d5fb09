"""Web sessions: the engine (rows only, no cache in front), what ends them, and how activity is noted (DESIGN 2.2).

One SELECT finds session and user together; nothing is written to a request's session unless it changed, and the last activity
at most once per min(60 s, limit/10).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.db import connection, router, transaction
from django.db.models import Min, QuerySet
from django.db.models.deletion import Collector
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.module_loading import import_string

from accounts import audit, limits
from accounts.audit import Actor
from accounts.batches import delete_batch
from accounts.compiled import CompiledGet
from accounts.digests import digest
from accounts.errors import LoginOver, StaleProof
from accounts.events import SessionEnded
from accounts.models import EndedSession, Session, User, WhyEnded
from accounts.signals import long_pause

_find = CompiledGet(
    Session,
    by="session_key",
    joined="user",
    fields=[field.name for field in Session._meta.concrete_fields],
    joined_fields=User.REQUEST_COLUMNS,
)

# What is told of a session when it ends; of its person no more than who it is.
_TOLD_AT_END = ("public_id", "created", "user_agent", "ip", "idle_limit_seconds", "user__id")
_LONGEST_LIFE = timedelta(seconds=limits.SESSION_LIFE_SECONDS)
_TOUCH = (
    'UPDATE "accounts_session" SET "last_activity" = %s WHERE "session_key" = (SELECT "session_key" FROM "accounts_session" '
    'WHERE "session_key" = %s AND "last_activity" < %s FOR NO KEY UPDATE SKIP LOCKED)'
)


@dataclass(frozen=True)
class IdleLimits:
    """After how many seconds without activity sessions of a person end, and a stricter limit that is only tried out, if there is one."""

    seconds: int
    rehearsed_seconds: int | None = None


@dataclass(frozen=True)
class Opening:
    """What a new row is made with: whose it is, from where, and its own limits in seconds."""

    user: User | None = None
    idle_limit_seconds: int = limits.ANONYMOUS_SESSION_LIFE_SECONDS
    rehearsed_limit_seconds: int | None = None
    life_seconds: int = limits.ANONYMOUS_SESSION_LIFE_SECONDS
    ip: str | None = None
    user_agent: str = ""
    second_factor: bool = False


class SessionStore(SessionBase):
    """The engine that Django's middleware, views and test client use. A key that is not in the table is never adopted."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.presented_key = session_key
        self.row: Session | None = None
        self.ended_limit_seconds: int | None = None
        self.opening = Opening()

    def load(self) -> dict[str, Any]:
        """Return the data of the live row, or {} and forget the key. A row past its limits is ended here and now."""
        self.row = _live_row(digest(self.session_key or ""))
        if self.row is None:
            self._session_key = None
            return {}
        return self.decode(self.row.session_data)

    @property
    def user(self) -> User | None:
        """The person who is signed in with this session, or None. The hash binds the data to the account's epoch."""
        signed_in = self.get(SESSION_KEY)
        user = self.row.user if self.row else None
        if user is None or signed_in != str(user.pk):
            return None
        hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
        known = str(self.get(HASH_SESSION_KEY, ""))
        return user if any(constant_time_compare(known, candidate) for candidate in hashes) else None

    def why_ended(self) -> str | None:
        """Return why the session of the presented cookie is over (a WhyEnded, or the name of a credential change); None for a
        stranger and for a live session.
        """
        if self.presented_key is None or self.session_key is not None or not self.is_empty():
            return None
        ended = EndedSession.objects.filter(pk=digest(self.presented_key)).first()
        self.ended_limit_seconds = ended.idle_limit_seconds if ended else None
        return ended.why if ended else None

    def sign_in(self, user: User, opening: Opening) -> Session:
        """Become a new session of `user` and return its row: a new key, and nothing of what was kept before (SES-01)."""
        self.flush()
        self.opening = opening
        self[SESSION_KEY] = str(user.pk)
        self[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        self[HASH_SESSION_KEY] = user.get_session_auth_hash()
        self.create()
        assert self.row is not None  # noqa: S101  (create() made it)
        return self.row

    def use_up(self) -> None:
        """End the anonymous session in which a login waited for its code; raise LoginOver where another request did so first.

        Call it in the transaction that opens the session of the person: of several right codes one opens it, the others stay unspent.
        """
        if self.row is None or not Session.objects.filter(pk=self.row.pk).delete()[0]:
            raise LoginOver()

    def create(self) -> None:
        """Insert a row under a fresh key, with the present data."""
        data = self._get_session(no_load=self.session_key is None)  # type: ignore[attr-defined]
        self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
        self.row = Session.objects.create(
            session_key=digest(self._session_key), session_data=self.encode(data), **self._row_fields()
        )  # fmt: skip
        self.modified = False

    def save(self, must_create: bool = False) -> None:
        """Update the data of the live row; raise UpdateError where it ended meanwhile: nothing brings it back (SES-04)."""
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        if Session.objects.filter(pk=digest(self.session_key)).update(session_data=self.encode(data)) != 1:
            raise UpdateError
        self.modified = False
        return None

    def exists(self, session_key: str) -> bool:
        """Return whether there is a row for this key."""
        return Session.objects.filter(pk=digest(session_key)).exists()

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row of `session_key`, by default of this session."""
        key = session_key or self.session_key
        if key is None:
            return
        Session.objects.filter(pk=digest(key)).delete()
        if key == self.session_key:
            self.row = None

    @classmethod
    def clear_expired(cls) -> None:
        """Sweep what is over; the name under which Django asks an engine for it."""
        sweep()

    def _row_fields(self) -> dict[str, Any]:
        # The person comes from the opening alone: what stands in the data signs nobody in, so no login can pass by the stages.
        opening, now = self.opening, timezone.now()
        return {
            "user": opening.user, "epoch": opening.user.session_epoch if opening.user else 0, "created": now, "last_activity": now,
            "idle_limit_seconds": opening.idle_limit_seconds,
            "rehearsed_limit_seconds": opening.rehearsed_limit_seconds, "expire_date": now + timedelta(seconds=opening.life_seconds),
            "ip": opening.ip, "user_agent": opening.user_agent, "confirmed_at": now if opening.user else None,
            "second_factor_at": now if opening.second_factor else None,
        }  # fmt: skip


def idle_limits_for(user: User) -> IdleLimits:
    """Return the idle limits of `user`, from the policy that settings name (a floor above knows the orgs)."""
    found: IdleLimits = import_string(settings.IDLE_LIMIT_POLICY)(user)
    return found


def must_enrol_from(user: User) -> datetime | None:
    """Return from when on `user` can do nothing before setting two-factor authentication up, by the rule that settings name."""
    since: datetime | None = import_string(settings.ENROLMENT_RULE)(user)
    return since


def require_alive(row: Session) -> None:
    """Return if `row` is still there, and lock it until the transaction ends; raise StaleProof where it ended meanwhile."""
    if Session.objects.select_for_update().filter(pk=row.pk).first() is None:
        raise StaleProof()


def must_enrol(row: Session) -> bool:
    """Return whether the person of this session can do nothing yet but set two-factor authentication up."""
    return row.user is not None and row.user.must_enrol


def _live_row(key_digest: str) -> Session | None:
    """Return the live row with its user; end one that is over. One query where it lives or never was."""
    row = _find.get(key_digest)
    why = why_over(row, timezone.now()) if row else None
    if row is None or why is None:
        return row
    # Not by the key alone: another request may have touched the row since it was read, and then it lives.
    as_read = Session.objects.filter(pk=row.pk, last_activity=row.last_activity)
    return None if end_sessions(as_read, why=why, actor=Actor.worker()) else _find.get(key_digest)


def why_over(row: Session, now: datetime) -> WhyEnded | None:
    """Return why `row` counts as gone at `now`, or None while it lives. The sweeper may be late; this never is (SES-07)."""
    if now >= row.expire_date or row.created - now > _LONGEST_LIFE:  # begun by a clock that was years ahead (F11)
        return WhyEnded.EXPIRED
    if now >= row.idle_end:
        return WhyEnded.IDLE
    user = row.user
    if user is not None and (row.epoch != user.session_epoch or not user.is_active):
        return WhyEnded.CREDENTIALS if user.is_active else WhyEnded.DEACTIVATED
    return None


def touch(row: Session, at: datetime) -> bool:
    """Note activity at `at`: one conditional UPDATE of one column, at most once per min(60 s, limit/10). True if written.

    The only sender of `long_pause`, which costs nothing where no organization tries a stricter limit out.
    """
    interval, pause = timedelta(seconds=min(limits.SESSION_TOUCH_MAX_SECONDS, row.idle_limit_seconds / 10)), at - row.last_activity
    if pause < interval:
        return False
    row.last_activity = at
    written = _write_activity(row.pk, at)
    if written and row.rehearsed_limit_seconds is not None and pause >= timedelta(seconds=row.rehearsed_limit_seconds):
        long_pause.send(Session, user=row.user, pause_seconds=int(pause.total_seconds()))
    return written


def _write_activity(key: str, at: datetime) -> bool:
    if not connection.features.has_select_for_update_skip_locked:
        return bool(Session.objects.filter(pk=key, last_activity__lt=at).update(last_activity=at))
    # A policy that changes holds the rows of every member for a moment; no request waits for that. A note that is lost so can only
    # end a session earlier. By hand, for the ORM would want a transaction around it, which costs two more round trips.
    with connection.cursor() as cursor:
        cursor.execute(_TOUCH, [at, key, at])
        return bool(cursor.rowcount)


def seconds_left(row: Session, now: datetime) -> int:
    """Return for how many whole seconds `row` lives on without activity; never negative."""
    return max(0, int((min(row.idle_end, row.expire_date) - now).total_seconds()))


def end_sessions(rows: QuerySet[Session], *, why: str, actor: Actor) -> list[Session]:
    """End these sessions and return them: rows deleted, the reason remembered, one event for each that was a person's.

    A fixed number of statements; idempotent. `why` is a WhyEnded or the name of a credential change. Every ending of a person's
    session goes through here; locks are taken in the order of the keys.
    """
    with transaction.atomic():
        ended = list(rows.order_by("pk").select_for_update(of=("self",)).select_related("user").only(*_TOLD_AT_END))
        if not ended:
            return []
        _delete(ended)
        mine = [row for row in ended if row.user is not None]
        EndedSession.objects.bulk_create(_tombstones(mine, why), ignore_conflicts=True)
        audit.record_many([(_ended_event(row, why), row.user) for row in mine], actor=actor)
    return ended


def make_room(user: User, actor: Actor) -> None:
    """End the oldest sessions beyond 50 of one person (SES-12)."""
    surplus = Session.objects.of(user).order_by("-created").values_list("pk", flat=True)[limits.SESSIONS_PER_USER :]
    if keys := list(surplus):
        end_sessions(Session.objects.filter(pk__in=keys), why=WhyEnded.CROWDED, actor=actor)


def sweep() -> int:
    """End up to 500 sessions of each limit that are over, forget up to 5,000 reasons older than a day; return how many rows went."""
    now = timezone.now()
    gone = sum(_sweep(rows, why) for rows, why in over(now))
    forgotten = EndedSession.objects.filter(ended__lt=now - timedelta(seconds=limits.ENDED_SESSION_MEMORY_SECONDS))
    return gone + delete_batch(forgotten)


def over(now: datetime) -> Iterator[tuple[QuerySet[Session], WhyEnded]]:
    """Give the sessions that are past a limit at `now`, and which limit that is."""
    yield Session.objects.filter(expire_date__lte=now), WhyEnded.EXPIRED
    for limit in _limits_in_use():
        yield Session.objects.filter(idle_limit_seconds=limit, last_activity__lte=now - timedelta(seconds=limit)), WhyEnded.IDLE


def _sweep(over: QuerySet[Session], why: WhyEnded) -> int:
    batch = list(over.values_list("pk", flat=True)[: limits.SESSION_SWEEP_BATCH_ROWS])
    # The condition is repeated: a row that was touched between the two statements lives on.
    return len(end_sessions(over.filter(pk__in=batch), why=why, actor=Actor.worker())) if batch else 0


def _limits_in_use() -> Iterator[int]:
    # Steps through the index from one limit to the next; a DISTINCT would read it whole, every time.
    limit = Session.objects.aggregate(least=Min("idle_limit_seconds"))["least"]
    while limit is not None:
        yield limit
        limit = Session.objects.filter(idle_limit_seconds__gt=limit).aggregate(least=Min("idle_limit_seconds"))["least"]


def _delete(rows: list[Session]) -> None:
    # As `QuerySet.delete`, which would read the rows once more. Copies, for the collector takes away the keys of what it deletes.
    collector = Collector(using=router.db_for_write(Session))
    collector.collect([Session(pk=row.pk) for row in rows])
    collector.delete()


def _tombstones(rows: list[Session], why: str) -> list[EndedSession]:
    return [EndedSession(session_key=row.pk, why=why, idle_limit_seconds=row.idle_limit_seconds) for row in rows]


def _ended_event(row: Session, why: str) -> SessionEnded:
    return SessionEnded(session_id=row.public_id, why=str(why), started=row.created.isoformat(), device=row.user_agent, address=row.ip)
