"""Whom a rule of an organization would hit: those of its members who have no second factor (N1)."""

from django.db.models import Exists, OuterRef
from django.utils import timezone

from accounts.models import User
from accounts.wording import counted, spell_moment
from orgs.impact import NAMES_SHOWN, Hit, named
from orgs.models import Organization, Policy
from twofactor.models import Authenticator


def members_without(org: Organization) -> list[Hit]:
    """Return how many members of `org` have none, the first of them by name, and what becomes of them by the rule that `org` has."""
    with_it = Authenticator.objects.filter(user=OuterRef("pk"))
    people = User.objects.active().filter(~Exists(with_it), memberships__org=org)
    count = people.count()
    if not count:
        return []
    names = tuple(people.order_by("username").values_list("username", flat=True)[:NAMES_SHOWN])
    has = f"{'has' if count == 1 else 'have'} no 2FA{named(names, count)}."
    return [Hit(policy=str(Policy.SECOND_FACTOR), kind="members-without-2fa", count=count, lead=counted(count, "member"),
                rest=f"{has} {_becomes(org)}", names=names)]  # fmt: skip


def _becomes(org: Organization) -> str:
    since = org.second_factor_from
    if since is None or since <= timezone.now():
        return "They can do nothing before setting it up, and their tokens wait for that."
    return f"They can sign in without it until {spell_moment(since)}."
