"""How many rows of what a process of the bench has."""

from dataclasses import dataclass

FEW_JOBS, MANY_JOBS = 10, 1000  # of one person, and as many uploads
FAR_PAGE = 300  # of the long list: one that a pager by OFFSET is slow to reach


@dataclass(frozen=True)
class Sizes:
    """Rows in the tables of one process. `listed` tokens, and as many that ended, belong to one person, beside the others.

    The first people have a password where somebody is to log in, and are members of an organization where one is to be governed.
    """

    users: int
    sessions: int = 0
    tokens: int = 0
    listed: int = 0
    logins: int = 0
    members: int = 0
