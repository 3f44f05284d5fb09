"""Finding a person by what they told support (S8.2): small questions, each by an index, put together; none reads a table."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from accounts.ids import ID_PATTERN, is_public_id
from accounts.models import User
from accounts.searching import starting
from accounts.spelling import fold_email
from tokens import keys
from tokens.limits import PREFIX_SHOWN_CHARS
from tokens.models import Token
from twofactor.models import Authenticator

FOUND_MOST = 25  # of each kind
QUERY_MAX_CHARS = 254
_TOKEN_TEXT = re.compile(rf"{keys.MARK}[0-9A-Za-z]+", re.ASCII)
_PERSON = "user-"
_COLUMNS = {"username": "username", "email": "e-mail", "first_name": "first name", "last_name": "last name"}


@dataclass(frozen=True)
class Found:
    """A person, and what of them fitted."""

    person: User
    by: str


@dataclass(frozen=True)
class Findings:
    """Who was found, by name; `is_cut`: more fit than are shown."""

    rows: list[Found]
    is_cut: bool


@dataclass(frozen=True)
class Query:
    """What was typed, as far as it may be kept; `is_pasted`: it held more of a token's text than its visible head."""

    text: str
    is_pasted: bool = False


def tidy(typed: str) -> Query:
    """Return what to look for. Of a token's text, wherever in `typed` it stands, the visible head alone is left."""
    text = "".join(char for char in typed if char.isprintable()).strip()[:QUERY_MAX_CHARS]
    token = _TOKEN_TEXT.search(typed)
    if token is None:
        return Query(text)
    return Query(token[0][:PREFIX_SHOWN_CHARS], is_pasted=len(token[0]) > PREFIX_SHOWN_CHARS)


def people() -> "QuerySet[User]":
    """Return everybody, each with `has_code`: whether two-factor authentication is on."""
    everybody: QuerySet[User] = User.objects.annotate(has_code=Exists(Authenticator.objects.filter(user=OuterRef("pk"))))
    return everybody


def find(text: str) -> Findings:
    """Return whom `text` (tidied) fits: the first letters of names, address or a token's label, the head of a token, an id."""
    rows: dict[int, Found] = {}
    cut = False
    for found, is_cut in _kinds(text):
        cut = cut or is_cut
        for one in found:
            rows.setdefault(one.person.pk, one)
    return Findings(sorted(rows.values(), key=lambda one: one.person.username), cut)


def _kinds(text: str) -> Iterator[tuple[list[Found], bool]]:
    if is_public_id(text, "token"):
        yield _by_tokens(Token.objects.filter(public_id=text), text)
    elif text.startswith(keys.MARK):
        yield _by_tokens(starting(Token.objects.all(), "prefix", text[:PREFIX_SHOWN_CHARS], folded=False), "")
    elif text:
        if ID_PATTERN.fullmatch(text):
            yield _limited(people().filter(sessions__public_id=text), "a session")
        for column, words in _COLUMNS.items():
            yield _limited(starting(people(), column, _folded(column, text)), words)
        yield _by_full_name(text)
        yield _by_tokens(starting(Token.objects.all(), "label", text), "")


def _folded(column: str, text: str) -> str:
    if column == "username":
        return text.lower().removeprefix(_PERSON)
    return fold_email(text) if column == "email" else text


def _by_full_name(text: str) -> tuple[list[Found], bool]:
    first, _, last = text.partition(" ")
    if not last:
        return [], False
    return _limited(starting(people(), "first_name", first).filter(last_name__istartswith=last.strip()), "name")


def _limited(rows: "QuerySet[User]", by: str) -> tuple[list[Found], bool]:
    found = list(rows[: FOUND_MOST + 1])
    return [Found(person, by) for person in found[:FOUND_MOST]], len(found) > FOUND_MOST


def _by_tokens(rows: "QuerySet[Token]", by: str) -> tuple[list[Found], bool]:
    tokens = list(rows.order_by()[: FOUND_MOST + 1])
    owners = {person.pk: person for person in people().filter(pk__in={token.user_id for token in tokens})} if tokens else {}
    found = [Found(owners[token.user_id], by or f"token {token.label}") for token in tokens[:FOUND_MOST]]
    return found, len(tokens) > FOUND_MOST
