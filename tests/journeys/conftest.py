"""The doors of journeys: a real server, a real browser, the real dx client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.journeys import browser
from tests.journeys.browser import Windows
from tests.journeys.dx import DxClient
from tests.journeys.house import Database, House, house

SHORT_IDLE_LIMIT_SECONDS = 8


@pytest.fixture(scope="package")
def houses(plan: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., House]]:
    """Gives the server with these environment variables; each is started once."""
    started: dict[str, House] = {}
    with ExitStack() as stack:

        def get(**settings: str) -> House:
            name = repr(sorted(settings.items()))
            if name not in started:
                started[name] = stack.enter_context(house(plan, tmp_path_factory.mktemp("house"), **settings))
            return started[name]

        yield get


@pytest.fixture
def server(houses: Callable[..., House]) -> House:
    """The server with the defaults."""
    return houses()


@pytest.fixture
def hasty_server(houses: Callable[..., House]) -> House:
    """A server that ends a session after a few seconds without activity."""
    return houses(IDLE_LIMIT_SECONDS=str(SHORT_IDLE_LIMIT_SECONDS))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser. It goes with this package: while it runs, Django would refuse the database to tests of this thread."""
    with browser.chromium() as started:
        yield started


@pytest.fixture
def windows(chromium: Browser, server: House) -> Iterator[Windows]:
    """Opens browser windows at the server; afterwards none may have complained."""
    opener = Windows(chromium, server.url)
    yield opener
    opener.close()


@pytest.fixture
def hasty_windows(chromium: Browser, hasty_server: House) -> Iterator[Windows]:
    """Opens browser windows at the server with the short idle limit."""
    opener = Windows(chromium, hasty_server.url)
    yield opener
    opener.close()


@pytest.fixture
def machines(server: House, tmp_path: Path) -> Callable[[], DxClient]:
    """Gives the real dx client, for the server, each time on another machine."""
    numbers = count()

    def get() -> DxClient:
        folder = tmp_path / f"machine{next(numbers)}"
        folder.mkdir()
        return DxClient(folder, server.port)

    return get


@pytest.fixture
def dx(machines: Callable[[], DxClient]) -> DxClient:
    """The real dx client, for the server."""
    return machines()
