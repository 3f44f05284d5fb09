"""What runs on tokens, asked of the floors above: this floor does not know what work is."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from accounts.credentials import Casualties
from accounts.wording import counted
from tokens.models import Token
from tokens.signals import running_asked, work_asked


@dataclass(frozen=True)
class Running:
    """Something that a token carries: a `noun` ("job", "upload"), its name, how far it is in words, where its page is."""

    noun: str
    name: str
    progress: str = ""
    url: str = ""


@dataclass(frozen=True)
class Blast:
    """What an act ends, or would end: tokens, and of each kind of work how much, with the names of the first."""

    tokens: list[Token] = field(default_factory=list)
    work: list[Casualties] = field(default_factory=list)

    @property
    def tally(self) -> str:
        """ "2 tokens, 1 job", for a page that asks, and for the comparison with what then happened."""
        tokens = [counted(len(self.tokens), "token")] if self.tokens else []
        parts = [*tokens, *(counted(one.count, one.noun) for one in self.work if one.count)]
        return ", ".join(parts)


Answers = list[tuple[Any, Any]]  # receiver, list[tuple[int, Running]]: the id of a token's row, and what runs on it


def on(tokens: Iterable[Token]) -> dict[int, list[Running]]:
    """Return what runs on each of `tokens`, the first 20, by the id of its row; an empty list where nothing does. Changes nothing."""
    found: dict[int, list[Running]] = defaultdict(list)
    answers: Answers = running_asked.send(Token, tokens=list(tokens))
    for _, runs in answers:
        for token_id, running in runs or []:
            found[token_id].append(running)
    return found


def blast_of(tokens: Iterable[Token]) -> Blast:
    """Return what ending `tokens` would end with them, by asking every room (N1). `tokens` is a family: see flows.find_family."""
    family = list(tokens)
    answers: Answers = work_asked.send(Token, tokens=family)
    return Blast(family, answered(answers))


def answered(answers: Answers) -> list[Casualties]:
    """Return what receivers said that they ended, or would end; nothing of what is none."""
    return [casualty for _, told in answers for casualty in told or [] if casualty.count]
