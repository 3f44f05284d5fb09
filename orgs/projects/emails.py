"""The mails of this room. Each function writes rows into the outbox of the present transaction; none sends."""

import re

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.audit import Actor
from accounts.models import User
from accounts.outbox import Letter
from orgs.projects.models import Level, Project

# Whoever makes a project names it, and can mail the name to others: words stand in the mail, addresses and sentences do not.
_PLAIN_NAME = re.compile(r"[\w -]{1,60}")


def added_to_project(user: User, *, project: Project, level: Level, actor: Actor) -> None:
    """The notice to a new member: who added them, to what, and what they can do there."""
    letter = Letter(to=user.email, subject="You were added to a project", template="projects/mail/added_to_project", user=user)
    link = settings.SITE_URL + reverse("projects:project", kwargs={"project_id": project.public_id})
    plain_name = project.name if _PLAIN_NAME.fullmatch(project.name) else ""
    outbox.write(letter, project=project, level=level.label, by=actor.user, link=link, plain_name=plain_name)
