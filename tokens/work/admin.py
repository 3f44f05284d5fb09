"""Support's door to work: what runs for a person, and what ended last, by whom and why (S5.7, S8.2)."""

from accounts.desk import Panel
from accounts.models import User
from tokens.work import overview


def panel(person: User) -> Panel:
    """Return what runs for them now, and what ended last, with the record of its end."""
    return {"template": "admin/_work.html", **overview.running_of(person), "over": overview.ended_of(person)}
