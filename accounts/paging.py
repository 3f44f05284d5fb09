"""Pages of a list whose rows nobody counts: a page knows its rows, and whether there are more."""

import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
_PAGE = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)  # further on nobody turns pages


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
    """Return page `wanted` of `rows`, `size` to a page, in one query; what is no number of a page, or beyond the last, gives the first."""
    number = int(wanted) if wanted and _PAGE.fullmatch(wanted) else 1
    start = (number - 1) * size
    found: list[Any] = list(rows[start : start + size + 1])
    if not found and number > 1:
        return page_of(rows, None, size)
    return OpenPage(found[:size], number, has_next=len(found) > size)
