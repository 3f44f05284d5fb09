"""Acts that take the same locks take them in one order: none of them dies of a deadlock (CRD-06)."""

from functools import partial

import pytest
from django.db import transaction

from accounts import credentials
from accounts.credentials import Change
from accounts.errors import GatehouseError
from accounts.models import User
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.tokens.factories import TokenFactory
from tokens import flows
from tokens.models import EndReason, Token, TokenKind

ROUNDS = 12


def change(user: User, number: int) -> None:
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        credentials.announce(locked, change=Change.PASSWORD, actor=actor(locked), revoke_tokens=bool(number % 2))


def revoke(user: User, number: int) -> None:
    flows.revoke(tokens=Token.objects.of(user), actor=actor(user), why=EndReason.REVOKED)


def make(user: User, number: int) -> None:
    presenter = Token.objects.of(user).order_by("-pk").first()
    flows.create(
        user=User.objects.get(pk=user.pk), label=f"made {number}", expires=None, kind=TokenKind.API, actor=actor(user), presenter=presenter
    )  # fmt: skip


def expire(user: User, number: int) -> None:
    flows.expire_due()


def act_on(user: User, number: int) -> None:
    (change, revoke, make, expire)[number % 4](user, number)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_crd_06_changes_revokes_expiries_and_new_tokens_at_once_never_wait_for_each_other_in_a_circle(race: Race) -> None:
    for _ in range(ROUNDS):
        user = UserFactory()
        TokenFactory.create_batch(3, user=user)
        TokenFactory.create_batch(3, user=user, past=True)
        TokenFactory.create_batch(3, user=user, cli=True)
        outcomes = race(8, partial(act_on, user))
        # A refusal is an answer; anything else is a fault.
        assert [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, GatehouseError)] == []
