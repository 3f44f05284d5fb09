"""What faults are tested with: a server that dies at a point, services to be killed, and an exact picture of the database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.services import Postgres, RedisServer, needs_own_services, own_postgres, own_redis
from tests.journeys.house import Database, House, furnish, house, house_on

DATABASE = "gatehouse"


@pytest.fixture
def dying_house(plan: Database, tmp_path: Path) -> Iterator[Callable[[str], House]]:
    """Starts a server that a fail-point kills."""
    with ExitStack() as stack:
        yield lambda point: stack.enter_context(house(plan, tmp_path / "house", FAILPOINTS=f"{point}=kill"))


@pytest.fixture
def sound_house(plan: Database, tmp_path: Path) -> Iterator[House]:
    """A server that nothing but the test kills."""
    with house(plan, tmp_path / "house") as started:
        yield started


@pytest.fixture(scope="session")
def made_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A cluster with a furnished database, stopped, to be copied."""
    needs_own_services()
    with own_postgres() as server:
        server.execute(f"CREATE DATABASE {DATABASE}")
        furnish(Database(server.url(DATABASE)), tmp_path_factory.mktemp("furnish"))
        server.stop()
        yield server


@pytest.fixture
def postgres(made_postgres: Postgres) -> Iterator[Postgres]:
    """A running PostgreSQL of this test's own, with a furnished database."""
    with own_postgres(made_postgres) as server:
        yield server


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running Redis of this test's own."""
    needs_own_services()
    with own_redis() as server:
        yield server


@pytest.fixture
def houses(postgres: Postgres, redis_server: RedisServer, tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Starts servers that share this test's PostgreSQL and Redis; each call one more, with these environment variables."""
    database = Database(postgres.url(DATABASE))
    with ExitStack() as stack:

        def start(**settings: str) -> House:
            return stack.enter_context(house_on(database, tmp_path / "house", **{"CACHE_URL": redis_server.url, **settings}))

        yield start
