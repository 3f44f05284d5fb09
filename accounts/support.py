"""Support staff: who they are, whom they may act on, and the reason that every act of theirs has (S8.3, S8.4, ADM-03, ADM-04)."""

from dataclasses import dataclass

from accounts import limits
from accounts.audit import Actor
from accounts.errors import NotForSupport, ReasonNeeded
from accounts.models import User
from accounts.spelling import clean_line, hides_something

GROUP = "Support"


@dataclass(frozen=True)
class Staff:
    """Somebody of support who acts, and why. Made by `acting` alone, which checks both."""

    user: User
    reason: str
    actor: Actor

    @property
    def reads_account(self) -> bool:
        """They act on others; their own account is no matter of the console."""
        return False

    @property
    def controls_account(self) -> bool:
        """They act on others; their own account is no matter of the console."""
        return False


def acting(*, reason: str, actor: Actor) -> Staff:
    """Return who acts for support. Raises NotForSupport for anybody else, and ReasonNeeded outside of 10 to 500 characters that
    can be seen.
    """
    if actor.user is None or not is_support(actor.user):
        raise NotForSupport(reason="Only support can do this")
    words = clean_line(" ".join(reason.split()), limits.REASON_MAX_CHARS)
    if not limits.REASON_MIN_CHARS <= len(words) <= limits.REASON_MAX_CHARS or hides_something(words):
        raise ReasonNeeded()
    return Staff(user=actor.user, reason=words, actor=actor)


def is_support(user: User) -> bool:
    """Return whether `user` works for support: staff of the group Support, or a superuser. Asks the database anew."""
    staff = User.objects.active().filter(pk=user.pk, is_staff=True)
    return bool(staff.filter(is_superuser=True).exists() or staff.filter(groups__name=GROUP).exists())


def require_may_act_on(staff: User, person: User) -> None:
    """Return if `staff` may act on `person`; raise NotForSupport for themself, and for other staff unless they are a superuser."""
    if staff.pk == person.pk:
        raise NotForSupport(reason="Nobody acts on their own account here. Ask a colleague")
    if (person.is_staff or person.is_superuser) and not staff.is_superuser:
        raise NotForSupport(reason="This is an account of staff: only a superuser can act on it")
