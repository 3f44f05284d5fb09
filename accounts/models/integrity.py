"""What shows that the state of the house is whole: seals on the security log, and what each look at the state found."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import models


class EventSealQuerySet(models.QuerySet["EventSeal"]):
    """Adds and reads; changes and deletes nothing."""

    def update(self, **kwargs: Any) -> int:
        """Refused: a seal is never changed."""
        raise TypeError("a seal is never changed")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: a seal stays."""
        raise TypeError("a seal is never deleted")

    def _raw_delete(self, using: str | None) -> int:
        raise TypeError("a seal is never deleted")

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Add rows; refuse to write over those that are there."""
        if kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            raise TypeError("a seal is never changed")
        return super().bulk_create(objs, *args, **kwargs)


class EventSeal(models.Model):
    """The seal on one event: `hash` covers the event and the seal before this one (accounts.seals).

    `event_id` is no foreign key: a seal whose event is gone is just what tells that it is gone.
    """

    sequence = models.BigIntegerField(primary_key=True)  # 1, 2, 3 … without gaps
    event_id = models.BigIntegerField(unique=True)
    hash = models.CharField(max_length=64)

    objects = EventSealQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; refuse to change one that is there."""
        if not self._state.adding:
            raise TypeError("a seal is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused: a seal stays."""
        raise TypeError("a seal is never deleted")


class StateCheck(models.Model):
    """One look at whether the state is whole (accounts.verifying). `ended_at` is empty while it runs, and where it died.

    `detail` holds the first sentences of what was found, `DETAIL_MOST` at most; `findings` counts all.
    """

    DETAIL_MOST: ClassVar[int] = 50

    depth = models.CharField(max_length=5)  # a verifying.Depth
    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    findings = models.PositiveIntegerField(default=0)
    detail = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.depth}, {self.started_at:%Y-%m-%d %H:%M}: {self.findings} findings"
