"""Support's door to tokens: the panel of a person's tokens, and their revocation (S8.2, S8.3). Never a text, never a digest."""

from typing import Any

from django.http import QueryDict

from accounts.desk import Act, Panel
from accounts.models import User
from accounts.support import Staff
from tokens import flows, limits, running
from tokens.models import Token, TokenKind

CHOSEN, EVERY = "token", "all"  # the fields of the boxes, and of the button for all


def panel(person: User) -> Panel:
    """Return what can still act for them, with what runs on it, and what ended last."""
    live = list(Token.objects.of(person).with_authority().in_order("-created").with_scope()[: limits.TOKENS_IN_CONSOLE + 1])
    shown = live[: limits.TOKENS_IN_CONSOLE]
    runs = running.on(shown)
    over = Token.objects.of(person).exclude(ended_at=None).exclude(kind=TokenKind.JOB).order_by("-ended_at", "-pk")
    return {
        "template": "admin/_tokens.html", "rows": [(token, runs[token.pk]) for token in shown], "is_more": len(live) > len(shown),
        "over": list(over.select_related("ended_by")[: limits.ENDED_IN_CONSOLE]), "tried": Token.objects.of(person).tried_lately().first(),
    }  # fmt: skip


def _chosen(given: QueryDict) -> list[str] | None:
    """Return the ids of the boxes that were ticked; None, which means every token, only where that was asked for."""
    return None if given.get(EVERY) == "1" else given.getlist(CHOSEN)


def _weigh(person: User, given: QueryDict) -> dict[str, Any]:
    chosen, theirs = _chosen(given), Token.objects.of(person)
    tokens = list(theirs.with_authority().order_by("label", "pk")) if chosen is None else theirs.pick(chosen)
    family = flows.find_family(tokens=tokens)
    named = {token.pk for token in tokens}
    made = [token for token in family if token.pk not in named and token.kind != TokenKind.JOB]
    return {"tokens": tokens, "every": chosen is None, "made": made, "work": running.blast_of(family).work}


def _revoke(staff: Staff, person: User, given: QueryDict) -> str:
    return f"Ended: {flows.revoke_for_support(staff=staff, person=person, public_ids=_chosen(given), actor=staff.actor).tally}."


REVOKE = Act(
    name="revoke-tokens", title="Revoke tokens", template="admin/acts/_revoke_tokens.html", do=_revoke, weigh=_weigh, keep="Keep them",
    button="Yes, revoke them",
)  # fmt: skip
ACTS = (REVOKE,)
