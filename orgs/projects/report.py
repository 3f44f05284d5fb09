"""The section of this room in the report of what was touched (accounts.reporting)."""

from datetime import datetime

from accounts.models import User
from accounts.reporting import Section
from orgs.report import acted


def changes(user: User, since: datetime) -> Section:
    """Return what the person, or whoever acted as them, did to projects and their members. One query."""
    return acted(
        user, since, family="project.", title="Projects and members", empty="No project was made, changed or shared by you."
    )  # fmt: skip
