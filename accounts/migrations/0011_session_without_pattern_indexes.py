from functools import partial
from typing import Any

from django.db import migrations

from accounts.migrating import build_index, drop_index

# Django adds them on PostgreSQL for LIKE, which nobody asks of a session. Each costs every login, every note of activity,
# and a policy that changes 50,000 sessions a quarter of its time.
INDEXES = {
    "accounts_session_session_key_b186966f_like": "session_key",
    "accounts_session_public_id_d9aff1e3_like": "public_id",
}


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            drop_index(schema_editor, name)


def build(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for name, column in INDEXES.items():
            statement = f"CREATE INDEX CONCURRENTLY {name} ON accounts_session ({column} varchar_pattern_ops)"
            build_index(schema_editor, name, partial(schema_editor.execute, statement))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0010_failed_mails")]
    operations = [migrations.RunPython(drop, build)]
