"""The end of all tokens of a person with much running, among many tokens. bench.work_child runs it in a process of its own."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from accounts.audit import Actor
from accounts.digests import digest
from accounts.models import User
from bench import rows_product
from bench.seeding import roomy
from bench.sizes import Sizes
from orgs.projects.models import Level, Project, ProjectMember
from tokens import flows
from tokens.models import Token, TokenKind
from tokens.work.models import File, Job, Transfer, TransferKind

FEW = 10
PEOPLE = 10_000


def measured(tokens: int, jobs: int) -> list[dict[str, Any]]:
    """Fill the tables, then end the work of two people, once with little and once with much running; return what each took."""

    with roomy():
        rows_product.seed(Sizes(users=PEOPLE, tokens=tokens))
    return [_ended(work) for work in (FEW, jobs)]


def _ended(count: int) -> dict[str, Any]:
    user = _busy_person(count)
    seen: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    began = time.perf_counter()
    with connection.execute_wrapper(note):
        ended = flows.revoke_all(user=user, actor=Actor(user, "web"), why="password-changed")
    took = time.perf_counter() - began
    assert sum(one.count for one in ended.work) == 2 * count, ended.work
    return {"ms": took * 1000, "statements": len(seen), "tokens": len(ended.tokens), "work": 2 * count}


def _busy_person(count: int) -> User:

    now, name = timezone.now(), f"busy{count}"
    # With a key of its own: the others were inserted with theirs, of which a sequence knows nothing.
    user: User = User.objects.create(pk=PEOPLE + count, username=name, email=f"{name}@example.com", password="!")  # noqa: S106  (nobody signs in)
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
