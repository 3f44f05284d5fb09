"""What runs, and what files there are, as pages and lists of other rooms show it (settings.HOME_SECTIONS, PROJECT_SECTIONS)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, Sum, Window
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.paging import page_of
from accounts.wording import spell_bytes, spell_span
from orgs.projects.models import Project
from tokens.models import Token
from tokens.running import Running
from tokens.work import limits
from tokens.work.models import FileInProject, Job, JobState, Transfer, TransferState, Work
from tokens.work.models.running import WorkQuerySet

_FAILED = [JobState.FAILED.value, JobState.TERMINATED.value]


@dataclass(frozen=True)
class ShownWork:
    """One piece of work, as lists show it."""

    public_id: str
    name: str
    noun: str
    place: str
    token: Token
    percent: int | None
    amount: str
    detail: str
    started: datetime
    note: str = ""

    @property
    def what(self) -> str:
        """ "Job in Genome Atlas", "Upload to Sandbox"."""
        between = {"job": "in", "upload": "to", "download": "from"}[self.noun]
        return f"{self.noun.capitalize()} {between} {self.place}"

    @property
    def progress(self) -> str:
        """How far it is, in a few words."""
        return _in_words(self.amount, self.detail)


def home(request: HttpRequest, user: User) -> dict[str, Any]:
    """Return the section of the home page: what runs, and what failed lately."""
    return {"template": "work/_home.html", "poll_seconds": limits.POLL_SECONDS, **running_of(user)}


def running_of(user: User) -> dict[str, Any]:
    """Return what runs for `user`, the newest first, how much there is in all, and what failed in the last days."""
    jobs, transfers = _counted(Job.objects.of(user).running()), _counted(Transfer.objects.of(user).running())
    rows: list[Work] = sorted([*jobs, *transfers], key=lambda work: work.started, reverse=True)
    count = sum(found[0].among for found in (jobs, transfers) if found)
    shown = [show(work) for work in rows[: limits.RUNNING_SHOWN]]
    return {"works": shown, "count": count, "more": count - len(shown), "failed": _lately_failed(user)}


def project_files(request: HttpRequest, project: Project, folder: str) -> dict[str, Any]:
    """Return the section of a project's page: the files of one of its folders."""
    files = FileInProject.objects.standing().filter(project=project, hidden=False).inside(folder)
    rows = files.select_related("file").order_by("name", "pk")
    return {"template": "work/_files.html", "page": page_of(rows, request.GET.get("files"), limits.PAGE_ROWS), "folder": folder}


def ran_on(token: Token) -> dict[str, Any]:
    """Return the section of a token's page: what ran on it, or on the token of a job that it launched, and has ended."""
    jobs = Job.objects.filter(Q(token=token) | Q(token__parent=token)).exclude(state=JobState.RUNNING)
    transfers = Transfer.objects.filter(token=token, state__in=[TransferState.DONE, TransferState.FAILED])
    return {"template": "work/_ran.html", "works": _last_ended(jobs, transfers, limits.RAN_SHOWN)}


def ended_of(user: User) -> list[Work]:
    """Return what ended of the work of `user` that began last, a handful, the latest end first: by whom, why, from where (S5.7)."""
    jobs, transfers = Job.objects.of(user).exclude(state=JobState.RUNNING), Transfer.objects.of(user).exclude(state=TransferState.RUNNING)
    found: list[Work] = [work for rows in (jobs, transfers) for work in rows.whole().newest_first()[: limits.ENDED_IN_CONSOLE]]
    return sorted(found, key=lambda work: work.ended_at or work.started, reverse=True)[: limits.ENDED_IN_CONSOLE]


