"""State of organizations: members, and the policies an administrator sets."""

from typing import Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from accounts.models import User

HANDLE_MAX_CHARS = 30
NAME_MAX_CHARS = 150
AUTO_LOGOUT_MAX_MINUTES = 24 * 60


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Questions about organizations."""

    def of(self, user: User) -> Self:
        """The organizations that this person belongs to."""
        return self.filter(memberships__user=user)

    def with_second_factor_rule(self) -> Self:
        """Those that require two-factor authentication, the one that does so first at the head."""
        return self.exclude(second_factor_from=None).order_by("second_factor_from", "pk")


class Organization(models.Model):
    """A company, a lab. `auto_logout_after_minutes` replaces the house's idle limit for members; None: no policy."""

    handle = models.CharField(max_length=HANDLE_MAX_CHARS, unique=True, validators=[RegexValidator(r"^[a-z][a-z0-9._]{2,29}\Z")])
    name = models.CharField(max_length=NAME_MAX_CHARS)
    # From this moment on members can do nothing before they have set two-factor authentication up; None: it is theirs to choose.
    second_factor_from = models.DateTimeField(null=True, blank=True)
    auto_logout_after_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    created = models.DateTimeField(default=timezone.now)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(auto_logout_after_minutes=None)
                | models.Q(auto_logout_after_minutes__range=(1, AUTO_LOGOUT_MAX_MINUTES)),
                name="orgs_auto_logout_1_minute_to_24_hours",
            )
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


class Membership(models.Model):
    """A person in an organization, once at most."""

    org = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    level = models.CharField(max_length=6, choices=OrgLevel.choices, default=OrgLevel.MEMBER)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["org", "user"], name="orgs_member_once"),
            models.CheckConstraint(condition=models.Q(level__in=OrgLevel.values), name="orgs_level_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.org}"
