"""How the server is: what waits, what the worker did last, what the last look at the state found (config.condition)."""

from typing import Any

from accounts.verifying import Depth
from config import condition
from config.condition import TaskState
from config.console.entrance import ConsolePage

FINDINGS_SHOWN = 20
NAMED_MOST = 5
LOOKS = {Depth.DAILY: "the worker’s daily look", Depth.WHOLE: "verify_state", Depth.BYTES: "verify_state --files"}


def _named(tasks: list[TaskState]) -> str:
    return ", ".join(state.task.name for state in tasks[:NAMED_MOST]) + (" and others" if len(tasks) > NAMED_MOST else "")


def _fails(state: TaskState) -> bool:
    return state.beat is not None and state.beat.failures > 0


def _late_text(tasks: list[TaskState]) -> str:
    """Return what it means that tasks are late; empty where none is."""
    late = [state for state in tasks if state.is_late]
    if not late:
        return ""
    told = "None of its tasks ended a round" if len(late) == len(tasks) else f"{_named(late)} ended no round"
    told += " in the last minutes. Mails may wait, and tables grow"
    return f"{told}. Logins, revokes and every limit hold without it. Start the worker again, and read its log."


def _failing_text(tasks: list[TaskState]) -> str:
    """Return what to do about tasks whose last round failed; empty where none did."""
    failing = [state for state in tasks if _fails(state)]
    if not failing:
        return ""
    return f"{_named(failing)}. Each is tried again by itself. The worker’s log says why, in the lines “task failed”."


class ServerView(ConsolePage):
    """/admin/server/"""

    section, template_name = "server", "admin/server.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add queues, tasks (those in trouble first) and the last look; at most 10,000 rows of an index are read for each number."""
        tasks, check = condition.tasks(), condition.last_check()
        return super().get_context_data(
            tasks=sorted(tasks, key=lambda state: not (state.is_late or _fails(state))),
            late_text=_late_text(tasks), failing_text=_failing_text(tasks), outbox=condition.outbox(),
            jobs=condition.running_jobs(), transfers=condition.running_transfers(), sessions=condition.sessions(),
            check=check, looked=LOOKS[Depth(check.depth)] if check else "",
            findings=check.detail[:FINDINGS_SHOWN] if check else [], **kwargs,
        )  # fmt: skip
