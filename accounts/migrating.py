"""What migrations of every room share: indexes that are built beside the traffic, and indexes for a search by first letters (F17).

A migration that was killed runs again: an index that is there stays, and the ruin of one is built anew.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex
from django.db.migrations.operations.base import Operation

# Of a migration that waits for a table: whoever comes after it waits behind it (F17). Well below PostgreSQL's deadlock_timeout of one
# second: where a migration of two tables and a request would wait for each other, the migration gives way.
LOCK_TIMEOUT_MS = 400
_IS_VALID = "SELECT indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relname = %s"
_IS_THERE = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s"


class AddIndexOnline(AddIndexConcurrently):
    """Adds an index; on PostgreSQL without a lock against writers. The migration must have `atomic = False`."""

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        """Build it."""
        kind = AddIndexConcurrently if _is_postgresql(schema_editor) else AddIndex
        build_index(schema_editor, self.index.name, lambda: kind.database_forwards(self, app_label, schema_editor, from_state, to_state))

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        """Drop it."""
        drop_index(schema_editor, self.index.name)


def prefix_index(name: str, table: str, column: str, *, folded: bool = True) -> Operation:
    """Return the operation that lets accounts.searching.starting find rows of `table` by the first letters of `column`.

    `folded`: in lower case. Not in the models' state: Django has no operator class that both databases know.
    """
    what = f"lower({column})" if folded else column

    def build(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        online, as_text = ("CONCURRENTLY ", " text_pattern_ops") if _is_postgresql(schema_editor) else ("", "")
        statement = f"CREATE INDEX {online}{name} ON {table} ({what}{as_text})"
        build_index(schema_editor, name, lambda: schema_editor.execute(statement))

    def drop(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        drop_index(schema_editor, name)

    return migrations.RunPython(build, drop)


def build_index(schema_editor: BaseDatabaseSchemaEditor, name: str, build: Callable[[], object]) -> None:
    """Call `build`, unless the index is there; what a build that was killed has left is dropped before."""
    if not _is_postgresql(schema_editor):
        if not _first(schema_editor, _IS_THERE, name):
            build()
        return
    found = _first(schema_editor, _IS_VALID, name)
    if found == (True,):
        return
    # It waits for transactions that are older than itself, and nobody waits for it.
    schema_editor.execute("SET lock_timeout = 0")
    try:
        if found is not None:
            drop_index(schema_editor, name)
        build()
    finally:
        schema_editor.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")


def drop_index(schema_editor: BaseDatabaseSchemaEditor, name: str) -> None:
    """Drop the index, if it is there; on PostgreSQL beside the traffic."""
    online = "CONCURRENTLY " if _is_postgresql(schema_editor) else ""
    schema_editor.execute(f"DROP INDEX {online}IF EXISTS {schema_editor.quote_name(name)}")


def _is_postgresql(schema_editor: BaseDatabaseSchemaEditor) -> bool:
    return bool(schema_editor.connection.vendor == "postgresql")


def _first(schema_editor: BaseDatabaseSchemaEditor, query: str, name: str) -> "tuple[Any, ...] | None":
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(query, [name])
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found
