"""The end of all tokens of a person with much running, among many tokens."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.audit import Actor
from accounts.digests import digest
from accounts.models import User
from orgs.projects.models import Level, Project, ProjectMember
from tokens import flows
from tokens.models import Token, TokenKind
from tokens.work.models import File, Job, Transfer, TransferKind


def case(jobs: int) -> Callable[[], Callable[[], object]]:
    """Return a case of the bench: each time it ends the work of somebody new who has so many jobs and as many uploads."""
    numbers = itertools.count(jobs * 1000)

    def prepared() -> Callable[[], object]:
        user = _busy_person(jobs, f"busy{next(numbers)}")
        return lambda: _end(user, 2 * jobs)

    return prepared


def _end(user: User, work: int) -> None:
    ended = flows.revoke_all(user=user, actor=Actor(user, "web"), why="password-changed")
    assert sum(one.count for one in ended.work) == work, ended.work


def _busy_person(count: int, name: str) -> User:
    now = timezone.now()
    user: User = User.objects.create(username=name, email=f"{name}@example.com", password="!")  # noqa: S106  (nobody signs in)
    project = Project.objects.create(name=name, billed_to=user, created_by=user)
    ProjectMember.objects.create(project=project, user=user, level=Level.ADMINISTER)
    common: dict[str, Any] = {"user": user, "prefix": "ght_0000", "expires": now + timedelta(days=30)}
    launching = Token.objects.create(**common, kind=TokenKind.API, label="launching", digest=digest(name))
    of_jobs = [
        Token(**common, kind=TokenKind.JOB, label=f"job {number}", digest=digest(f"{name} {number}"), parent=launching)
        for number in range(count)
    ]
    Token.objects.bulk_create(of_jobs)
    running: dict[str, Any] = {"user": user, "project": project}
    Job.objects.bulk_create(
        Job(**running, token=token, name=f"job {number}", leased_until=now + timedelta(hours=1)) for number, token in enumerate(of_jobs)
    )
    files = File.objects.bulk_create(File(created_by=user) for _ in range(count))
    Transfer.objects.bulk_create(
        Transfer(**running, token=launching, name=f"upload {number}", kind=TransferKind.UPLOAD, file=file)
        for number, file in enumerate(files)
    )
    return user
