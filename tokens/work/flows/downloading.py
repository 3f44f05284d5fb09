"""A download session: one row for all the ranges that a client asks for."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor
from orgs.projects import access
from orgs.projects.models import Level
from tokens.caller import Caller
from tokens.work import authority, finding, limits
from tokens.work.errors import FileNotClosed
from tokens.work.models import Transfer, TransferKind, TransferState


def begin_download(*, caller: Caller, file_id: str, project_hint: str | None, by_link: bool, actor: Actor) -> Transfer:
    """Return the download of a file: the one that this token has under way, or a new one.

    With `by_link` the address alone will open it, for 15 minutes from its beginning; else until nothing was read for so long. Raises
    FileNotFound, FileNotClosed, and a DeadToken where the token ended meanwhile.
    """
    with transaction.atomic():
        project = finding.place_of(caller, file_id, hint=project_hint).project
        access.lock(caller, project.public_id, Level.VIEW)  # or it would be deleted under a download that has just begun
        place = finding.place_of(caller, file_id, hint=project.public_id)
        if not place.file.is_closed:
            raise FileNotClosed(file=place.file.public_id)
        authority.hold_live(caller.token)
        since = timezone.now() - timedelta(seconds=limits.GRANT_SECONDS)
        alive = Transfer.objects.filter(
            kind=TransferKind.DOWNLOAD, token=caller.token, file=place.file, project=place.project, by_link=by_link
        ).exclude(state=TransferState.FAILED)
        alive = alive.filter(started__gt=since) if by_link else alive.filter(last_at__gt=since)
        known = alive.order_by("-pk").first()
        return known or Transfer.objects.create(
            kind=TransferKind.DOWNLOAD, file=place.file, user=caller.user, token=caller.token, project=place.project, name=place.name,
            total=place.file.size, by_link=by_link, address=actor.ip, agent=actor.user_agent,
        )  # fmt: skip
