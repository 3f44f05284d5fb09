"""Scripts' door to projects (DRF)."""

from typing import cast

from rest_framework.request import Request

from accounts.api import actor_of
from orgs.projects.access import HasAccess, Person


def caller_of(request: Request) -> HasAccess:
    """Return who asks over REST: the caller that the bearer made, or the person of the web session."""
    caller = cast(HasAccess | None, request.auth)  # the authentication class is a dotted path to a floor above
    if caller is not None:
        return caller
    actor = actor_of(request)
    assert actor.user is not None  # noqa: S101  (every view here needs a login)
    return Person(user=actor.user, actor=actor)
