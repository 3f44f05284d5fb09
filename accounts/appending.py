"""Tables that only grow: the database itself refuses to change or delete a row, whoever asks it (S9.2, OPS-06).

Whoever owns the tables, or can write the file of SQLite, can take that away: docs/operations.md says how to run without the right to,
and docs/security.md what the seals show then.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

# Each with the columns of which no two rows may be alike: SQLite's REPLACE would delete the other row without asking a trigger.
GROWING = {"accounts_securityevent": ("id", "public_id"), "accounts_eventseal": ("sequence", "event_id")}
_SENTENCES = {"accounts_securityevent": "the security log is append-only", "accounts_eventseal": "the seals are append-only"}


def protect(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers on the tables that lack them. After every migration: SQLite makes a changed table anew, without them."""
    with connection.cursor() as cursor:
        for table in unprotected(connection):
            for statement in _statements(connection.vendor, table):
                cursor.execute(statement)


def release(connection: BaseDatabaseWrapper, table: str) -> None:
    """Take them off again: for a migration that must, and for tests that empty the tables."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {table}_refuse() CASCADE")
        else:
            for name in _triggers(connection.vendor, table):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def unprotected(connection: BaseDatabaseWrapper) -> list[str]:
    """Return which of the tables that are there lack one of their triggers, or have it switched off."""
    asked = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        there = {name for (name,) in cursor.fetchall()}
        tables = set(connection.introspection.table_names(cursor))
    return [table for table in GROWING if table in tables and not there >= set(_triggers(connection.vendor, table))]


def _triggers(vendor: str, table: str) -> list[str]:
    kinds = ("stays", "stays_whole") if vendor == "postgresql" else ("is_not_changed", "is_not_deleted", "is_not_replaced")
    return [f"{table}_{kind}" for kind in kinds]


def _statements(vendor: str, table: str) -> list[str]:
    return _for_postgresql(table) if vendor == "postgresql" else _for_sqlite(table)


def _for_postgresql(table: str) -> list[str]:
    refuse = f"EXECUTE FUNCTION {table}_refuse()"
    return [
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{_SENTENCES[table]}' USING ERRCODE = 'restrict_violation'; END $$",
        f"CREATE OR REPLACE TRIGGER {table}_stays BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}",
        f"CREATE OR REPLACE TRIGGER {table}_stays_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}",
    ]


def _for_sqlite(table: str) -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_SENTENCES[table]}'); END"
    same = " OR ".join(f"{column} = NEW.{column}" for column in GROWING[table])
    there = f"SELECT 1 FROM {table} WHERE {same}"  # noqa: S608  (names of ours)
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_is_not_changed BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER IF NOT EXISTS {table}_is_not_deleted BEFORE DELETE ON {table} {refuse}",
        f"CREATE TRIGGER IF NOT EXISTS {table}_is_not_replaced BEFORE INSERT ON {table} WHEN EXISTS ({there}) {refuse}",
    ]
