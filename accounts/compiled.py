"""One SELECT, compiled once: the two hot look-ups (session, token) by their digest, joined to the user.

Compiling such a query by the ORM costs three times what running it costs (docs/architecture.md, "What a request costs").
Here its text is made once for each database vendor, of the models' own columns; a look-up runs it and fills its rows with the ORM's
own converters, so that values are what any query gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState

M = TypeVar("M", bound=models.Model)
Converters = list[tuple[int, list[Callable[..., Any]], Any]]


@dataclass(frozen=True)
class _Statement:
    sql: str
    converters: Converters
    moments: list[int]  # positions of what is only to be marked as UTC


class CompiledGet(Generic[M]):
    """Finds one row of `model` by a unique column `by`, with the row that its foreign key `joined` names.

    `fields` and `joined_fields` are the columns read; others stay deferred (and would cost a query, as deferred fields do).
    """

    def __init__(self, model: type[M], *, by: str, joined: str, fields: Sequence[str], joined_fields: Sequence[str]) -> None:
        self._model, self._by, self._joined = model, by, joined
        self._related: type[models.Model] = model._meta.get_field(joined).related_model  # type: ignore[assignment]
        self._fields = _chosen(model, fields)
        self._joined_fields = _chosen(self._related, joined_fields)
        self._names = [field.attname for field in self._fields]
        self._joined_names = [field.attname for field in self._joined_fields]
        self._statements: dict[str, _Statement] = {}

    def get(self, value: str) -> M | None:
        """Return the row whose `by` is `value`, its relation set (to None where the key is null), or None. One query."""
        connection = connections[DEFAULT_DB_ALIAS]  # django.db.connection looks it up anew for each attribute
        statement = self._statements.get(connection.vendor) or self._compile(connection)
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, {"value": value})
            found = cursor.fetchone()
        if found is None:
            return None
        row = list(found)
        for position in statement.moments:
            if row[position] is not None:
                row[position] = row[position].replace(tzinfo=UTC)
        for position, functions, expression in statement.converters:
            for function in functions:
                row[position] = function(row[position], expression, connection)
        return self._build(row, connection.alias)

    def _compile(self, connection: BaseDatabaseWrapper) -> _Statement:
        key: Any = self._model._meta.get_field(self._joined)
        condition: Any = self._model._meta.get_field(self._by)
        quoted: Callable[[Any], str] = connection.ops.quote_name
        columns = [f"t.{quoted(field.column)}" for field in self._fields] + [f"j.{quoted(field.column)}" for field in self._joined_fields]
        own, related = quoted(self._model._meta.db_table), quoted(self._related._meta.db_table)
        # By name: for a parameter without one, Django on SQLite looks through the whole text, each time, with a regular expression.
        sql = (
            f"SELECT {', '.join(columns)} FROM {own} t {'LEFT' if key.null else 'INNER'} JOIN {related} j"  # noqa: S608  (our own names)
            f" ON j.{quoted(key.target_field.column)} = t.{quoted(key.column)}"
            f" WHERE t.{quoted(condition.column)} = %(value)s"
        )
        statement = self._statements[connection.vendor] = _Statement(sql, *self._converters(connection))
        return statement

    def _converters(self, connection: BaseDatabaseWrapper) -> tuple[Converters, list[int]]:
        listed: Converters = []
        moments: list[int] = []
        for position, field in enumerate([*self._fields, *self._joined_fields]):
            column = field.cached_col
            functions = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
            # What SQLite's converter of moments makes of a naive one, without asking the settings for each: a tenth of the look-up.
            if functions == [getattr(connection.ops, "convert_datetimefield_value", None)] and connection.timezone is UTC:
                moments.append(position)
            elif functions:
                listed.append((position, functions, column))
        return listed, moments

    def _build(self, row: list[Any], alias: str) -> M:
        own = len(self._names)
        instance = _instance(self._model, alias, self._names, row[:own])
        there = row[own] is not None
        related = _instance(self._related, alias, self._joined_names, row[own:]) if there else None
        instance._state.fields_cache[self._joined] = related
        return instance


def _chosen(model: type[models.Model], names: Sequence[str]) -> "list[models.Field[Any, Any]]":
    """Return the fields of these names, the primary key first: an outer join shows by it whether there is a row."""
    key = model._meta.pk
    assert key is not None  # noqa: S101  (no abstract model comes here)
    return [key, *(field for field in model._meta.concrete_fields if field.name in names and field is not key)]


def _instance(model: type[M], alias: str, names: Sequence[str], values: Sequence[Any]) -> M:
    """Return what `model.from_db()` does, without its walk over every field and its signals, to which nobody listens here."""
    instance = model.__new__(model)
    instance.__dict__.update(zip(names, values, strict=True))
    state = instance._state = ModelState()
    state.db, state.adding = alias, False
    return instance
