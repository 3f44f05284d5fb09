"""What must hold of this room's state (accounts.verifying): no token outlives its time, or its account."""

from collections.abc import Iterator

from accounts.batches import in_batches
from accounts.verifying import Depth, long_ago
from tokens.models import Token, TokenState


def live_tokens(depth: Depth) -> Iterator[str]:
    """Tokens past their end are marked so in time; none of an account that is switched off can do anything."""
    late = Token.objects.filter(state__in=[TokenState.ACTIVE, TokenState.RETIRED], expires__lte=long_ago())
    for row in in_batches(late.select_related("user")):
        yield f"Token {row.public_id} of {row.user} ended at {row.expires:%Y-%m-%d %H:%M:%S} UTC and is not marked so."
    for row in in_batches(Token.objects.with_authority().filter(user__is_active=False).select_related("user")):
        yield f"Token {row.public_id} of {row.user} is {row.state}, though the account is switched off."
