"""State of the tokens room: one table, of which a dump opens nothing."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.credentials import label_of
from accounts.ids import is_public_id, new_public_id
from accounts.models import User
from orgs.models import Organization
from orgs.projects.models import Level, Project
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
    """`retired`: may finish the work it began, and begin none: a command-line login after a credential change, a token that another
    one has replaced.
    """

    ACTIVE = "active"
    RETIRED = "retired"
    REVOKED = "revoked"
    EXPIRED = "expired"


class EndReason(models.TextChoices):
    """Why a token, or work on it, ended, beside the names of credential changes (accounts.credentials.Change), which stand as is."""

    REVOKED = "revoked-by-its-owner", "revoked by its owner"
    LOGGED_OUT = "logged-out", "logged out"
    REPEATED = "login-repeated", "the login was repeated"
    EXPIRED = "expired", "expired"
    REPLACED = "replaced", "replaced by a new token"
    PARENT = "parent-ended", "the token that made it ended"
    JOB = "job-ended", "its job ended"
    ENDED = "ended-by-hand", "ended by hand"
    LEASE = "lease-over", "its executor was not heard of"
    IDLE = "idle", "nothing was heard of it"
    PROJECT = "project-deleted", "its project was deleted"
    ACCESS = "access-lost", "access to its project was taken away"
    SUPPORT = "revoked-by-support", "revoked by support"
    RESTORED = "restored", "the server was restored from a backup"


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
        now = timezone.now()
        return self.filter(_not_before("retires_at", now), state=TokenState.ACTIVE, expires__gt=now)

    def reaching(self, org: Organization | int) -> Self:
        """Those that reach all projects, or a project of `org`."""
        of_org = TokenProject.objects.filter(token=models.OuterRef("pk"), project__org=org)
        return self.filter(models.Q(everywhere__isnull=False) | models.Exists(of_org))

    def with_authority(self) -> Self:
        """What can still do something: live tokens, and retired ones, on which begun work may go on."""
        return self.filter(state__in=[TokenState.ACTIVE, TokenState.RETIRED], expires__gt=timezone.now())

    def due(self) -> Self:
        """Past its end, and not yet marked so."""
        return self.filter(state__in=[TokenState.ACTIVE, TokenState.RETIRED], expires__lte=timezone.now())

    def labels_taken(self) -> set[str]:
        """The labels that no new token of these people can have."""
        return set(self.filter(state=TokenState.ACTIVE).values_list("label", flat=True))

    def replaced(self) -> Self:
        """Active, though another one has replaced them, and the overlap is over."""
        return self.filter(state=TokenState.ACTIVE, retires_at__lte=timezone.now())

    def tried_lately(self) -> Self:
        """Dead API tokens that somebody tried in the last days, the latest try first: their owner is to know.

        A command-line login that has ended is tried by the next command of its owner; that is no alarm.
        """
        since = timezone.now() - timedelta(days=limits.TRIED_SHOWN_DAYS)
        return self.filter(kind=TokenKind.API, tried_at__gte=since).order_by("-tried_at")

    def ended_since(self, moment: datetime) -> Self:
        """Revoked, or past its end (marked so or not), since `moment`."""
        over = models.Q(ended_at__gte=moment) | models.Q(expires__gte=moment)
        revoked = models.Q(state__in=[TokenState.REVOKED, TokenState.EXPIRED])
        return self.filter(revoked | models.Q(expires__lte=timezone.now())).filter(over)

    def ended_as(self, state: TokenState) -> Self:
        """Revoked, or expired (marked so or not)."""
        return self.filter(state=state) if state == TokenState.REVOKED else self.filter(state=state) | self.due()

    def matching(self, text: str) -> Self:
        """Tokens whose label, or the name of a project in whose scope they are, contains `text`, in any case."""
        if not text:
            return self
        of_project = TokenProject.objects.filter(token=models.OuterRef("pk"), project__name__icontains=text)
        return self.filter(models.Q(label__icontains=text) | models.Exists(of_project))

    def in_order(self, by: str) -> Self:
        """In an order of `ORDERS`, a minus before it for the other way round; live tokens stand before retired ones."""
        column = ORDERS[by.removeprefix("-")]
        term = models.F(column)
        chosen = term.desc(nulls_last=True) if by.startswith("-") else term.asc(nulls_first=True)
        rank = models.Case(models.When(state=TokenState.ACTIVE, then=0), default=1, output_field=models.IntegerField())
        return self.order_by(rank, chosen, "-pk")

    def with_scope(self) -> Self:
        """The same, with the projects of their scopes fetched along: one query for all of them."""
        entries = TokenProject.objects.select_related("project").order_by("project__name", "pk")
        return self.prefetch_related(models.Prefetch("projects", queryset=entries))

    def with_tally(self, user: User) -> Self:
        """The same, each row with what the tab of `user` says of all their tokens: so the list needs no query for it.

        `live_count`, and `tried_token`: the id of the row of a dead API token that somebody tried lately, None without one.
        """
        mine = Token.objects.of(user)
        live = mine.live().order_by().values("user").annotate(rows=models.Count("pk")).values("rows")
        tried = models.Subquery(mine.tried_lately().values("pk")[:1])
        return self.annotate(live_count=Coalesce(models.Subquery(live), 0), tried_token=tried)

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


# How a list of tokens can be ordered, and by which column (API-03: never by what a request names).
ORDERS = {"label": "label", "created": "created", "expires": "expires", "used": "last_used_at"}


def _not_before(column: str, now: datetime) -> models.Q:
    return models.Q(**{column: None}) | models.Q(**{f"{column}__gt": now})


class Token(models.Model):
    """A person's authority for scripts. Of its text only the digest is kept.

    `everywhere` is the most that it can have in any project of its owner's; None: it reaches only the projects of its scope
    (TokenProject). `parent` made it, and takes it along when it ends. `replaces` is the token that it was rotated from, which has
    the end of the overlap in `retires_at`.
    """

    # Set by TokenQuerySet.with_tally.
    live_count: int
    tried_token: int | None

    public_id = models.CharField(max_length=32, unique=True, default=new_token_id)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=3, choices=TokenKind.choices)
    label = models.CharField(max_length=limits.LABEL_MAX_CHARS)
    digest = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=limits.PREFIX_SHOWN_CHARS)
    state = models.CharField(max_length=7, choices=TokenState.choices, default=TokenState.ACTIVE)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    everywhere = models.PositiveSmallIntegerField(
        choices=Level.choices, null=True, default=Level.ADMINISTER, db_default=Level.ADMINISTER.value
    )
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="children")
    replaces = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, related_name="replaced_by")
    retires_at = models.DateTimeField(null=True)
    reminded_days = models.PositiveSmallIntegerField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.GenericIPAddressField(null=True)
    made_ip = models.GenericIPAddressField(null=True)
    made_agent = models.CharField(max_length=512, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    ended_ip = models.GenericIPAddressField(null=True)
    end_why = models.CharField(max_length=40, blank=True)
    # When somebody tried it after its end, from where, and how often that was noted.
    tried_at = models.DateTimeField(null=True)
    tried_ip = models.GenericIPAddressField(null=True)
    tries = models.PositiveIntegerField(default=0, db_default=0)

    objects = TokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "label"], condition=models.Q(state="active"), name="tokens_label_unique_while_active"),
            models.CheckConstraint(
                condition=models.Q(everywhere=None) | models.Q(everywhere__in=Level.values), name="tokens_everywhere_known"
            ),
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
            models.Index(fields=["retires_at"], condition=models.Q(state="active", retires_at__isnull=False), name="tokens_retiring"),
            models.Index(fields=["state", "-id"], name="tokens_in_state"),
            models.Index(fields=["kind", "-id"], name="tokens_of_kind"),
            models.Index(fields=["user", "tried_at"], condition=models.Q(tried_at__isnull=False), name="tokens_tried"),
        ]

    def __str__(self) -> str:
        return self.label

    def lives_at(self, now: datetime) -> bool:
        """Whether it authenticates at `now`."""
        return self.state == TokenState.ACTIVE and now < self.expires and (self.retires_at is None or now < self.retires_at)

    @property
    def is_over(self) -> bool:
        """Whether its time is over, marked so or not (TOK-09: dead at `expires`)."""
        return timezone.now() >= self.expires

    @property
    def end_of_use(self) -> datetime:
        """From when on nothing new begins on it, as far as that is known: its expiry, or the end of its overlap with a new text."""
        return self.expires if self.retires_at is None else min(self.expires, self.retires_at)

    @property
    def renewed_itself(self) -> bool:
        """Whether it is a later text of its own parent: what a replaced token made went over to its successor, but for these."""
        return self.replaces_id is not None and self.parent is not None and self.parent.retires_at is not None

    @property
    def is_replaced(self) -> bool:
        """Whether another token has replaced it and the overlap is over, marked so or not."""
        return self.retires_at is not None and timezone.now() >= self.retires_at

    @property
    def is_authority(self) -> bool:
        """Whether it can still do something: live, or retired with work that may go on."""
        return self.state_word in (TokenState.ACTIVE, TokenState.RETIRED)

    @property
    def can_rotate(self) -> bool:
        """Whether a new token can take its place: API tokens that live and that no other has replaced."""
        return self.kind == TokenKind.API and self.state_word == TokenState.ACTIVE and self.retires_at is None

    @property
    def is_reminded(self) -> bool:
        """Whether its owner is mailed seven days before its end."""
        lasts_days = (self.expires - self.created).total_seconds() / (24 * limits.HOUR_SECONDS)
        return self.kind == TokenKind.API and self.retires_at is None and lasts_days > max(limits.REMINDED_DAYS)

    @property
    def reads_account(self) -> bool:
        """Whether it reaches the account beside the projects: not where projects were chosen for it, and no job's (TOK-07, JOB-05)."""
        return self.everywhere is not None and self.kind != TokenKind.JOB

    @property
    def everywhere_label(self) -> str:
        """The word for the most that it can have in any project; empty where projects were chosen."""
        return "" if self.everywhere is None else Level(self.everywhere).label

    @property
    def kind_label(self) -> str:
        """ "API token", "CLI login" or "Job token"."""
        return TokenKind(self.kind).label

    @property
    def state_word(self) -> str:
        """The state as it is now: a token past its end is expired before the worker has marked it."""
        if self.is_over and self.state in (TokenState.ACTIVE, TokenState.RETIRED):
            return TokenState.EXPIRED.value
        if self.is_replaced and self.state == TokenState.ACTIVE:
            return TokenState.RETIRED.value
        return self.state

    @property
    def end_words(self) -> str:
        """Why it ended, as people read it; empty while it lives."""
        return reason_words(self.end_why)


class TokenProject(models.Model):
    """One project in the scope of a token, and the most that the token can have there."""

    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="projects")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="token_scopes")
    level = models.PositiveSmallIntegerField(choices=Level.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "project"], name="tokens_project_once"),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="tokens_level_known"),
        ]

    def __str__(self) -> str:
        return f"{self.level_label} on {self.project_id}"

    @property
    def level_label(self) -> str:
        """The word for the level."""
        return Level(self.level).label


class IdempotencyKey(models.Model):
    """A POST that made something, under the key that its sender gave: a repeat makes nothing, and is told what the first one made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key_digest = models.CharField(max_length=64)
    body_digest = models.CharField(max_length=64)
    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key_digest"], name="tokens_idempotency_key_once")]

    def __str__(self) -> str:
        return f"of user {self.user_id}, made token {self.token_id}"
