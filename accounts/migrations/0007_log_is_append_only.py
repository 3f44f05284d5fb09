"""The security log takes new rows and nothing else, whoever asks the database (S9.2). Whoever owns the table can still take the
triggers away: docs/operations.md says how to run with a role that cannot.
"""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TABLE = "accounts_securityevent"
REFUSE = f"""
CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the security log is append-only' USING ERRCODE = 'restrict_violation'; END $$
"""


def protect(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Refuse changes, deletions and TRUNCATE, on PostgreSQL."""
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute(REFUSE)
    # OR REPLACE: whoever has gone back to before this has them, for every migration ends with putting them on (accounts.appending).
    schema_editor.execute(
        f"CREATE OR REPLACE TRIGGER {TABLE}_stays BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {TABLE}_refuse()"
    )
    schema_editor.execute(
        f"CREATE OR REPLACE TRIGGER {TABLE}_stays_whole BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()"
    )


def release(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let it be a table as any other again."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP FUNCTION IF EXISTS {TABLE}_refuse() CASCADE")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_search_and_log_indexes"),
    ]

    operations = [migrations.RunPython(protect, release)]
