"""Opening a session at the end of a login, and ending one, this one, or all others."""

from accounts import limits, sessions
from accounts.audit import Actor
from accounts.errors import SessionNotFound
from accounts.models import Session, User, WhyEnded
from accounts.sessions import Opening, SessionStore


def open_session(*, user: User, store: SessionStore, actor: Actor, second_factor: bool = False) -> Session:
    """Sign `user` (locked, all stages passed) in with `store` and return the row, with the idle limit of now written into it.

    `second_factor`: a code was given, and the row says so.
    """
    if store.user is not None and store.row is not None:
        # Somebody signs in where somebody is signed in: that session ends as by Sign Out.
        sessions.end_sessions(Session.objects.filter(pk=store.row.pk), why=WhyEnded.SIGNED_OUT, actor=actor)
    idle = sessions.idle_limits_for(user)
    opening = Opening(
        user=user, idle_limit_seconds=idle.seconds, rehearsed_limit_seconds=idle.rehearsed_seconds,
        life_seconds=limits.SESSION_LIFE_SECONDS, ip=actor.ip, user_agent=actor.user_agent, second_factor=second_factor,
    )  # fmt: skip
    _note_rule(user)
    row = store.sign_in(user, opening)
    sessions.make_room(user, actor)
    return row


def _note_rule(user: User) -> None:
    # A rule that changed while this login was under way is found here at the latest.
    since = sessions.must_enrol_from(user)
    if since != user.must_enrol_at:
        user.must_enrol_at = since
        User.objects.filter(pk=user.pk).update(must_enrol_at=since)


def sign_out(*, store: SessionStore, actor: Actor) -> None:
    """End the session of `store` on the server. Harmless where it ended before."""
    if store.row is not None:
        sessions.end_sessions(Session.objects.filter(pk=store.row.pk), why=WhyEnded.SIGNED_OUT, actor=actor)
    store.flush()


def end_session(*, user: User, public_id: str, actor: Actor) -> Session:
    """End one session of `user` and return it; raise SessionNotFound for an unknown, ended or foreign one."""
    ended = sessions.end_sessions(Session.objects.of(user).pick(public_id), why=WhyEnded.ENDED, actor=actor)
    if not ended:
        raise SessionNotFound()
    return ended[0]


def end_other_sessions(*, user: User, keep: Session, actor: Actor) -> list[Session]:
    """End all sessions of `user` but `keep` and return them."""
    return sessions.end_sessions(Session.objects.of(user).exclude(pk=keep.pk), why=WhyEnded.ENDED, actor=actor)
