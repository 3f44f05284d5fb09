"""Making a token: on the page, by REST, and what is refused."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from accounts import credentials
from accounts.credentials import Change
from accounts.digests import digest
from accounts.errors import StaleProof, TooManyAttempts
from accounts.models import SecurityEvent, User
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.tokens.doors import rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tokens import expiry, flows, limits, minting
from tokens.errors import ExpiryRefused, LabelRefused, LabelTaken, TokenLimit, TokenRevoked
from tokens.minting import Minted
from tokens.models import EndReason, Token, TokenKind, TokenState

pytestmark = pytest.mark.django_db
NEW = "/profile/tokens/new/"
TOKENS = "/api/v1/tokens/"


def make(user: User, label: str = "nightly", **wish: Any) -> Minted:
    wish = {"expires": None, "kind": TokenKind.API, "actor": actor(user), **wish}
    return flows.create(user=user, label=label, **wish)


def test_a_token_lives_one_calendar_month_unless_asked_otherwise() -> None:
    with time_machine.travel(datetime(2027, 1, 31, 12, 30, tzinfo=UTC), tick=False):
        assert make(UserFactory()).token.expires == datetime(2027, 2, 28, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (datetime(2026, 11, 24, 1, tzinfo=UTC), 1, datetime(2026, 12, 24, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), 1, datetime(2027, 1, 31, tzinfo=UTC)),
        (datetime(2028, 1, 31, tzinfo=UTC), 1, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), 12, datetime(2029, 2, 28, tzinfo=UTC)),
    ],
)
def test_months_are_those_of_the_calendar(start: datetime, months: int, end: datetime) -> None:
    assert expiry.months_after(start, months) == end


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=-1), timedelta(days=367), timedelta(days=4000)])
def test_tok_09_an_end_that_is_past_or_beyond_a_year_is_refused(ahead: timedelta) -> None:
    with pytest.raises(ExpiryRefused):
        make(UserFactory(), expires=timezone.now() + ahead)
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    "label", ["", "   ", "x" * 65, "a\x00b", "a\nb", "a\u202eb", "a\u2066b", "a\u200fb", "a\u2028b", "a\x7fb", "\ud800"]
)
def test_tok_12_a_label_that_deceives_or_is_none_is_refused(label: str) -> None:
    with pytest.raises(LabelRefused):
        make(UserFactory(), label=label)


def test_a_label_is_kept_in_its_composed_form() -> None:
    assert make(UserFactory(), label="  cafe\u0301 ").token.label == "café"


def test_tok_02_only_the_digest_and_four_characters_of_a_text_are_stored_and_it_stays_out_of_logs() -> None:
    minted = make(UserFactory())
    assert minted.token.digest == digest(minted.text)
    assert minted.text not in repr(minted)
    dump = json.dumps(list(Token.objects.values()) + list(SecurityEvent.objects.values()), default=str)
    assert minted.text[:9] not in dump
    assert minted.text[26:] not in dump


def test_a_label_of_a_live_token_is_taken_and_of_an_ended_one_free() -> None:
    user = UserFactory()
    first = make(user)
    with pytest.raises(LabelTaken) as refused:
        make(user)
    assert refused.value.data["token_id"] == first.token.public_id
    flows.revoke(tokens=[first.token], actor=actor(user), why=EndReason.REVOKED)
    assert make(user).token.state == TokenState.ACTIVE


def test_a_label_is_free_once_its_token_is_past_its_end_before_the_worker_came() -> None:
    old = TokenFactory(past=True, label="nightly")
    make(old.user)
    old.refresh_from_db()
    assert (old.state, old.end_why) == (TokenState.EXPIRED, EndReason.EXPIRED)


def test_two_people_can_use_the_same_label() -> None:
    assert make(UserFactory()).token.label == make(UserFactory()).token.label


def test_tok_13_nobody_has_more_live_tokens_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIVE_PER_USER", 2)
    user = UserFactory()
    TokenFactory.create_batch(2, user=user)
    with pytest.raises(TokenLimit):
        make(user)


def test_tok_13_the_sixty_first_token_in_an_hour_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (limits.MADE_PER_HOUR, limits.LIVE_PER_USER) == (60, 500)
    monkeypatch.setattr(limits, "MADE_PER_HOUR", 2)
    user = UserFactory()
    make(user, "a")
    make(user, "b")
    with pytest.raises(TooManyAttempts):
        make(user, "c")
    text = token_and_text(user=user)[1]
    answer = rest("POST", TOKENS, text, {"label": "d"})
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_a_page_opened_before_a_credential_change_makes_no_token_after_it() -> None:
    user = UserFactory()
    User.objects.filter(pk=user.pk).update(session_epoch=user.session_epoch + 1)
    with pytest.raises(StaleProof):
        make(user)


def test_a_token_that_was_revoked_meanwhile_makes_none() -> None:
    presenter = TokenFactory()
    flows.revoke(tokens=[presenter], actor=actor(presenter.user), why=EndReason.REVOKED)
    with pytest.raises(TokenRevoked):
        make(presenter.user, presenter=presenter)


def test_a_token_made_by_a_token_does_not_outlive_it() -> None:
    soon = timezone.now() + timedelta(days=2)
    presenter, text = token_and_text(expires=soon)
    assert make(presenter.user, presenter=presenter).token.expires == soon
    later = {"label": "longer", "expires": (soon + timedelta(seconds=5)).isoformat()}
    answer = rest("POST", TOKENS, text, later)
    assert (answer.status_code, answer.json()["code"]) == (403, "wider_than_token")  # type: ignore[attr-defined]


def test_the_token_of_a_job_makes_no_tokens() -> None:
    text = token_and_text(kind=TokenKind.JOB)[1]
    assert rest("POST", TOKENS, text, {"label": "more"}).status_code == 403
    assert Token.objects.count() == 1


def test_tok_03_rest_answers_with_the_text_once_and_keeps_it_out_of_caches() -> None:
    user_token, text = token_and_text()
    answer: Any = rest("POST", TOKENS, text, {"label": "nightly", "projects": {"*": "ADMINISTER"}})
    made = answer.json()
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert set(made) == {
        "id", "label", "kind", "state", "projects", "created", "expires", "last_used", "last_used_from", "prefix", "token", "retires",
        "replaces", "made_with", "ended", "end_reason", "tried", "tried_from", "tries",
    }  # fmt: skip
    assert rest("GET", "/api/v1/me/", made["token"]).status_code == 200
    shown: Any = rest("GET", f"{TOKENS}{made['id']}/", text)
    assert "token" not in shown.json()
    assert made["token"].encode() not in shown.content
    assert Token.objects.get(public_id=made["id"]).user == user_token.user


@pytest.mark.parametrize(
    "body",
    [
        {}, [], "text", {"label": None}, {"label": 5}, {"label": True}, {"label": ["a"]}, {"label": "x" * 10_000},
        {"label": "a", "expires": "soon"}, {"label": "a", "expires": 5}, {"label": "a", "expires": True},
        {"label": "a", "expires": "99999-01-01T00:00:00Z"}, {"label": "a", "expires": "0001-01-01T00:00:00+14:00"},
        *({"label": "a", name: "x"} for name in ("user", "id", "kind", "state", "created", "digest", "prefix", "ended_at")),
    ],
)  # fmt: skip
def test_a_body_of_the_wrong_shape_is_refused_and_makes_nothing(body: object) -> None:
    answer: Any = rest("POST", TOKENS, token_and_text()[1], body)
    assert answer.status_code in (400, 422), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert Token.objects.count() == 1


def test_tok_03_the_page_shows_the_text_in_the_answer_to_the_form_and_never_again() -> None:
    browser = signed_in(UserFactory())
    answer = browser.post(NEW, {"label": "nightly", "expires": "7"})
    text = answer.context["text"]
    assert answer.status_code == 200
    assert text in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    token = Token.objects.get(label="nightly")
    assert abs(token.expires - token.created - timedelta(days=7)) < timedelta(minutes=1)
    for path in (NEW, "/profile/tokens/", f"/profile/tokens/{token.public_id}/"):
        assert text not in browser.get(path).content.decode()
    again = browser.post(NEW, {"label": "nightly", "expires": "7"})
    assert again.status_code == 409
    assert text not in again.content.decode()


@pytest.mark.parametrize(("fields", "days"), [({}, 28), ({"expires": ""}, 28), ({"expires": "90"}, 90), ({"expires": "365"}, 365)])
def test_the_form_takes_presets_and_defaults_to_a_month(fields: dict[str, str], days: int) -> None:
    signed_in(UserFactory()).post(NEW, {"label": "nightly", **fields})
    token = Token.objects.get()
    assert days <= (token.expires - token.created + timedelta(minutes=1)).days <= max(days, 31)


@pytest.mark.parametrize("way", [{"expires": "date", "expires_on": "{day}"}, {"expires": "{day}"}])
def test_a_chosen_date_means_the_end_of_that_day(way: dict[str, str]) -> None:
    day = (timezone.now() + timedelta(days=5)).date()
    fields = {name: value.format(day=day) for name, value in way.items()}
    signed_in(UserFactory()).post(NEW, {"label": "nightly", **fields})
    assert Token.objects.get().expires == datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)


def test_the_last_day_of_the_year_can_be_chosen() -> None:
    last = expiry.longest(timezone.now()).date()
    signed_in(UserFactory()).post(NEW, {"label": "nightly", "expires": "date", "expires_on": last.isoformat()})
    assert Token.objects.get().expires.date() == last


@pytest.mark.parametrize(
    "fields",
    [
        {"label": ""}, {"label": "a\u202eb"}, {"label": "x", "expires": "date"}, {"label": "x", "expires": "soon"},
        {"label": "x", "expires": "2026-13-45"}, {"label": "x", "expires": "date", "expires_on": "2001-01-01"},
        {"label": "x", "expires": "date", "expires_on": "2999-01-01"}, {"label": "x", "expires": "date", "expires_on": "no"},
    ],
)  # fmt: skip
def test_the_form_comes_back_with_a_sentence_where_something_is_wrong(fields: dict[str, str]) -> None:
    answer = signed_in(UserFactory()).post(NEW, fields)
    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert not Token.objects.exists()


def test_the_text_is_not_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []
    monkeypatch.setattr(cache, "set", lambda *args, **kwargs: kept.append(args))
    minted = make(UserFactory())
    assert minted.text not in repr(kept)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_tok_12_of_two_requests_for_one_label_at_once_one_wins_and_the_other_is_told(race: Race) -> None:
    text = token_and_text()[1]
    statuses = race(2, lambda _: rest("POST", TOKENS, text, {"label": "same"}).status_code)
    assert sorted(statuses) == [201, 409]
    assert Token.objects.filter(label="same").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_no_token_made_beside_a_change_that_revokes_them_outlives_it(race: Race) -> None:
    user = UserFactory()

    def change_or_make(number: int) -> None:
        if number == 0:
            change_credential(user)
        else:
            make(User.objects.get(pk=user.pk) if number % 2 else user, f"beside {number}")

    race(8, change_or_make)
    changed = SecurityEvent.objects.filter(event="token.revoked").last()
    survivors = Token.objects.of(user).live()
    # Who read the person after the change may make a token; who read them before may not.
    assert all(changed is None or token.created >= changed.at for token in survivors)


def change_credential(user: User) -> None:
    """Rotate the epoch and revoke every token, as a password change with *Revoke Active Tokens* does."""
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        credentials.announce(locked, change=Change.PASSWORD, actor=actor(locked), revoke_tokens=True)


def test_an_end_that_passes_while_the_lock_is_waited_for_makes_no_token(clock: Any) -> None:
    user = UserFactory()
    ends = timezone.now() + timedelta(milliseconds=50)
    real = minting.require_still_allowed

    def slow(*args: Any, **kwargs: Any) -> None:
        clock.shift(1)
        real(*args, **kwargs)

    with patch("tokens.minting.require_still_allowed", slow), pytest.raises(ExpiryRefused):
        flows.create(user=user, label="late", expires=ends, kind=TokenKind.API, actor=actor(user))
    assert not Token.objects.exists()


def test_options_tells_nothing_of_the_code() -> None:
    token, text = token_and_text()
    answer: Any = rest("OPTIONS", "/api/v1/tokens/", text)
    assert answer.status_code in (200, 405)
    assert b"text" not in answer.content
    assert token.label.encode() not in answer.content


@pytest.mark.parametrize("label", ["\u200b", "\ufeff", "\U000e0001", "\u3164", "\u2800\u115f", "\u00ad\u200d"])
def test_a_label_that_cannot_be_seen_is_no_label(label: str) -> None:
    with pytest.raises(LabelRefused):
        make(UserFactory(), label)


def test_a_label_that_would_take_long_to_normalise_is_refused_without_that() -> None:
    with patch("accounts.spelling.unicodedata.normalize", side_effect=unicodedata.normalize) as normalised, pytest.raises(LabelRefused):
        make(UserFactory(), "a" + "\u0301\u0316" * 200_000)
    assert not [call for call in normalised.call_args_list if len(call.args[1]) > 4 * limits.LABEL_MAX_CHARS]


@pytest.mark.parametrize(
    "label", ["a" + " " * 1000 + "b", "dep\u200bloy", "soft\u00adhyphen", "\ufeffdeploy", "de\u200dploy", "deploy\u200d"]
)
def test_a_label_that_hides_a_part_of_itself_is_refused(label: str) -> None:
    with pytest.raises(LabelRefused):
        make(UserFactory(), label)


@pytest.mark.parametrize("label", ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f469\u200d\U0001f52c"])
def test_a_joiner_between_letters_or_pictures_is_a_part_of_the_word(label: str) -> None:
    assert make(UserFactory(), label).token.label == label
