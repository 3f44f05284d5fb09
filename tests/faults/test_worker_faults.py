"""The worker is dead, hangs inside a lease, or runs twice (F13). That a dead one is told of is shown in the tests of /readyz."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.conftest import DATABASE
from tests.faults.parts import run, web_alone, worker
from tests.faults.sink import Sink, sink
from tests.journeys.house import Database, House, until
from tests.journeys.visitor import Visitor, dx_call, dx_login, with_token

pytestmark = pytest.mark.faults

TAKEN_UP_SECONDS = 60  # REL-02
IDLE_SECONDS = "3"
MANY = 120
LEASE_OVER = "UPDATE accounts_outboxmail SET next_try = created WHERE state = 'waiting'"
WRITE_MAILS = """
from accounts import outbox
from accounts.models import User
for n in range({count}):
    user = User.objects.get(username=f"person{{n:03d}}")
    letter = outbox.Letter(to=user.email, subject="Hello", template="accounts/mail/new_device", user=user)
    outbox.write(letter, ip="", device="", reset_url="http://x")
"""
SEED_ENDS = """
from datetime import timedelta
from django.utils import timezone
from accounts.models import Session, User
from tests.tokens.factories import TokenFactory
now = timezone.now()
people = list(User.objects.filter(username__startswith="person").order_by("pk")[:{count}])
for user in people:
    TokenFactory(user=user, past=True)
Session.objects.bulk_create(
    Session(session_key=f"{{user.pk:064d}}", user=user, idle_limit_seconds=60, last_activity=now - timedelta(hours=1),
            expire_date=now + timedelta(hours=1)) for user in people)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, plan: Database, tmp_path: Path) -> Iterator[Database]:
    """A furnished database that nobody serves yet, of both kinds."""
    if request.param == "postgresql":
        yield Database(request.getfixturevalue("postgres").url(DATABASE))
        return
    copied = plan.copy(tmp_path)
    yield copied
    copied.drop()


@pytest.fixture
def post() -> Iterator[Sink]:
    """A mail server."""
    with sink() as server:
        yield server


def test_f13_without_a_worker_all_that_must_be_at_once_still_is_and_the_rest_follows_once_it_runs(
    plan: Database, tmp_path: Path, post: Sink
) -> None:
    database = plan.copy(tmp_path)
    with web_alone(database, tmp_path / "house", IDLE_LIMIT_SECONDS=IDLE_SECONDS, EMAIL_URL=post.url) as house:
        name = house.person()
        signed_in = Visitor(house.url).sign_in(name)
        _what_must_be_at_once(house, signed_in, name)
        other = Visitor(house.url).sign_in(name)
        until(lambda: not other.signed_in, seconds=10, what="nothing") if False else None
        assert _idle_end(house, name) == 302
        assert not post.letters
        with worker(database, house.var, IDLE_LIMIT_SECONDS=IDLE_SECONDS, EMAIL_URL=post.url):
            until(lambda: post.letters, seconds=TAKEN_UP_SECONDS, what="the mails")
            until(lambda: house.count("accounts_session", name) == 0, seconds=TAKEN_UP_SECONDS, what="the sweep")
    database.drop()
