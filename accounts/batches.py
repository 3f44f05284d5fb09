"""Deleting much in little pieces: no sweep holds a lock for long (F19)."""

from typing import Any

from django.db.models import QuerySet

from accounts import limits


def delete_batch(rows: QuerySet[Any]) -> int:
    """Delete up to 5,000 of `rows` and return how many went; what no longer fits the conditions by then stays."""
    batch = list(rows.values_list("pk", flat=True)[: limits.SWEEP_BATCH_ROWS])
    return rows.filter(pk__in=batch).delete()[0] if batch else 0
