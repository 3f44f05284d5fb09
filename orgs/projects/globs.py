"""Names by pattern, as the dx client asks for them: `*`, `?` and a backslash that takes the next character as it is.

A pattern comes from outside, so no regular expression is made of it: each database has a matcher of its own that is told apart
by case and takes time that is bounded (DX_PROTOCOL 10, trap 13).
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import CharField, Lookup, Q

from accounts.errors import InvalidInput
from orgs.projects import limits

if TYPE_CHECKING:
    # Django's class takes a type parameter for the checker alone.
    TextLookup = Lookup[str]
else:
    TextLookup = Lookup

ANY, ONE, ESCAPE = "*", "?", "\\"


class Glob(TextLookup):
    """`name__glob="Gen*"`: the whole name matches, in this case."""

    lookup_name = "glob"
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return SQLite's own GLOB, whose brackets are plain characters to the client."""
        return self._sql(compiler, connection, "GLOB %s", _spelt(self.rhs, any_="*", one="?", quoted=_bracketed))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        """Return LIKE, as PostgreSQL knows it."""
        return self._sql(compiler, connection, r"LIKE %s ESCAPE '\'", _spelt(self.rhs, any_="%", one="_", quoted=_backslashed))

    def _sql(self, compiler: Any, connection: Any, operator: str, pattern: str) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} {operator}", (*parameters, pattern)


CharField.register_lookup(Glob)


def named(field: str, asked: object) -> Q:
    """Return the condition that `field` is called as the client asks: a text (exactly that), or `{"glob": "Gen*"}`.

    Raises InvalidInput for anything else, `{"regexp": …}` too: a regular expression from outside takes what time it likes.
    """
    if isinstance(asked, str):
        return Q(**{field: _short(asked)})
    pattern = asked.get("glob") if isinstance(asked, dict) and len(asked) == 1 else None
    if not isinstance(pattern, str):
        raise InvalidInput(reason=f'"{field}" must be a name, or {{"glob": "…"}}; regular expressions are not taken')
    return Q(**{f"{field}__glob": _short(pattern)})


def _short(text: str) -> str:
    if len(text) > limits.GLOB_MAX_CHARS:
        raise InvalidInput(reason=f"A name or pattern has at most {limits.GLOB_MAX_CHARS} characters")
    return text


def _spelt(pattern: str, *, any_: str, one: str, quoted: Callable[[str], str]) -> str:
    wild = {ANY: any_, ONE: one}
    return "".join(wild[char] if is_wild else quoted(char) for char, is_wild in _characters(pattern))


def _characters(pattern: str) -> Iterator[tuple[str, bool]]:
    """Give each character, and whether it stands for others."""
    rest = iter(pattern)
    for char in rest:
        if char == ESCAPE:
            yield next(rest, ESCAPE), False
        else:
            yield char, char in (ANY, ONE)


def _bracketed(char: str) -> str:
    return f"[{char}]" if char in "*?[" else char


def _backslashed(char: str) -> str:
    return f"\\{char}" if char in "%_\\" else char
