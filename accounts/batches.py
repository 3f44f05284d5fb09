"""Going through much in little pieces, each its own statement: nothing holds a lock, or all rows, for long (F19)."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from accounts import limits


def delete_batch(rows: QuerySet[Any]) -> int:
    """Delete up to 5,000 of `rows` and return how many went; what no longer fits the conditions by then stays."""
    batch = list(rows.values_list("pk", flat=True)[: limits.SWEEP_BATCH_ROWS])
    return rows.filter(pk__in=batch).delete()[0] if batch else 0


def batches(rows: QuerySet[Any], *, by: str = "pk", most: int | None = None) -> Iterator[list[Any]]:
    """Give `rows`, objects or dicts with `by` in them, in the order of `by`, `most` (5,000) at a time, each batch by its own statement."""
    most = most or limits.READ_BATCH_ROWS
    if not rows.exists():
        return  # mostly so, and found out in whatever order the table lies: along a random key a million rows take many times as long
    last: Any = None
    while True:
        rest = rows.order_by(by) if last is None else rows.order_by(by).filter(**{f"{by}__gt": last})
        batch = list(rest[:most])
        if batch:
            yield batch
        if len(batch) < most:
            return
        last = batch[-1][by] if isinstance(batch[-1], dict) else getattr(batch[-1], by)


def in_batches(rows: QuerySet[Any], *, by: str = "pk") -> Iterator[Any]:
    """Give the same one by one."""
    for batch in batches(rows, by=by):
        yield from batch
