"""The section of this room in the report of what was touched (accounts.reporting)."""

from datetime import datetime

from django.urls import reverse

from accounts import history, reporting
from accounts.audit import Event
from accounts.models import SecurityEvent, User
from accounts.reporting import Row, Section
from tokens.work import overview
from tokens.work.models import Job, Transfer, Work


def files_and_jobs(user: User, since: datetime) -> Section:
    """Return the files that were uploaded, downloaded and removed, and the jobs that ran. Three queries."""
    work: list[Work] = [
        one for rows in (Job.objects.of(user), Transfer.objects.of(user))
        for one in rows.filter(started__gte=since).select_related("project", "token__parent").newest_first()[: reporting.ROWS + 1]
    ]  # fmt: skip
    removed = SecurityEvent.objects.filter(actor=user, event=Event.FILES_REMOVED.value, at__gte=since).order_by("-at", "-id")
    events = list(removed[: reporting.ROWS + 1])
    rows, more = reporting.cut([*(_work_row(one) for one in work), *(_removed_row(event) for event in events)])
    return Section(
        "Files and jobs", "No file was moved or removed, and no job ran.", rows, reporting.history_page(since, "job.") if more else ""
    )


def _work_row(work: Work) -> Row:
    shown = overview.show(work)
    state = "runs" if work.is_running else f"{work.state}, {overview.charged(work)}"  # type: ignore[attr-defined]  # each kind has its own
    return Row(
        at=work.started, title=f"{shown.what}: {work.name}", text=f"{state}; on the token {shown.token.label}",
        place=reporting.place_of(work.address), page=reverse("work:one", args=[work.public_id]),
    )  # fmt: skip


def _removed_row(event: SecurityEvent) -> Row:
    shown = history.show_event(event)
    return Row(shown.at, shown.title, shown.text, place=reporting.place_of(shown.place, shown.device))
