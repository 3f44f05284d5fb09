"""What runs on tokens, asked of the floors above: this floor does not know what work is."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tokens.models import Token
from tokens.signals import running_asked


@dataclass(frozen=True)
class Running:
    """Something that a token carries: a `noun` ("job", "upload"), its name, and how far it is, in words."""

    noun: str
    name: str
    progress: str = ""


Answers = list[tuple[Any, Any]]  # receiver, list[tuple[int, Running]]: the id of a token's row, and what runs on it


def on(tokens: Iterable[Token]) -> dict[int, list[Running]]:
    """Return what runs on each of `tokens`, by the id of its row; an empty list where nothing does. Changes nothing."""
    found: dict[int, list[Running]] = defaultdict(list)
    answers: Answers = running_asked.send(Token, tokens=list(tokens))
    for _, runs in answers:
        for token_id, running in runs or []:
            found[token_id].append(running)
    return found
