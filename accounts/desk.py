"""What the rooms hand to the console of support: panels of the page of one person, and acts, each at an address of its own.

A panel is a function `panel(person) -> Panel`; an act is an `Act`. The console draws both, asks for the reason, and knows nothing of
what they are about (config/admin.py puts them together).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from accounts.models import User
from accounts.support import Staff

Panel = dict[str, Any]  # "template", and what it shows


def nothing_more(person: User, given: QueryDict) -> dict[str, Any]:
    """Return nothing: the act's page says all that there is without asking."""
    return {}


@dataclass(frozen=True)
class Act:
    """One thing that support can do for a person. The page at its address says what will happen; its form asks for the reason.

    `do` calls one flow and returns the sentence that the person's page says afterwards; `weigh` returns what the template names and
    counts. Both are given the fields that were sent (or stand in the address), which they read by name, and no others.
    """

    name: str  # in the address
    title: str  # "…" of the link and the heading, in the imperative
    template: str  # what will happen
    do: Callable[[Staff, User, QueryDict], str]
    weigh: Callable[[User, QueryDict], dict[str, Any]] = nothing_more
    button: str = ""  # where it is not the title
    keep: str = "Cancel"
    destroys: bool = True

    @property
    def verb(self) -> str:
        """What stands on the button."""
        return self.button or self.title
