"""No transaction is open while a password is hashed, a mail is sent or bytes come and go: SQLite has one writer (REL-01)."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.files.storage import FileSystemStorage
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from accounts import outbox
from accounts.models import OutboxMail, Session, User
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory
from tests.faults.links import CONFIRM, RESET, mailed_link
from tests.orgs.factories import OrganizationFactory, invite, opened
from tests.projects.factories import project_of
from tests.tokens.doors import dx
from tests.work.factories import content_of, desk_of, download, uploaded

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "another correct horse battery"


@pytest.fixture
def slow_work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each piece of slow work, and says where one is done within a transaction."""
    done: list[str] = []

    def watch(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def watched(*given: Any, **named: Any) -> Any:
            done.append(name if not connection.in_atomic_block else f"{name} in a transaction")
            return original(*given, **named)

        monkeypatch.setattr(owner, name, watched)

    for name in ("encode", "verify"):
        watch(MD5PasswordHasher, name)
    watch(EmailBackend, "send_messages")
    for name in ("_save", "_open"):
        watch(FileSystemStorage, name)
    return done


def test_rel_01_hashes_mails_and_bytes_hold_no_transaction(web: WebDoor, browsers: Any, slow_work: list[str]) -> None:
    amy: User = UserFactory(username="amy", email="amy@example.com")
    project = project_of(amy)
    slow_work.clear()
    web.send("/login/", {"username": "amy", "password": "wrong"})
    web.sign_in(amy)
    dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD, "expires": 1_900_000_000_000})
    assert web.send("/security/email/", {"email": "new@example.com", "current_password": PASSWORD}).status_code == 302
    assert web.send(mailed_link(CONFIRM)).status_code in (200, 302)
    web.sign_in(amy)
    fields = {"current_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert web.send("/security/password/", fields).status_code == 302
    browsers().send("/password/reset/", {"email": "new@example.com"})
    reset = browsers()
    choosing = reset.get(mailed_link(RESET))["Location"]
    assert reset.send(choosing, {"new_password1": PASSWORD, "new_password2": PASSWORD}).status_code in (200, 302)
    org = OrganizationFactory(handle="acme", admins=[amy])
    invite(org, amy, "dana@example.com")
    person = {"username": "dana", "first_name": "D", "last_name": "D", "new_password1": NEW, "new_password2": NEW}
    newcomer = browsers()
    assert newcomer.send(opened(newcomer), {"act": "accept", **person}).status_code in (200, 302)
    web.sign_in(amy)
    secure = {"since": "day", "current_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert web.send("/security/compromised/", secure).status_code == 302
    desk = desk_of(amy, project)
    assert content_of(download(desk.text, uploaded(desk.text, project, "f", [b"bytes"]))) == b"bytes"
    outbox.deliver_due()
    assert not [what for what in slow_work if "transaction" in what]
    assert set(slow_work) == {"encode", "verify", "send_messages", "_save", "_open"}
    assert mail.outbox
    assert OutboxMail.objects.filter(state="sent").exists()
    assert not Session.objects.of(amy).exists()


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="of SQLite")
def test_rel_01_sqlite_runs_as_the_settings_say(db: None) -> None:
    with connection.cursor() as cursor:
        told = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "busy_timeout")]
    assert told[0] == "wal"
    assert told[1] == 2  # FULL
    assert told[2] >= 5000
    assert connection.transaction_mode == "IMMEDIATE"  # type: ignore[attr-defined]
