"""Pages of a list whose rows nobody counts: a page knows its rows, and whether there are more."""

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
_PAGE = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)  # further on nobody turns pages
_FAR_ROWS = 2500


@dataclass(frozen=True)
class OpenPage(Generic[M]):
    """Rows, with the names that Django's own Page has for what templates ask."""

    object_list: list[M]
    number: int
    has_next: bool

    @property
    def has_previous(self) -> bool:
        """Whether this is not the first page."""
        return self.number > 1

    @property
    def next_page_number(self) -> int:
        """The number of the page after this one."""
        return self.number + 1

    @property
    def previous_page_number(self) -> int:
        """The number of the page before this one."""
        return self.number - 1


def page_of(rows: "QuerySet[M]", wanted: str | None, size: int) -> OpenPage[M]:
    """Return page `wanted` of `rows`, `size` to a page, in one query, far down in two.

    What is no number of a page, or beyond the last, gives the first.
    """
    number = int(wanted) if wanted and _PAGE.fullmatch(wanted) else 1
    start = (number - 1) * size
    found = _part(rows, start, size + 1)
    if not found and number > 1:
        return page_of(rows, None, size)
    return OpenPage(found[:size], number, has_next=len(found) > size)


def _part(rows: "QuerySet[M]", start: int, count: int) -> list[Any]:
    part = rows[start : start + count]
    if start < _FAR_ROWS:
        return list(part)
    # The keys first: what is only passed by on the way there is sorted without its columns, which is most of the work.
    return list(rows.filter(pk__in=list(part.values_list("pk", flat=True))))
