"""One SELECT, compiled once: the two hot look-ups (session, token) by their digest, joined to the user.

Compiling such a query by the ORM costs three times what running it costs (docs/architecture.md, "What a request costs").
Here the ORM compiles it once for each database vendor; a look-up then runs the text and builds its rows by `from_db`, with the
ORM's own converters, so that values are what any query gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection, models

M = TypeVar("M", bound=models.Model)
Converters = list[tuple[int, list[Callable[..., Any]], Any]]


@dataclass(frozen=True)
class _Statement:
    sql: str
    converters: Converters


class CompiledGet(Generic[M]):
    """Finds one row of `model` by a unique column `by`, with the row that its foreign key `joined` names.

    `fields` and `joined_fields` are the columns read; others stay deferred (and would cost a query, as deferred fields do).
    """

    def __init__(self, model: type[M], *, by: str, joined: str, fields: Sequence[str], joined_fields: Sequence[str]) -> None:
        self._model, self._by, self._joined = model, by, joined
        self._related: type[models.Model] = model._meta.get_field(joined).related_model  # type: ignore[assignment]
        self._fields = self._in_model_order(model, fields)
        self._joined_fields = self._in_model_order(self._related, joined_fields)
        self._statements: dict[str, _Statement] = {}

    def get(self, value: str) -> M | None:
        """Return the row whose `by` is `value`, its relation set (to None where the key is null), or None. One query."""
        statement = self._statements.get(connection.vendor) or self._compile()
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, (value,))
            found = cursor.fetchone()
        return None if found is None else self._build(self._converted(found, statement.converters))

    def _compile(self) -> _Statement:
        related = [f"{self._joined}__{name}" for name in self._joined_fields]
        # values_list keeps the given order of columns; a foreign key that may be null becomes a LEFT OUTER JOIN by itself.
        query = self._model._default_manager.filter(**{self._by: ""}).values_list(*self._fields, *related).query
        compiler = query.get_compiler(connection=connection)
        sql, _ = compiler.as_sql()
        converters = compiler.get_converters([column[0] for column in compiler.select])
        listed = [(position, list(functions), expression) for position, (functions, expression) in converters.items()]
        statement = self._statements[connection.vendor] = _Statement(sql, listed)
        return statement

    def _converted(self, found: Sequence[Any], converters: Converters) -> list[Any]:
        row = list(found)
        for position, functions, expression in converters:
            for function in functions:
                row[position] = function(row[position], expression, connection)
        return row

    def _build(self, row: list[Any]) -> M:
        own = len(self._fields)
        instance = self._model.from_db(connection.alias, self._fields, row[:own])
        there = row[own] is not None
        setattr(instance, self._joined, self._related.from_db(connection.alias, self._joined_fields, row[own:]) if there else None)
        return instance

    @staticmethod
    def _in_model_order(model: type[models.Model], names: Sequence[str]) -> tuple[str, ...]:
        # from_db() takes the values of deferred instances in the order of the model, whatever the order of the names.
        columns = [field for field in model._meta.concrete_fields if field.name in names]
        assert columns[0].primary_key or model._meta.pk in columns  # noqa: S101  (a row without its key could not be saved)
        return tuple(field.attname for field in columns)
