"""A database on a PostgreSQL server that exists for one run of the bench."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

CONNECT_SECONDS = 5


@contextmanager
def scratch_database(server_url: str, what_for: str) -> Iterator[str]:
    """Give the address of a new, empty database, and drop it afterwards; raises psycopg.OperationalError without a server."""
    name = f"gatehouse_bench_{what_for}_{os.getpid()}"
    quoted = sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True, connect_timeout=CONNECT_SECONDS) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(quoted))
        try:
            yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))