def running_on(tokens: list[Token]) -> list[tuple[int, Running]]:
    """Return what runs on these tokens, the first 20 of each kind for a list of them; a job stands on what launched it, too."""
    ids = {token.pk for token in tokens}
    most = limits.NAMES_SHOWN * max(1, len(ids))
    jobs = Job.objects.running().filter(Q(token__in=ids) | Q(token__parent__in=ids)).select_related("token").newest_first()[:most]
    rows: list[Work] = [*jobs, *Transfer.objects.running().on(ids).newest_first()[:most]]
    return [
        (carrier, Running(str(work.noun), work.name, _in_words(_amount(work)[0], _detail(work)), _url(work)))
        for work in rows
        for carrier in (work.token_id, work.token.parent_id if isinstance(work, Job) else None)
        if carrier in ids
    ]


def show(work: Work) -> ShownWork:
    """Return `work` (with its project and token) as lists show it."""
    amount, percent = _amount(work)
    return ShownWork(
        public_id=work.public_id, name=work.name, noun=str(work.noun),
        place=work.project.name if work.project else "a deleted project", token=_carrier(work), percent=percent, amount=amount,
        detail=_detail(work), started=work.started, note=work.note if isinstance(work, Job) else "",
    )  # fmt: skip


def _carrier(work: Work) -> Token:
    """Return the token that people know: of a job that which launched it."""
    return work.token.parent if isinstance(work, Job) and work.token.parent else work.token


def charged(work: Work) -> str:
    """Return what work had used by its end, or by now: "12 min", "18.0 MB in 40 s" (S4.8)."""
    ran = spell_span(work.seconds)
    return f"{spell_bytes(work.moved)} in {ran}" if isinstance(work, Transfer) else ran


def bytes_in(projects: list[Project]) -> dict[int, int]:
    """Return how many bytes the closed files of each project hold, by the id of its row."""
    places = FileInProject.objects.standing().filter(project__in=projects).order_by()
    return {row["project"]: row["held"] or 0 for row in places.values("project").annotate(held=Sum("file__size"))}


def _counted(rows: "WorkQuerySet[Any]") -> list[Any]:
    """Return the first of `rows`, the newest first, each of which says as `among` how many there are in all: one query."""
    return list(rows.whole().annotate(among=Window(Count("pk"))).newest_first()[: limits.RUNNING_SHOWN])


def _lately_failed(user: User) -> list[Work]:
    """Return what failed in the last days, the newest first, a handful."""
    since = timezone.now() - timedelta(days=limits.FAILED_SHOWN_DAYS)
    jobs = Job.objects.of(user).filter(state__in=_FAILED, ended_at__gte=since)
    transfers = Transfer.objects.of(user).filter(state=TransferState.FAILED, ended_at__gte=since)
    return _last_ended(jobs, transfers, limits.FAILED_SHOWN)


def _last_ended(jobs: "WorkQuerySet[Job]", transfers: "WorkQuerySet[Transfer]", most: int) -> list[Work]:
    found: list[Work] = [work for rows in (jobs, transfers) for work in rows.whole().order_by("-ended_at", "-pk")[:most]]
    return sorted(found, key=lambda work: work.ended_at or work.started, reverse=True)[:most]


def _amount(work: Work) -> tuple[str, int | None]:
    if isinstance(work, Job):
        return ("" if work.progress is None else f"{work.progress} %"), work.progress
    assert isinstance(work, Transfer)  # noqa: S101  (there are two kinds)
    if not work.total:
        return spell_bytes(work.moved), None
    return f"{spell_bytes(min(work.moved, work.total))} of {spell_bytes(work.total)}", min(100, 100 * work.moved // work.total)


def _detail(work: Work) -> str:
    if isinstance(work, Job):
        return spell_span(work.seconds)
    assert isinstance(work, Transfer)  # noqa: S101  (as above)
    silent = int((timezone.now() - work.last_at).total_seconds())
    if silent > 2 * limits.POLL_SECONDS + 10:
        return f"nothing for {spell_span(silent)}"
    return f"{spell_bytes(work.moved // work.seconds)} a second" if work.seconds and work.moved else spell_span(work.seconds)


def _in_words(amount: str, detail: str) -> str:
    return ", ".join(part for part in (amount, detail) if part)


def _url(work: Work) -> str:
    return reverse("work:one", args=[work.public_id])
