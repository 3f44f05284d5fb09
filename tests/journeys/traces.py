"""Where a secret text stands, after all that was done with it: in any column of any table, in any file of the server, in the cache."""

import os
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from redis import Redis

from tests.journeys.house import Database, House

SHOWN_CHARS = 8  # the list shows how a token begins
TELLING_CHARS = 16


def spellings(text: str) -> list[bytes]:
    """Return what would betray `text`: its characters 9 to 24, as they are, in hex, and in base64 wherever they stand in it."""
    part = text[SHOWN_CHARS : SHOWN_CHARS + TELLING_CHARS].encode()
    encoded = [b64encode(b"\0" * before + part).rstrip(b"=") for before in range(3)]
    return [part, part.hex().encode(), *(each[4 if before else 0 : -4] for before, each in enumerate(encoded))]


def traces(house: House, text: str) -> list[str]:
    """Return the places that hold `text` or a telling part of it."""
    betraying = spellings(text)
    return [place for place, content in _everything(house) if any(one in content for one in betraying)]


def _everything(house: House) -> Iterator[tuple[str, bytes]]:
    yield from _cells(house.database)
    for path in house.var.rglob("*"):
        if path.is_file():  # the log, the mails, and with SQLite the file of the database with what was deleted in it
            yield str(path.name), path.read_bytes()
    yield from _cached()


def _cells(database: Database) -> Iterator[tuple[str, bytes]]:
    for table in database.tables():
        for row in database.rows(f'SELECT * FROM "{table}"'):  # noqa: S608
            yield from ((f"{table}, column {number}", _bytes(value)) for number, value in enumerate(row, start=1))


def _bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def _cached() -> Iterator[tuple[str, bytes]]:
    url = os.environ.get("CACHE_URL", "")
    if not url.startswith("redis"):
        return  # it is in the memory of the server's processes, and goes with them
    with Redis.from_url(url) as server:
        for key in server.scan_iter():
            value = server.get(key) if server.type(key) == b"string" else server.dump(key)
            yield "cache", bytes(key) + (value or b"")
