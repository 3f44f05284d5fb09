"""What this room does when it hears of a credential change (DESIGN 2.1), inside its transaction; what it answers where others ask."""

from django.dispatch import receiver

from accounts.audit import Actor
from accounts.credentials import NAMES_SHOWN, Casualties, Change
from accounts.models import User
from accounts.signals import casualties_asked, credentials_changed
from orgs.impact import Hit
from orgs.models import Organization, Policy
from orgs.signals import member_joined, policies_settled, policies_weighed
from tokens import flows, impact, running, settling
from tokens.models import Token


@receiver(credentials_changed, dispatch_uid="tokens.end_authority")
def end_authority(*, user: User, change: Change, actor: Actor, revoke_tokens: bool, **kwargs: object) -> list[Casualties]:
    """Log out the command-line logins of `user`; with *Revoke Active Tokens*, revoke every token instead."""
    if not revoke_tokens:
        retired = flows.retire_logins(user=user, actor=actor, why=change.value)
        return [Casualties("command-line login", retired, verb="Logged out")]
    ended = flows.revoke_all(user=user, actor=actor, why=change.value)
    return [Casualties("token", len(ended.tokens), [token.label for token in ended.tokens[:NAMES_SHOWN]], verb="Revoked"), *ended.work]


@receiver(casualties_asked, dispatch_uid="tokens.would_end")
def would_end(*, user: User, **kwargs: object) -> list[Casualties]:
    """Return what *Revoke Active Tokens* would revoke now, and what would end with that, by name."""
    blast = running.blast_of(Token.objects.of(user).with_authority().order_by("label", "pk").only("pk", "label"))
    return [Casualties("token", len(blast.tokens), [token.label for token in blast.tokens[:NAMES_SHOWN]]), *blast.work]


@receiver(policies_settled, dispatch_uid="tokens.shorten")
def shorten(*, org: Organization, changed: set[Policy], actor: Actor, **kwargs: object) -> None:
    """Let the tokens that members have live no longer than the organization allows by now (TOK-09)."""
    if Policy.TOKEN_LIFE in changed:
        settling.shorten(org, settling.of_members(org), actor=actor)


@receiver(member_joined, dispatch_uid="tokens.shorten_of_new_member")
def shorten_of_new_member(*, org: Organization, user: User, actor: Actor, **kwargs: object) -> None:
    """Let the tokens that somebody brings along live no longer than the organization allows."""
    settling.shorten(org, Token.objects.of(user), actor=actor)


@receiver(policies_weighed, dispatch_uid="tokens.weigh")
def weigh(*, org: Organization, changed: set[Policy], **kwargs: object) -> list[Hit]:
    """Return which members have tokens that the policies of `org` would not allow any more."""
    hits = impact.long_lived(org) if Policy.TOKEN_LIFE in changed else []
    return hits + (impact.owners(org) if Policy.TOKENS in changed and not org.tokens_allowed else [])
