"""Seals on the security log (OPS-06), and on SQLite too the database itself that refuses to change it.

Events that are there already are sealed by the worker, batch by batch: nothing here takes longer with many of them.
"""

from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from accounts import appending


def protect(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Refuse changes and deletions of events and seals."""
    appending.protect(schema_editor.connection)


def release(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let the seals go; on SQLite the log is a table as any other again, as it was before."""
    appending.release(schema_editor.connection, "accounts_eventseal")
    if schema_editor.connection.vendor == "sqlite":
        appending.release(schema_editor.connection, "accounts_securityevent")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_session_without_pattern_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventSeal",
            fields=[
                ("sequence", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField(unique=True)),
                ("hash", models.CharField(max_length=64)),
            ],
            options={"base_manager_name": "objects"},
        ),
        migrations.RunPython(protect, release),
    ]
