"""What this room does when a credential changed: every session of the person ends, the current one too."""

from django.db.models import F
from django.dispatch import receiver

from accounts import sessions
from accounts.audit import Actor
from accounts.clients import device_name
from accounts.credentials import NAMES_SHOWN, Casualties, Change
from accounts.failpoints import failpoint
from accounts.models import Session, User
from accounts.signals import credentials_changed


@receiver(credentials_changed, dispatch_uid="accounts.end_every_session")
def end_every_session(*, user: User, change: Change, actor: Actor, **kwargs: object) -> list[Casualties]:
    """Raise the epoch, so that a login that races with the change is dead on arrival, and end all session rows."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.session_epoch += 1
    failpoint("credentials.epoch_raised")
    ended = sessions.end_sessions(Session.objects.of(user), why=change.value, actor=actor)
    names = [device_name(row.user_agent) for row in ended[:NAMES_SHOWN]]
    return [Casualties(noun="session", count=len(ended), names=names, verb="Ended")]
