"""The worker is dead, hangs inside a lease, or runs twice (F13). That a dead one is told of is shown in the tests of /readyz."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.aftermath import assert_holds
from tests.faults.conftest import DATABASE
from tests.faults.parts import run, web_alone, worker
from tests.faults.services import Postgres
from tests.faults.sink import Sink, sink
from tests.journeys.house import NEW_PASSWORD, Database, House, until
from tests.journeys.visitor import Visitor, dx_call, make_projects, send, with_token

pytestmark = pytest.mark.faults

TAKEN_UP_SECONDS = 60  # REL-02
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
    with web_alone(database, tmp_path / "house", EMAIL_URL=post.url) as house:
        name = house.person()
        _revoke_and_expiry_are_at_once(house, name)
        _ends_of_sessions_are_at_once(house, name)
        assert Visitor(house.url).sign_in(house.person()).signed_in
        assert not post.letters
        with worker(database, house.var, EMAIL_URL=post.url):
            until(lambda: post.letters, seconds=TAKEN_UP_SECONDS, what="the mails")
            until(lambda: not house.rows("SELECT 1 FROM tokens_token WHERE state = 'active' AND label = 'late'"), what="the marks")
            assert_holds(house)
    database.drop()


def _revoke_and_expiry_are_at_once(house: House, name: str) -> None:
    visitor, past = Visitor(house.url).sign_in(name), house.moment(datetime.now(UTC) - timedelta(seconds=1))
    revoked, expired = visitor.make_token("gone"), visitor.make_token("late")
    assert [with_token(house.url, text).status for text in (revoked, expired)] == [200, 200]
    [(public_id,)] = house.rows("SELECT public_id FROM tokens_token WHERE label = 'gone'")
    assert send(f"{house.url}/api/v1/tokens/{public_id}/", method="DELETE", headers=bearer(revoked)).status == 204
    old = house.moment(datetime.now(UTC) - timedelta(days=1))
    house.database.execute(f"UPDATE tokens_token SET created = '{old}', expires = '{past}' WHERE label = 'late'")  # noqa: S608
    for text in (revoked, expired):
        assert with_token(house.url, text).status == 401
        assert dx_call(house.url, "system/whoami", {}, text).status == 401


def _ends_of_sessions_are_at_once(house: House, name: str) -> None:
    idle, left, changed = (Visitor(house.url).sign_in(name) for _ in range(3))
    cookie = {one.name: one.value for one in left.jar}
    left.form("/logout/", at="/profile/")
    assert not left.signed_in
    assert send(f"{house.url}/profile/", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookie.items())}).status == 302
    past = house.moment(datetime.now(UTC) - timedelta(seconds=901))
    [(newest,)] = house.rows("SELECT max(created) FROM accounts_session")
    house.database.execute(f"UPDATE accounts_session SET last_activity = '{past}' WHERE created < '{newest}'")  # noqa: S608
    assert "why=idle" in idle.get("/profile/").location
    assert changed.change_password(NEW_PASSWORD).status == 302
    assert not changed.signed_in


def test_f13_a_worker_that_was_stopped_past_its_lease_does_not_send_again(database: Database, tmp_path: Path, post: Sink) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    run(database, tmp_path, WRITE_MAILS.format(count=1))
    with worker(database, tmp_path, "slow", EMAIL_URL=post.url, FAILPOINTS=f"outbox.leased=pause:{gate}") as slow:
        until(lambda: database.rows("SELECT 1 FROM accounts_outboxmail WHERE attempts = 1"), what="the lease")
        if not database.url.startswith("sqlite"):
            slow.halt()  # SQLite has one lock for all writers, and another task of this process may just hold it
        database.execute(LEASE_OVER)
        with worker(database, tmp_path, "other", EMAIL_URL=post.url):
            until(lambda: len(post.letters) == 1, what="the mail, from another worker")
            gate.unlink()
            slow.go_on()
            run(database, tmp_path, WRITE_MAILS.format(count=2))
            until(lambda: len(post.letters) >= 3, what="two more mails")
        assert slow.stop() == 0
    assert len(post.ids()) == len(set(post.ids())) == 3
    assert database.rows("SELECT DISTINCT state FROM accounts_outboxmail") == [("sent",)]


def test_f13_two_workers_send_each_mail_once_and_end_each_thing_once(database: Database, tmp_path: Path, post: Sink) -> None:
    run(database, tmp_path, WRITE_MAILS.format(count=MANY) + SEED_ENDS.format(count=MANY))
    began = {"EMAIL_URL": post.url}
    with worker(database, tmp_path, "one", **began) as one, worker(database, tmp_path, "two", **began) as two:
        until(lambda: not database.rows("SELECT 1 FROM accounts_outboxmail WHERE state = 'waiting'"), seconds=90, what="all mails")
        until(lambda: not database.rows("SELECT 1 FROM accounts_session"), seconds=90, what="all ends of sessions")
        until(lambda: not database.rows("SELECT 1 FROM tokens_token WHERE state = 'active'"), seconds=90, what="all ends of tokens")
        assert [each.stop() for each in (one, two)] == [0, 0]
    assert len(post.ids()) == len(set(post.ids())) == MANY
    told = database.rows(
        "SELECT event, count(*), count(DISTINCT CAST(data AS text)) FROM accounts_securityevent GROUP BY event ORDER BY event"
    )
    assert [row for row in told if row[0] in ("session.ended", "token.expired")] == [
        ("session.ended", MANY, MANY), ("token.expired", MANY, MANY),
    ]  # fmt: skip
    for each in (one, two):
        assert "deadlock" not in each.log
        assert "Traceback" not in each.log


def test_f13_a_worker_that_stops_inside_a_transaction_holds_nobody_up_for_long(postgres: Postgres, tmp_path: Path) -> None:
    """What it had locked is let go after seconds, and what it was about to do is done once, by whoever is there."""
    gate, database = tmp_path / "gate", Database(postgres.url(DATABASE))
    gate.touch()
    with web_alone(database, tmp_path / "house") as house:
        name = house.person()
        visitor = Visitor(house.url).sign_in(name)
        _vanished_job(house, visitor.make_token("nightly"))
        with worker(database, tmp_path, "slow", FAILPOINTS=f"work.vanished=pause:{gate}") as slow:
            until(lambda: database.rows(_IN_TRANSACTION), what="a worker that is about to end the job")
            slow.halt()
            # It holds the person's row.
            until(lambda: visitor.change_password(NEW_PASSWORD).status == 302, seconds=60, what="an act")
            assert Visitor(house.url).sign_in(name, NEW_PASSWORD).signed_in
            gate.unlink()
            slow.go_on()
            until(lambda: database.rows("SELECT 1 FROM work_job WHERE state = 'failed'"), what="the end of the job")
            assert slow.stop() == 0
        assert_holds(house)
    assert database.rows("SELECT count(*) FROM accounts_securityevent WHERE event = 'work.ended'") == [(1,)]


_DIFFERENT = "count(DISTINCT CAST(data AS text))"
_IN_TRANSACTION = """
SELECT 1 FROM pg_stat_activity
WHERE state = 'idle in transaction' AND query LIKE '%work_job%' AND state_change < now() - interval '1 second'
"""


def _vanished_job(house: House, token: str) -> None:
    [project] = make_projects(house.url, token, "genomes")
    begun = send(
        f"{house.url}/api/v1/jobs/", data=json.dumps({"project": project, "name": "align"}).encode(),
        headers={**bearer(token), "Content-Type": "application/json"},
    )  # fmt: skip
    assert begun.status == 201, begun.text
    house.database.execute(f"UPDATE work_job SET leased_until = '{house.moment(datetime.now(UTC) - timedelta(seconds=1))}'")  # noqa: S608


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
