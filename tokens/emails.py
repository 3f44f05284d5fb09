"""The mails of this room. Each function writes rows into the outbox of the present transaction; none sends."""

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.models import User
from accounts.outbox import Letter
from tokens.models import Token

NAMED_MOST = 20


def expiring_soon(user: User, *, tokens: list[Token], days: int) -> None:
    """The reminder that API tokens of `user` stop working within `days` days."""
    when = "within a day" if days == 1 else f"within {days} days"
    what = "An API token stops" if len(tokens) == 1 else f"{len(tokens)} API tokens stop"
    letter = Letter(to=user.email, subject=f"{what} working {when}", template="tokens/mail/expiring_soon", user=user)
    url = settings.SITE_URL + reverse("tokens:list")
    outbox.write(letter, tokens=tokens[:NAMED_MOST], more=max(0, len(tokens) - NAMED_MOST), when=when, url=url)
