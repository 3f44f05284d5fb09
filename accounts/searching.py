"""Finding rows by the first letters of a column, by an index (accounts.migrating.prefix_index), whatever the size of the table."""

from typing import TypeVar, cast

from django.db import connection
from django.db.models import F, Model, QuerySet
from django.db.models.functions import Lower

M = TypeVar("M", bound=Model)
_LAST = "\U0010ffff"


def starting(rows: "QuerySet[M]", column: str, text: str, *, folded: bool = True) -> "QuerySet[M]":
    """Return those of `rows` whose `column` begins with `text`, in any case where `folded`."""
    begins = text.lower() if folded else text
    keyed = rows.alias(_begins=Lower(column) if folded else F(column))
    if connection.vendor == "postgresql":
        return cast("QuerySet[M]", keyed.filter(_begins__startswith=begins))
    # Its LIKE would read the whole table; text is compared byte by byte there.
    return cast("QuerySet[M]", keyed.filter(_begins__gte=begins, _begins__lt=begins + _LAST))
