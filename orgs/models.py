"""State of organizations: members, invitations, the policies an administrator sets, and those that they try out first."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from accounts.audit import Event
from accounts.ids import ID_PATTERN, new_id
from accounts.models import SecurityEvent, User
from accounts.support import GROUP
from orgs import limits

HANDLE_PATTERN = r"[a-z][a-z0-9._]{2,29}"


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Questions about organizations."""

    def of(self, user: User) -> Self:
        """The organizations that this person belongs to."""
        return self.filter(memberships__user=user)

    def with_second_factor_rule(self) -> Self:
        """Those that require two-factor authentication, the one that does so first at the head."""
        return self.exclude(second_factor_from=None).order_by("second_factor_from", "pk")


class Organization(models.Model):
    """A company, a lab. Its policies hold for every member; None means that it has none of that kind."""

    handle = models.CharField(max_length=limits.HANDLE_MAX_CHARS, unique=True, validators=[RegexValidator(rf"^{HANDLE_PATTERN}\Z")])
    name = models.CharField(max_length=limits.NAME_MAX_CHARS)
    # From this moment on members can do nothing before they have set two-factor authentication up; None: it is theirs to choose.
    # It is the moment at which the rule was made, and the grace period.
    second_factor_from = models.DateTimeField(null=True, blank=True)
    second_factor_grace_days = models.PositiveSmallIntegerField(default=limits.GRACE_DEFAULT_DAYS, db_default=limits.GRACE_DEFAULT_DAYS)
    auto_logout_after_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    longest_token_life_days = models.PositiveSmallIntegerField(null=True, blank=True)
    tokens_allowed = models.BooleanField(default=True, db_default=True)
    # How long a member can object before support takes two-factor authentication off; None: as the house has it (ADM-05).
    reset_wait_hours = models.PositiveSmallIntegerField(null=True, blank=True)
    policies_changed = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(auto_logout_after_minutes=None)
                | models.Q(auto_logout_after_minutes__range=(limits.AUTO_LOGOUT_LEAST_MINUTES, limits.AUTO_LOGOUT_MOST_MINUTES)),
                name="orgs_auto_logout_1_minute_to_24_hours",
            ),
            models.CheckConstraint(
                condition=models.Q(longest_token_life_days=None)
                | models.Q(longest_token_life_days__range=(1, limits.TOKEN_LIFE_MOST_DAYS)),
                name="orgs_token_life_1_to_365_days",
            ),
            models.CheckConstraint(
                condition=models.Q(reset_wait_hours=None) | models.Q(reset_wait_hours__range=(1, limits.RESET_WAIT_MOST_HOURS)),
                name="orgs_reset_wait_1_to_24_hours",
            ),
            models.CheckConstraint(
                condition=models.Q(second_factor_grace_days__lte=limits.GRACE_MOST_DAYS), name="orgs_grace_0_to_90_days"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """`org-<handle>`, the id in REST and in the dx protocol."""
        return f"org-{self.handle}"


class OrgLevel(models.TextChoices):
    """What a member may do in the organization itself."""

    MEMBER = "MEMBER"
    ADMIN = "ADMIN"


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Questions about members."""

    def admins(self) -> Self:
        """Those who set the rules, and can sign in."""
        return self.filter(level=OrgLevel.ADMIN, user__is_active=True)

    def ruled_anew_since(self, moment: datetime) -> Self:
        """Those for whom other policies may hold than at `moment`: the organization set some, or they joined it."""
        return self.filter(models.Q(org__policies_changed__gt=moment) | models.Q(created__gt=moment))


class Membership(models.Model):
    """A person in an organization, once at most."""

    org = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    level = models.CharField(max_length=6, choices=OrgLevel.choices, default=OrgLevel.MEMBER)
    created = models.DateTimeField(default=timezone.now)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["org", "user"], name="orgs_member_once"),
            models.CheckConstraint(condition=models.Q(level__in=OrgLevel.values), name="orgs_level_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.org}"

    @property
    def is_admin(self) -> bool:
        """Whether this member sets the rules."""
        return self.level == OrgLevel.ADMIN


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Questions about invitations."""

    def pending(self) -> Self:
        """Neither accepted, nor declined, nor withdrawn, in time or not; at most one of an address."""
        return self.filter(state=Invitation.State.PENDING)

    def alive(self, now: datetime) -> Self:
        """Pending, and within their 7 days."""
        return self.pending().filter(expires__gt=now)

    def usable(self, now: datetime) -> Self:
        """Alive, and still meant: whoever made it is an admin yet, or of support, and has not secured their account since then."""
        by = models.OuterRef("invited_by")
        admins = Membership.objects.admins().filter(org=models.OuterRef("org"), user=by)
        in_group = models.Exists(User.groups.through.objects.filter(user=by, group__name=GROUP))
        staff = models.Q(invited_by__is_active=True, invited_by__is_staff=True)
        secured = SecurityEvent.objects.filter(subject=by, event=Event.ACCOUNT_SECURED.value, at__gt=models.OuterRef("created"))
        by_support = staff & (models.Q(invited_by__is_superuser=True) | in_group) & models.Q(by_support=True)
        by_admin = models.Q(models.Exists(admins), by_support=False)
        return self.alive(now).filter(by_support | by_admin).exclude(models.Exists(secured))

    def meant_for(self, org: Organization, user: User) -> Self:
        """The pending ones of `org` that `user` could accept, by account or by address."""
        return self.pending().filter(models.Q(user=user) | models.Q(user=None, email=user.email), org=org)

    def pick(self, public_id: str) -> Self:
        """The one of this id, if `public_id` can be an id at all (a database may refuse other text)."""
        return self.filter(public_id=public_id) if ID_PATTERN.fullmatch(public_id) else self.none()


class Invitation(models.Model):
    """A mailed link that makes whoever holds `email` a member: single use, 7 days, nothing before it is accepted (ORG-06).

    `user` is set where a username was invited: then that account alone can accept, whatever its address is by then.
    """

    class State(models.TextChoices):
        """Only a pending one can do anything."""

        PENDING = "pending"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"
        REPLACED = "replaced"

    public_id = models.CharField(max_length=32, unique=True, default=new_id)
    org = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=limits.EMAIL_MAX_CHARS)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    level = models.CharField(max_length=6, choices=OrgLevel.choices, default=OrgLevel.MEMBER)
    key_digest = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    # Then nobody may accept it on whom that member of support may not act, themself first of all.
    by_support = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(db_index=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["org", "email"], condition=models.Q(state="pending"), name="orgs_one_pending_invitation"),
            models.CheckConstraint(condition=models.Q(level__in=OrgLevel.values), name="orgs_invited_level_known"),
        ]

    def __str__(self) -> str:
        return f"{self.state}, to {self.org_id}"


