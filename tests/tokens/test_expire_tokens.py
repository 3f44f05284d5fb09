"""Marking what time has ended."""

import pytest

from accounts.models import SecurityEvent
from tests.factories import UserFactory
from tests.tokens.doors import signed_in
from tests.tokens.factories import TokenFactory
from tokens import flows, limits
from tokens.models import EndReason, TokenState

pytestmark = pytest.mark.django_db


def test_the_worker_marks_and_records_each_expired_token_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EXPIRY_BATCH_ROWS", 2)
    due = [*TokenFactory.create_batch(4, past=True), TokenFactory(past=True, retired=True)]
    live = TokenFactory()
    assert (flows.expire_due(), flows.expire_due()) == (5, 0)
    for token in [*due, live]:
        token.refresh_from_db()
    assert {(token.state, token.end_why, token.ended_by) for token in due} == {("expired", EndReason.EXPIRED, None)}
    assert live.state == TokenState.ACTIVE
    events = SecurityEvent.objects.filter(event="token.expired", door="worker")
    assert {event.subject_id for event in events} == {token.user_id for token in due}


def test_before_the_worker_came_an_expired_token_is_shown_as_expired_and_no_longer_as_live() -> None:
    user = UserFactory()
    token = TokenFactory(user=user, past=True, label="old-laptop")
    browser = signed_in(user)
    assert token.state_word == "expired"
    assert "old-laptop" not in browser.get("/profile/tokens/").content.decode()
    assert "old-laptop" in browser.get("/profile/tokens/?ended=1").content.decode()
    assert "expired" in browser.get(f"/profile/tokens/{token.public_id}/").content.decode()
