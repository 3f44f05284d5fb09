"""Tokens for tests, by trait: `TokenFactory(cli=True)`, `TokenFactory(revoked=True)`."""

from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone

from accounts.digests import digest
from tests.factories import UserFactory
from tokens import expiry, keys
from tokens.models import Token, TokenKind, TokenState


class TokenFactory(factory.django.DjangoModelFactory):
    """A live API token of a new person."""

    class Meta:
        model = Token

    class Params:
        text = factory.LazyFunction(keys.mint)
        cli = factory.Trait(kind=TokenKind.CLI)
        ended = factory.Trait(ended_at=factory.LazyFunction(timezone.now))
        revoked = factory.Trait(ended=True, state=TokenState.REVOKED)
        retired = factory.Trait(ended=True, state=TokenState.RETIRED, kind=TokenKind.CLI)
        marked_expired = factory.Trait(ended=True, state=TokenState.EXPIRED)
        past = factory.Trait(
            created=factory.LazyFunction(lambda: timezone.now() - timedelta(days=31)),
            expires=factory.LazyFunction(lambda: timezone.now() - timedelta(seconds=1)),
        )

    user = factory.SubFactory(UserFactory)
    kind = TokenKind.API
    label = factory.Sequence(lambda n: f"token {n:04d}")
    expires = factory.LazyFunction(lambda: expiry.default(timezone.now()))
    digest = factory.LazyAttribute(lambda token: digest(token.text))
    prefix = factory.LazyAttribute(lambda token: token.text[:8])


def token_and_text(**traits: Any) -> tuple[Token, str]:
    """Return a token and the text that presents it."""
    text = keys.mint()
    token: Token = TokenFactory(text=text, **traits)
    return token, text
