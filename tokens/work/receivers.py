"""What this room does when tokens end, and what it answers when a room below asks. Runs inside the sender's transaction (DESIGN 2.1)."""

from typing import Any

from django.db.models import QuerySet
from django.dispatch import receiver

from accounts.audit import Actor
from accounts.credentials import Casualties
from accounts.models import User
from orgs.projects.models import Folder, Project
from orgs.projects.signals import contents_asked, folders_going, project_going, project_work_asked
from tokens import flows
from tokens.models import EndReason, Token
from tokens.running import Running
from tokens.signals import running_asked, token_expired, token_revoked, work_asked
from tokens.work import endings, events, overview, words
from tokens.work.models import FileInProject, Job, Reason


@receiver(token_revoked, dispatch_uid="work.end_what_ran")
def end_what_ran(*, tokens: list[Token], actor: Actor, why: str, **kwargs: object) -> list[Casualties]:
    """Fail the jobs and transfers of revoked tokens with AuthError; return them (JOB-02)."""
    return endings.end_with_tokens(tokens, why=why, actor=actor)


@receiver(token_expired, dispatch_uid="work.end_with_expired")
def end_with_expired(*, tokens: list[Token], actor: Actor, **kwargs: object) -> list[Casualties]:
    """Fail the jobs and transfers of expired tokens with AuthError."""
    return endings.end_with_tokens(tokens, why=EndReason.EXPIRED.value, actor=actor)


@receiver(work_asked, dispatch_uid="work.would_end")
def would_end(*, tokens: list[Token], **kwargs: object) -> list[Casualties]:
    """Return what would end with these tokens."""
    return endings.casualties(endings.on_tokens(tokens))


@receiver(running_asked, dispatch_uid="work.runs_on")
def runs_on(*, tokens: list[Token], **kwargs: object) -> list[tuple[int, Running]]:
    """Return what runs on each of these tokens."""
    return overview.running_on(tokens)


@receiver(contents_asked, dispatch_uid="work.files_in")
def files_in(*, folders: "QuerySet[Folder]", **kwargs: object) -> int:
    """Return how many files are in these folders."""
    return FileInProject.objects.standing().filter(folder__in=folders).count()


@receiver(project_work_asked, dispatch_uid="work.runs_in_project")
def runs_in_project(*, project: Project, **kwargs: object) -> list[Casualties]:
    """Return what runs in a project."""
    return endings.casualties(lambda rows: rows.filter(project=project))


@receiver(folders_going, dispatch_uid="work.end_in_folders")
def end_in_folders(*, project: Project, folders: list[int], actor: Actor, **kwargs: object) -> None:
    """End the transfers of files that go with their folders."""
    files = dict(FileInProject.objects.filter(project=project, folder__in=folders).values_list("file", "name"))
    endings.end_with_files(project, list(files), actor=actor)
    events.record_removed(project, list(files.values()), actor=actor)


@receiver(project_going, dispatch_uid="work.end_in_project")
def end_in_project(*, project: Project, actor: Actor, **kwargs: Any) -> None:
    """End what runs in a project that is deleted now, and the tokens of its jobs; each person's log tells them of theirs."""
    why = EndReason.PROJECT.value
    jobs = list(Job.objects.running().filter(project=project).select_related("token"))
    for user_id in sorted({job.user_id for job in jobs}):
        User.objects.lock(user_id)  # before the jobs, as whoever revokes their tokens does
    endings.end_for_each(lambda rows: rows.filter(project=project), reason=Reason.ENDED, message=words.deleted, why=why, actor=actor)
    flows.revoke(tokens=[job.token for job in jobs], actor=actor, why=why)