class Policy(models.TextChoices):
    """The policies, by their names in REST; the label is what pages call them."""

    AUTO_LOGOUT = "autoLogoutAfter", "Sign out after inactivity"
    SECOND_FACTOR = "require2fa", "Two-factor authentication"
    TOKEN_LIFE = "longestTokenLife", "Longest token life"  # noqa: S105  (a name)
    TOKENS = "tokensAllowed", "API tokens"


class Rehearsal(models.Model):
    """A policy that does nothing yet and counts whom it would have hit (N5). `value`: minutes or days; None where it is a yes or no."""

    org = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="rehearsals")
    policy = models.CharField(max_length=20, choices=Policy.choices)
    value = models.PositiveSmallIntegerField(null=True)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["org", "policy"], name="orgs_one_rehearsal_of_a_policy"),
            models.CheckConstraint(condition=models.Q(policy__in=Policy.values), name="orgs_rehearsed_policy_known"),
        ]

    def __str__(self) -> str:
        return f"{self.policy} of {self.org_id}, report only"


class RehearsalHit(models.Model):
    """A member whom a rehearsed policy would have hit, and how often."""

    rehearsal = models.ForeignKey(Rehearsal, on_delete=models.CASCADE, related_name="hits")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    times = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rehearsal", "user"], name="orgs_hit_once_a_member")]

    def __str__(self) -> str:
        return f"user {self.user_id}, {self.times} times"
