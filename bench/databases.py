"""A database on a PostgreSQL server that exists for one process of the bench."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

CONNECT_SECONDS = 5
_numbers = count(1)


def is_reachable(server_url: str) -> bool:
    """Return whether there is a server to make databases on."""
    try:
        psycopg.connect(server_url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def scratch_database(server_url: str) -> Iterator[str]:
    """Give the address of a new, empty database, and drop it afterwards."""
    name = f"gatehouse_bench_{os.getpid()}_{next(_numbers)}"
    quoted = sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True, connect_timeout=CONNECT_SECONDS) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(quoted))
        try:
            yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))
