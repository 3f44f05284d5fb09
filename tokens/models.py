"""State of the tokens room: one table, of which a dump opens nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from accounts.credentials import label_of
from accounts.ids import is_public_id, new_public_id
from accounts.models import User
from tokens import limits
from tokens.errors import TokenNotFound


def new_token_id() -> str:
    """Return a fresh public id, `token-` and 24 characters."""
    return new_public_id("token")


class TokenKind(models.TextChoices):
    """Where a token came from, which decides what a credential change does to it."""

    API = "api", "API token"
    CLI = "cli", "CLI login"
    JOB = "job", "Job token"


class TokenState(models.TextChoices):
    """`retired`: a command-line login that may finish the work it began, and begin none."""

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"
    EXPIRED = "expired"


class EndReason(models.TextChoices):
    """Why a token ended, beside the names of credential changes (accounts.credentials.Change), which stand as is."""

    REVOKED = "revoked-by-its-owner", "revoked by its owner"
    LOGGED_OUT = "logged-out", "logged out"
    REPEATED = "login-repeated", "the login was repeated"
    EXPIRED = "expired", "expired"


def reason_words(why: str) -> str:
    """Return why a token ended, as people read it: an EndReason or a credential change."""
    return EndReason(why).label if why in EndReason.values else label_of(why)


class TokenQuerySet(models.QuerySet["Token"]):
    """Questions about tokens. What "live" means stands here once."""

    def of(self, user: User) -> Self:
        """The tokens of one person."""
        return self.filter(user=user)

    def live(self) -> Self:
        """What authenticates now."""
        return self.filter(state=TokenState.ACTIVE, expires__gt=timezone.now())

    def with_authority(self) -> Self:
        """What can still do something: live tokens, and retired ones, on which begun work may go on."""
        return self.filter(state__in=[TokenState.ACTIVE, TokenState.RETIRED], expires__gt=timezone.now())

    def due(self) -> Self:
        """Past its end, and not yet marked so."""
        return self.filter(state__in=[TokenState.ACTIVE, TokenState.RETIRED], expires__lte=timezone.now())

    def ended_since(self, moment: datetime) -> Self:
        """Revoked, or past its end (marked so or not), since `moment`."""
        over = models.Q(ended_at__gte=moment) | models.Q(expires__gte=moment)
        revoked = models.Q(state__in=[TokenState.REVOKED, TokenState.EXPIRED])
        return self.filter(revoked | models.Q(expires__lte=timezone.now())).filter(over)

    def ended_as(self, state: TokenState) -> Self:
        """Revoked, or expired (marked so or not)."""
        return self.filter(state=state) if state == TokenState.REVOKED else self.filter(state=state) | self.due()

    def labelled_like(self, text: str) -> Self:
        """Tokens whose label contains `text`, in any case."""
        return self.filter(label__icontains=text) if text else self

    def live_first(self) -> Self:
        """Live tokens before retired ones, the newest first."""
        rank = models.Case(models.When(state=TokenState.ACTIVE, then=0), default=1, output_field=models.IntegerField())
        return self.order_by(rank, "-created", "-pk")

    def pick(self, public_ids: Iterable[str]) -> list["Token"]:
        """Return the tokens of these ids, in the order of labels; raise TokenNotFound where one is missing (TOK-11)."""
        wanted = set(public_ids)
        # The form is checked first: the database would stumble over some texts, NUL for one.
        if not all(is_public_id(one, "token") for one in wanted):
            raise TokenNotFound()
        found = list(self.filter(public_id__in=wanted).order_by("label", "pk"))
        if len(found) != len(wanted):
            raise TokenNotFound()
        return found


class Token(models.Model):
    """A person's authority for scripts. Of its text only the digest is kept."""

    public_id = models.CharField(max_length=32, unique=True, default=new_token_id)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=3, choices=TokenKind.choices)
    label = models.CharField(max_length=limits.LABEL_MAX_CHARS)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=limits.PREFIX_SHOWN_CHARS)
    state = models.CharField(max_length=7, choices=TokenState.choices, default=TokenState.ACTIVE)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)
    made_ip = models.GenericIPAddressField(null=True)
    made_agent = models.CharField(max_length=512, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    ended_ip = models.GenericIPAddressField(null=True)
    end_why = models.CharField(max_length=40, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "label"], condition=models.Q(state="active"), name="tokens_label_unique_while_active"),
            models.CheckConstraint(condition=models.Q(expires__gt=models.F("created")), name="tokens_not_dead_at_birth"),
            models.CheckConstraint(
                condition=models.Q(state="active", ended_at=None) | (~models.Q(state="active") & models.Q(ended_at__isnull=False)),
                name="tokens_end_is_recorded",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "state"], name="tokens_of_user"),
            models.Index(fields=["user", "made_ip"], condition=models.Q(kind="cli"), name="tokens_cli_made_from"),
            models.Index(fields=["expires"], condition=models.Q(state__in=["active", "retired"]), name="tokens_due"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def is_over(self) -> bool:
        """Whether its time is over, marked so or not (TOK-09: dead at `expires`)."""
        return timezone.now() >= self.expires

    @property
    def kind_label(self) -> str:
        """ "API token", "CLI login" or "Job token"."""
        return TokenKind(self.kind).label

    @property
    def state_word(self) -> str:
        """The state as it is now: a token past its end is expired before the worker has marked it."""
        if self.is_over and self.state in (TokenState.ACTIVE, TokenState.RETIRED):
            return TokenState.EXPIRED.value
        return self.state

    @property
    def end_words(self) -> str:
        """Why it ended, as people read it; empty while it lives."""
        return reason_words(self.end_why)
