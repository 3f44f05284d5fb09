"""How an account comes into being, inside the transaction of the act it belongs to."""

from dataclasses import replace

from django.db import IntegrityError, transaction

from accounts import audit, emails
from accounts.audit import Actor
from accounts.errors import AddressTaken, UsernameTaken
from accounts.events import AccountCreated
from accounts.models import User
from accounts.newcomers import Newcomer


def register(*, newcomer: Newcomer, actor: Actor) -> User:
    """Make the account of `newcomer` and return it; it is signed in nowhere. Call it inside the transaction of the act it belongs to.

    The address counts as confirmed: whoever calls has made sure of that. Raises UsernameTaken, AddressTaken.
    """
    user = _made(newcomer)
    audit.record(AccountCreated(), subject=user, actor=replace(actor, user=user))
    emails.welcome(user, actor=actor)
    return user


def _made(newcomer: Newcomer) -> User:
    try:
        with transaction.atomic():
            user: User = User.objects.create(
                username=newcomer.username, email=newcomer.email, password=newcomer.encoded_password,
                first_name=newcomer.first_name, last_name=newcomer.last_name,
            )  # fmt: skip
            return user
    except IntegrityError as taken:
        if User.objects.filter(username=newcomer.username).exists():
            raise UsernameTaken() from taken
        raise AddressTaken() from taken
