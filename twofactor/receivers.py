"""What this room does when it hears of a login, a credential change, or an organization. Runs inside the sender's transaction."""

from django.dispatch import receiver

from accounts.audit import Actor
from accounts.credentials import Change
from accounts.models import User
from accounts.signals import credentials_changed, signed_in, unlocked
from orgs import rehearsals
from orgs.impact import Hit
from orgs.models import Organization, Policy
from orgs.signals import member_joined, member_left, policies_changed, policies_weighed
from twofactor import budget, flows, gate, impact


@receiver(signed_in, dispatch_uid="twofactor.login_overtakes_reset")
def login_overtakes_reset(*, user: User, actor: Actor, second_factor: bool, **kwargs: object) -> None:
    """End a reset by support: whoever gives a code has not lost it (ADM-05)."""
    if second_factor:
        flows.overtake(user=user, by="you signed in with a code", actor=actor)


@receiver(credentials_changed, dispatch_uid="twofactor.change_overtakes_reset")
def change_overtakes_reset(*, user: User, change: Change, actor: Actor, **kwargs: object) -> None:
    """End a reset by support where a credential changed in another way (ADM-05)."""
    if change != Change.TWO_FACTOR_RESET:
        flows.overtake(user=user, by=change.label, actor=actor)


@receiver(unlocked, dispatch_uid="twofactor.forget_wrong_codes")
def forget_wrong_codes(*, user: User, **kwargs: object) -> int:
    """Forget the wrong codes of somebody whom support unlocks; return how many there were."""
    return budget.forget(user)


@receiver(policies_changed, dispatch_uid="twofactor.settle_members")
def settle_members(*, org: Organization, changed: set[Policy], **kwargs: object) -> None:
    """Let the rule of the organization hold for its members from now on, or no longer (ORG-04)."""
    if Policy.SECOND_FACTOR in changed:
        gate.settle(User.objects.filter(memberships__org=org))


@receiver(member_joined, dispatch_uid="twofactor.settle_new_member")
@receiver(member_left, dispatch_uid="twofactor.settle_former_member")
def settle_member(*, user: User, **kwargs: object) -> None:
    """Let the rules of the organizations that they are in by now hold for them."""
    gate.settle(User.objects.filter(pk=user.pk))


@receiver(policies_weighed, dispatch_uid="twofactor.weigh")
def weigh(*, org: Organization, changed: set[Policy], **kwargs: object) -> list[Hit]:
    """Return which members have no second factor where one would be required."""
    return impact.members_without(org) if Policy.SECOND_FACTOR in changed and org.second_factor_from is not None else []


@receiver(signed_in, dispatch_uid="twofactor.rehearse_rule")
def rehearse_rule(*, user: User, second_factor: bool, **kwargs: object) -> None:
    """Count a login of somebody without it where an organization only tries the rule out (N5)."""
    if not second_factor:
        rehearsals.note(user, Policy.SECOND_FACTOR)
