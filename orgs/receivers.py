"""What this room does when somebody joins or leaves an organization, and when a session was left alone for long."""

from django.dispatch import receiver

from accounts.models import Session, User
from accounts.signals import long_pause
from orgs import rehearsals, settling
from orgs.models import Policy
from orgs.policies import SECONDS_PER_MINUTE
from orgs.signals import member_joined, member_left


@receiver(member_joined, dispatch_uid="orgs.idle_limits_of_new_member")
@receiver(member_left, dispatch_uid="orgs.idle_limits_of_former_member")
def settle_idle_limits(*, user: User, **kwargs: object) -> None:
    """Let the policies of the organizations that they are in by now hold for their live sessions (ORG-03)."""
    User.objects.lock(user.pk)  # before sessions, as in every act; rooms above write it after us
    settling.settle_idle_limits(Session.objects.of(user))


@receiver(long_pause, dispatch_uid="orgs.rehearse_auto_logout")
def rehearse_auto_logout(*, user: User, pause_seconds: int, **kwargs: object) -> None:
    """Count a session that a limit which is only tried out would have ended."""
    rehearsals.note(user, Policy.AUTO_LOGOUT, least=pause_seconds // SECONDS_PER_MINUTE)
