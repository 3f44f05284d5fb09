"""What migrations of every room share: indexes that are built beside the traffic, and indexes for a search by first letters (F17)."""

from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex
from django.db.migrations.operations.base import Operation


class AddIndexOnline(AddIndexConcurrently):
    """Adds an index; on PostgreSQL without a lock against writers. The migration must have `atomic = False`."""

    def database_forwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        """Build it."""
        kind = AddIndexConcurrently if schema_editor.connection.vendor == "postgresql" else AddIndex
        kind.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any) -> None:
        """Drop it."""
        kind = AddIndexConcurrently if schema_editor.connection.vendor == "postgresql" else AddIndex
        kind.database_backwards(self, app_label, schema_editor, from_state, to_state)


def prefix_index(name: str, table: str, column: str, *, folded: bool = True) -> Operation:
    """Return the operation that lets accounts.searching.starting find rows of `table` by the first letters of `column`.

    `folded`: in lower case. Not in the models' state: Django has no operator class that both databases know.
    """
    what = f"lower({column})" if folded else column

    def build(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        online, as_text = ("CONCURRENTLY ", " text_pattern_ops") if schema_editor.connection.vendor == "postgresql" else ("", "")
        schema_editor.execute(f"CREATE INDEX {online}IF NOT EXISTS {name} ON {table} ({what}{as_text})")

    def drop(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        schema_editor.execute(f"DROP INDEX IF EXISTS {name}")

    return migrations.RunPython(build, drop)
