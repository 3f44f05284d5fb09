"""The write-ahead log is cut when it has grown, and nobody waits long for that (REL-01)."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import User
from config import wal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log, of which every byte is worth it."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL looks after its own")
    monkeypatch.setattr("config.wal.WORTH_BYTES", 1)
    return Path(f"{connection.settings_dict['NAME']}-wal")


def test_a_log_that_has_grown_is_cut(log: Path, amy: User) -> None:
    assert log.stat().st_size > 0
    assert wal.checkpoint() == 1
    assert log.stat().st_size == 0
    assert wal.checkpoint() == 0


def test_while_somebody_reads_it_stays_and_afterwards_it_is_cut(log: Path, amy: User) -> None:
    with closing(sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM accounts_user").fetchone() == (1,)
        User.objects.update(first_name="Amelia")
        assert wal.checkpoint() == 0
        assert log.stat().st_size > 0
    assert User.objects.get().first_name == "Amelia"
    assert wal.checkpoint() == 1


def test_a_small_log_is_left_alone(amy: User) -> None:
    assert wal.checkpoint() == 0
