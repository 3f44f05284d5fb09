"""Support's door to this room: the organizations of a person, and what of them would be left without an admin (S8.2)."""

from django.db.models import Exists, OuterRef

from accounts.desk import Panel
from accounts.models import User
from orgs import limits
from orgs.models import Membership, OrgLevel


def panel(person: User) -> Panel:
    """Return the organizations that they are a member of, each with its policies."""
    rows = list(Membership.objects.filter(user=person).select_related("org").order_by("org__name", "pk")[: limits.PAGE_ROWS + 1])
    return {"template": "admin/_orgs.html", "rows": rows[: limits.PAGE_ROWS], "is_more": len(rows) > limits.PAGE_ROWS}


def without_admin(person: User) -> list[str]:
    """Return a sentence for each organization whose only admin who can sign in is `person`, the first 25."""
    others = Membership.objects.filter(org=OuterRef("org")).admins().exclude(user=person)
    alone = Membership.objects.filter(user=person, level=OrgLevel.ADMIN).exclude(Exists(others))
    names = alone.order_by("org__name").values_list("org__name", flat=True)[: limits.PAGE_ROWS]
    return [f"{name} is left without an admin who can sign in: make somebody else ADMIN there." for name in names]
