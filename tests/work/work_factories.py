"""Work for tests: jobs, through REST as an executor registers them; transfers as rows, for tests of how they end."""

from typing import Any

from accounts.models import User
from orgs.projects.models import Project
from tests.tokens.doors import rest
from tests.tokens.factories import token_and_text
from tokens.models import Token
from tokens.work.models import File, FileInProject, FileState, Job, Transfer, TransferKind

JOBS = "/api/v1/jobs/"


def job_of(user: User, project: Project, text: str | None = None, *, name: str = "align reads", **said: Any) -> tuple[Job, str]:
    """Register a job of `user` in `project` with the token `text` (by default a new one); return its row and the text of its token."""
    presented = token_and_text(user=user)[1] if text is None else text
    answer: Any = rest("POST", JOBS, presented, {"name": name, "project": project.public_id, **said})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    return Job.objects.select_related("token", "user", "project").get(public_id=made["id"]), made["token"]


def transfer_of(token: Token, project: Project, kind: TransferKind = TransferKind.UPLOAD, *, name: str = "", **fields: Any) -> Transfer:
    """Return a running upload (of an open file) or download (of a closed one of 1,000 bytes) that `token` carries, made as rows."""
    name = name or f"{kind.value}.bin"
    uploads = kind == TransferKind.UPLOAD
    state: dict[str, Any] = {"state": FileState.OPEN} if uploads else {"state": FileState.CLOSED, "size": 1000}
    file = File.objects.create(created_by=token.user, **state)
    FileInProject.objects.create(file=file, project=project, name=name)
    total = None if uploads else 1000
    return Transfer.objects.create(kind=kind, file=file, user=token.user, token=token, project=project, name=name, total=total, **fields)
