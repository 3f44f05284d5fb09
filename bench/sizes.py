"""How many rows of what a process of the bench has."""

from dataclasses import dataclass

FAR_PAGE = 300  # of the long list: one that a pager by OFFSET is slow to reach


@dataclass(frozen=True)
class Sizes:
    """Rows in the tables of one process. `listed` tokens, and as many that ended, belong to one person, beside the others."""

    users: int
    sessions: int = 0
    tokens: int = 0
    listed: int = 0
