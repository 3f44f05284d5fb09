"""How the server is: what waits, what the worker did last, what the last look at the state found (config.condition)."""

from typing import Any

from config import condition
from config.condition import TaskState
from config.console.entrance import ConsolePage

FINDINGS_SHOWN = 20
NAMED_MOST = 5


def _late_text(tasks: list[TaskState]) -> str:
    """Return what it means that tasks are late; empty where none is."""
    late = [state.task.name for state in tasks if state.is_late]
    if not late:
        return ""
    if len(late) == len(tasks):
        told = "None of its tasks ended a round in the last minutes"
    else:
        others = " and others" if len(late) > NAMED_MOST else ""
        told = f"{', '.join(late[:NAMED_MOST])}{others} ended no round in the last minutes"
    return f"{told}. Mails wait, and tables grow. Logins, revokes and every limit hold without it. Start it again."


class ServerView(ConsolePage):
    """/admin/server/"""

    section, template_name = "server", "admin/server.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add queues, tasks and the last look; at most 10,000 rows of an index are read for each number."""
        tasks, check = condition.tasks(), condition.last_check()
        return super().get_context_data(
            tasks=tasks, late_text=_late_text(tasks), outbox=condition.outbox(),
            jobs=condition.running_jobs(), transfers=condition.running_transfers(), sessions=condition.sessions(),
            check=check, findings=check.detail[:FINDINGS_SHOWN] if check else [], **kwargs,
        )  # fmt: skip
