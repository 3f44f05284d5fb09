"""The mails of this room. Each function writes rows into the outbox of the present transaction; none sends.

Whoever administers an organization can have mails sent to strangers: no words of theirs stand in them but a plain name.
"""

import re

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.audit import Actor
from accounts.models import User
from accounts.outbox import Letter
from orgs import limits
from orgs.drafting import PolicyChange
from orgs.impact import Hit
from orgs.models import Invitation, Membership, Organization

_PLAIN_NAME = re.compile(r"[\w -]{1,60}")


def called(org: Organization) -> str:
    """Return how mails call an organization: by its name where that is plain words, and always by its id."""
    return f"{org.name} ({org.public_id})" if _PLAIN_NAME.fullmatch(org.name) else org.public_id


def invited(invitation: Invitation, *, to: str, key: str, by: User, is_member: bool, reason: str = "") -> None:
    """The link that makes whoever holds the mailbox a member; where its person is one already, it says that instead.

    `reason`: why support made the organization, for its first admin.
    It is addressed to no account: the same letter leaves, at the same cost, whether the address has one or not (ORG-06).
    """
    letter = Letter(
        to=to, subject="You are invited to an organization on Gatehouse", template="orgs/mail/invited",
        good_for_seconds=limits.INVITATION_LIFE_SECONDS,
    )  # fmt: skip
    told = {
        "by_username": invitation.user_id is not None,
        "level": invitation.level,
        "by": by,
        "is_member": is_member,
        "reason": reason,
        "expires": invitation.expires,
    }
    outbox.write(letter, org=called(invitation.org), link=settings.SITE_URL + reverse("orgs:invitation", kwargs={"key": key}), **told)


def joined(user: User, *, org: Organization, level: str) -> None:
    """The notice to a new member: of what, and what holds for them now."""
    letter = Letter(to=user.email, subject="You are a member of an organization now", template="orgs/mail/joined", user=user)
    outbox.write(letter, org=called(org), level=level, link=_page(org))


def support_acted(org: Organization, *, did: str, actor: Actor, reason: str, but: User | None = None) -> None:
    """The notice to every admin, `but` one who is told already, of what support did to the members; `did` goes on after its name."""
    for admin in Membership.objects.filter(org=org).admins().exclude(user=but).select_related("user").order_by("pk"):
        letter = Letter(
            to=admin.user.email, subject="Support changed who is in your organization", template="orgs/mail/support_acted", user=admin.user
        )  # fmt: skip
        outbox.write(letter, org=called(org), did=did, by=actor.user, reason=reason, link=_page(org))


def level_changed(user: User, *, org: Organization, level: str, level_before: str, actor: Actor, reason: str) -> None:
    """The notice of another level: who gave it, and what it means."""
    letter = Letter(to=user.email, subject="Your level in an organization changed", template="orgs/mail/level_changed", user=user)
    outbox.write(letter, org=called(org), level=level, level_before=level_before, by=actor.user, reason=reason, link=_page(org))


def policies_changed(org: Organization, *, changes: tuple[PolicyChange, ...], hits: list[Hit], actor: Actor, reason: str) -> None:
    """The notice to every admin of other policies: who set them, from what to what, and whom that hit."""
    subject = "Policies of your organization changed"
    for admin in Membership.objects.filter(org=org).admins().select_related("user").order_by("pk"):
        letter = Letter(to=admin.user.email, subject=subject, template="orgs/mail/policies_changed", user=admin.user)
        outbox.write(
            letter, org=called(org), by=actor.user, reason=reason, changes=changes, hits=[hit for hit in hits if not hit.report_only],
            # Where somebody acts from is theirs alone (ORG-05).
            ip=actor.ip if admin.user == actor.user else "", link=_page(org),
        )  # fmt: skip


def removed(user: User, *, org: Organization, lost: int, actor: Actor, reason: str) -> None:
    """The notice to somebody who is a member no longer: who did it, and what went with it."""
    letter = Letter(to=user.email, subject="You were removed from an organization", template="orgs/mail/removed", user=user)
    outbox.write(letter, org=called(org), lost=lost, by=actor.user, reason=reason)


def _page(org: Organization) -> str:
    return settings.SITE_URL + reverse("orgs:organization", kwargs={"handle": org.handle})
