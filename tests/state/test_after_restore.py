"""`manage.py after_restore`: what was ended since the backup is ended again, by an explicit choice for tokens (F16)."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit import Event
from accounts.models import EmailChange, OutboxMail, PasswordReset, SecurityEvent, Session, User
from accounts.restoring import EVER, Restore, restore
from orgs.models import Invitation
from tests.conftest import WebDoor
from tests.factories import PASSWORD, actor
from tests.orgs.factories import OrganizationFactory, invite
from tests.tokens.doors import rest
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import supporter, turned_on
from tests.work.factories import Desk, announce, begin, put_part, uploaded
from tokens.models import Token
from tokens.work.models import Part, Transfer
from twofactor import flows as two_factor_flows
from twofactor.models import ResetRequest

pytestmark = pytest.mark.django_db


def after_restore(*options: str) -> list[str]:
    said = StringIO()
    call_command("after_restore", *options, stdout=said)
    return said.getvalue().splitlines()


@pytest.fixture
def underway(web: WebDoor, desk: Desk, ben: User) -> WebDoor:
    """What a backup may catch: sessions, a login before its code, links, a wish for another address, an invitation, a reset, an upload."""
    web.sign_in(desk.user)
    web.send("/security/email/", {"email": "amy@new.example.com", "current_password": PASSWORD})
    WebDoor().send("/password/reset/", {"email": desk.user.email})
    turned_on(ben)
    WebDoor().send("/login/", {"username": "ben", "password": PASSWORD})
    two_factor_flows.ask(person=ben, staff=supporter("sam"), actor=actor(door="admin"))
    invite(OrganizationFactory(admins=[desk.user]), desk.user, "new@example.com")
    announce(desk.text, begin(desk.text, desk.project, "open.bin"), b"1234")
    assert Session.objects.count() == 2
    return web


def test_a_choice_for_tokens_is_demanded(underway: WebDoor) -> None:
    with pytest.raises(CommandError, match="--revoke-all-tokens --revoke-issued-after --keep-tokens is required"):
        after_restore()
    with pytest.raises(CommandError, match="not allowed with"):
        after_restore("--keep-tokens", "--revoke-all-tokens")
    for moment in ("yesterday", "2026-11-24T07:41"):
        with pytest.raises(CommandError, match="2026-11-24T07:41Z"):
            after_restore("--revoke-issued-after", moment)
    assert Session.objects.count() == 2


def test_it_ends_every_login_and_all_that_is_under_way(underway: WebDoor, desk: Desk) -> None:
    epochs = dict(User.objects.values_list("username", "session_epoch"))
    said = after_restore("--keep-tokens")
    assert said[:8] == [
        f"epochs: {len(epochs)}", "sessions: 2", "reset links: 1", "changes of address: 1", "mails with a link: 3", "invitations: 1",
        "resets by support: 1", "tokens: 0",
    ]  # fmt: skip
    assert dict(User.objects.values_list("username", "session_epoch")) == {name: epoch + 1 for name, epoch in epochs.items()}
    assert not Session.objects.exists()
    assert not PasswordReset.objects.exists()
    assert EmailChange.objects.get().state == "cancelled"
    assert Invitation.objects.get().state == "withdrawn"
    assert ResetRequest.objects.get().state == "overtaken"
    assert not OutboxMail.objects.filter(state="waiting", good_until__isnull=False).exists()
    assert OutboxMail.objects.filter(state="waiting").exists()
    assert rest("get", "/api/v1/me/", desk.text).status_code == 200
    assert Transfer.objects.running().count() == 1


def test_it_is_in_the_log_and_browsers_are_told(underway: WebDoor) -> None:
    after_restore("--keep-tokens")
    event = SecurityEvent.objects.get(event=Event.SERVER_RESTORED.value)
    assert event.door == "shell"
    assert event.data["ended"]["sessions"] == 2
    ended = SecurityEvent.objects.filter(event="session.ended", data__why="restored")
    assert [row.subject for row in ended] == [User.objects.get(username="amy")]
    answer = underway.get("/security/")
    assert "why=restored" in answer["Location"]
    assert "restored from a backup" in underway.get(answer["Location"]).content.decode()


def test_a_second_run_ends_nothing_more(underway: WebDoor) -> None:
    after_restore("--revoke-all-tokens")
    events = SecurityEvent.objects.count()
    said = after_restore("--revoke-all-tokens")
    assert [line for line in said if line.endswith(": 0")] == [line for line in said if not line.startswith("epochs")]
    assert SecurityEvent.objects.count() == events + 1


def test_killed_half_way_it_is_run_again(underway: WebDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(two_factor_flows, "overtake", die)
        with pytest.raises(RuntimeError, match="killed"):
            after_restore("--revoke-all-tokens")
    assert Token.objects.live().exists()
    assert not SecurityEvent.objects.filter(event=Event.SERVER_RESTORED.value).exists()
    assert "resets by support: 1" in after_restore("--revoke-all-tokens")
    assert not Token.objects.with_authority().exists()


def test_tokens_made_after_the_moment_are_revoked_with_what_they_made_and_what_runs_on_them(underway: WebDoor, desk: Desk) -> None:
    moment = timezone.now() - timedelta(hours=1)
    old, text = token_and_text(user=desk.user, created=moment - timedelta(days=1))
    made_by_new = TokenFactory(user=desk.user, parent=desk.token, created=moment - timedelta(days=1))
    said = after_restore("--revoke-issued-after", moment.isoformat())
    assert "tokens: 2" in said
    assert rest("get", "/api/v1/me/", text).status_code == 200
    assert rest("get", "/api/v1/me/", desk.text).status_code == 401
    assert list(Token.objects.live()) == [old]
    assert Token.objects.get(pk=desk.token.pk).end_why == "restored"
    assert Token.objects.get(pk=made_by_new.pk).state == "revoked"
    assert Transfer.objects.get().state == "failed"


def test_many_are_ended_in_batches(underway: WebDoor, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.limits.READ_BATCH_ROWS", 2)
    monkeypatch.setattr("accounts.limits.SWEEP_BATCH_ROWS", 2)
    TokenFactory.create_batch(5, user=desk.user)
    ended = restore(Restore(revoke_issued_after=EVER, actor=actor()))
    assert ended["tokens"] == 6
    assert ended["sessions"] == 2
    assert ended["epochs"] == User.objects.count()


def test_bytes_that_are_missing_and_bytes_that_nothing_names_are_named(underway: WebDoor, desk: Desk, files_dir: Path) -> None:
    lost, kept = (uploaded(desk.text, desk.project, name) for name in ("lost.bin", "kept.bin"))
    put_part(desk.text, begin(desk.text, desk.project, "half.bin"), b"12345")
    part = Part.objects.get(file__public_id=lost)
    (files_dir / part.stored_as).unlink()
    newer = files_dir / "file-newer" / "key"
    newer.parent.mkdir()
    newer.write_bytes(b"x")
    (files_dir / kept / "another").write_bytes(b"x")
    assert sorted(after_restore("--keep-tokens")[8:]) == sorted(
        [
            f"Part 1 of {lost} (closed; /lost.bin in {desk.project.public_id}) has lost its bytes: {part.stored_as} is not in the storage.",
            f"{kept}/another is in the storage and belongs to no file.",
            "file-newer/key is in the storage and belongs to no file.",
        ]
    )
