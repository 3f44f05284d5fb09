"""Support's door to projects: how many a person has. What is in them is no matter of support's (S8.4)."""

from django.db.models import Count, Q

from accounts.desk import Panel
from accounts.models import User
from orgs.projects.models import Level, ProjectMember


def panel(person: User) -> Panel:
    """Return how many projects they are a member of, and how many of these they administer. One query."""
    of_theirs = ProjectMember.objects.filter(user=person)
    counts = of_theirs.aggregate(every=Count("pk"), administered=Count("pk", filter=Q(level=Level.ADMINISTER)))
    return {"template": "admin/_projects.html", **counts}
