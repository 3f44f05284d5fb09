"""Rotating: a new text with the same scope, the old one for as long as chosen; and renaming (S4.10)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.errors import ConfirmationNeeded, StaleProof
from accounts.models import SecurityEvent, User
from orgs.projects.models import Level
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.projects.factories import project_of
from tests.tokens.doors import rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tokens import expiry, flows, limits, scope
from tokens.errors import ExpiryRefused, LabelRefused, LabelTaken, NotRotated, OutlivesToken, TokenNotFound, WiderThanToken
from tokens.minting import Minted
from tokens.models import EndReason, Token, TokenKind, TokenState
from tokens.scope import Scope

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"
HOUR = 3600


def rotate(token: Token, overlap: int = HOUR, **more: Any) -> Minted:
    wish = {"user": token.user, "expires": None, "actor": actor(token.user), "confirmed": True}
    return flows.rotate(token=token, overlap_seconds=overlap, **{**wish, **more})


def _line_of(user: User, length: int) -> Token | None:
    """Return the last of so many tokens, each made with the one before."""
    last: Token | None = None
    for _ in range(length):
        last = TokenFactory(user=user, parent=last)
    return last


def status(text: str) -> tuple[int, str]:
    answer: Any = rest("GET", ME, text)
    return answer.status_code, answer.json().get("code", "")


def test_the_new_text_works_at_once_and_the_old_one_until_the_overlap_is_over(clock: Any) -> None:
    old, text = token_and_text(label="nightly")
    minted = rotate(old)
    assert minted.text != text
    assert (minted.token.label, minted.token.replaces) == ("nightly", old)
    old.refresh_from_db()
    assert (old.label, old.state, old.retires_at) == ("nightly (replaced)", "active", timezone.now() + timedelta(seconds=HOUR))
    clock.shift(HOUR - 1)
    assert (status(text)[0], status(minted.text)[0]) == (200, 200)
    clock.shift(1)
    assert (status(text), status(minted.text)[0]) == ((401, "token_replaced"), 200)
    assert (flows.retire_due(), flows.retire_due()) == (1, 0)
    old.refresh_from_db()
    assert (old.state, old.end_why, old.ended_by) == (TokenState.RETIRED, EndReason.REPLACED, None)
    assert status(text) == (401, "token_replaced")


def test_without_an_overlap_the_old_text_is_dead_for_the_next_request() -> None:
    old, text = token_and_text()
    minted = rotate(old, 0)
    assert (status(text), status(minted.text)[0]) == ((401, "token_replaced"), 200)
    old.refresh_from_db()
    assert (old.state, old.end_why) == (TokenState.RETIRED, EndReason.REPLACED)


def test_it_keeps_scope_and_length_of_life_and_tells_what_happened(amy: User, clock: Any) -> None:
    project = project_of(amy)
    reach = Scope(None, {project.public_id: Level.UPLOAD})
    old = flows.create(
        user=amy, label="qc", expires=timezone.now() + timedelta(days=90), kind=TokenKind.API, reach=reach, actor=actor(amy)
    ).token
    clock.shift(timedelta(days=80))
    new = rotate(old, 0).token
    assert scope.of(new) == reach
    assert new.expires == timezone.now() + timedelta(days=90)
    event = SecurityEvent.objects.get(event="token.rotated")
    assert (event.subject, event.about) == (amy, old.public_id)
    assert event.data == {
        "token_id": old.public_id, "label": "qc", "new_id": new.public_id, "label_now": "qc (replaced)", "overlap_seconds": 0,
    }  # fmt: skip
    assert SecurityEvent.objects.filter(event="token.created", about=new.public_id).exists()


def test_a_chosen_end_is_taken_within_a_year() -> None:
    token = TokenFactory()
    ends = timezone.now() + timedelta(days=3)
    assert rotate(token, expires=ends).token.expires == ends
    for wish in (timezone.now() - timedelta(seconds=1), expiry.longest(timezone.now()) + timedelta(days=1)):
        with pytest.raises(ExpiryRefused):
            rotate(TokenFactory(), expires=wish)


@pytest.mark.parametrize(
    ("traits", "error"),
    [
        ({"cli": True}, NotRotated), ({"kind": TokenKind.JOB}, NotRotated), ({"retired": True, "kind": TokenKind.API}, NotRotated),
        ({"revoked": True}, TokenNotFound), ({"past": True}, TokenNotFound), ({"marked_expired": True}, TokenNotFound),
    ],
)  # fmt: skip
def test_only_a_living_api_token_is_rotated(traits: dict[str, Any], error: type[Exception]) -> None:
    token = TokenFactory(**traits)
    with pytest.raises(error):
        rotate(token)
    assert Token.objects.count() == 1


def test_a_token_is_rotated_once_and_its_successor_is_named() -> None:
    token = TokenFactory()
    new = rotate(token).token
    with pytest.raises(NotRotated, match=new.public_id):
        rotate(token)
    assert rotate(new).token.replaces == new
    assert set(Token.objects.values_list("label", flat=True)) == {token.label, f"{token.label} (replaced)", f"{token.label} (replaced) (2)"}


def test_a_label_of_full_length_stays_within_it(amy: User) -> None:
    token: Token = TokenFactory(user=amy, label="x" * 64)
    for _ in range(3):
        token = rotate(token).token
        assert token.label == "x" * 64
    assert all(len(label) <= 64 for label in Token.objects.values_list("label", flat=True))
    assert Token.objects.live().count() == 4


def test_another_persons_token_is_not_found() -> None:
    with pytest.raises(TokenNotFound):
        rotate(TokenFactory(), user=UserFactory())


def test_what_was_made_with_it_goes_over_to_the_new_one(amy: User) -> None:
    old = TokenFactory(user=amy)
    child = TokenFactory(user=amy, parent=old)
    new = rotate(old).token
    child.refresh_from_db()
    assert child.parent == new
    flows.revoke(tokens=[old], actor=actor(amy), why=EndReason.REVOKED)
    assert {token.pk for token in Token.objects.live()} == {new.pk, child.pk}


def test_a_token_that_rotates_itself_gets_no_longer_life_and_takes_the_new_one_along_when_revoked(amy: User) -> None:
    old = TokenFactory(user=amy)
    with pytest.raises(OutlivesToken):
        rotate(old, presenter=old, expires=old.expires + timedelta(days=1))
    new = rotate(old, presenter=old).token
    assert (new.parent, new.expires) == (old, old.expires)
    flows.revoke(tokens=[old], actor=actor(amy), why=EndReason.REVOKED)
    new.refresh_from_db()
    assert (new.state, new.end_why) == (TokenState.REVOKED, EndReason.PARENT)


def test_a_token_may_renew_itself_again_and_again_and_the_first_text_takes_the_last_one_along(amy: User) -> None:
    first: Token = TokenFactory(user=amy, parent=_line_of(amy, limits.GENERATIONS_MOST))
    token = first
    child = TokenFactory(user=amy, parent=first)
    for _ in range(limits.GENERATIONS_MOST + 3):
        token = rotate(token, presenter=token).token
        child.refresh_from_db()
        assert (token.parent, child.parent) == (first, token)
    flows.revoke(tokens=[first], actor=actor(amy), why=EndReason.REVOKED)
    assert Token.objects.with_authority().count() == limits.GENERATIONS_MOST  # those above it


def test_a_token_does_not_rotate_what_it_was_made_with_and_no_family_runs_in_a_circle(amy: User) -> None:
    top = TokenFactory(user=amy)
    middle = TokenFactory(user=amy, parent=top)
    below = TokenFactory(user=amy, parent=middle)
    for presenter, old in ((middle, top), (below, top), (below, middle)):
        with pytest.raises(NotRotated, match="made with it"):
            rotate(old, presenter=presenter)
    assert rotate(below, presenter=top).token.parent == top


def test_what_was_made_with_a_token_that_is_over_by_now_still_ends_with_the_first(amy: User, clock: Any) -> None:
    top = TokenFactory(user=amy)
    middle = TokenFactory(user=amy, parent=top)
    below = TokenFactory(user=amy, parent=middle)
    Token.objects.filter(pk=middle.pk).update(expires=timezone.now() + timedelta(seconds=2))
    clock.shift(3)
    flows.expire_due()
    assert set(flows.find_family(tokens=[top])) == {top, below}
    flows.revoke(tokens=[top], actor=actor(amy), why=EndReason.REVOKED)
    assert not Token.objects.with_authority().exists()


def test_what_goes_over_to_a_new_token_ends_no_later_than_that(amy: User) -> None:
    old = TokenFactory(user=amy)
    child = TokenFactory(user=amy, parent=old)
    grandchild = TokenFactory(user=amy, parent=child)
    soon = timezone.now() + timedelta(days=2)
    rotate(old, expires=soon)
    assert set(Token.objects.filter(pk__in=[child.pk, grandchild.pk]).values_list("expires", flat=True)) == {soon}


def test_what_a_replaced_token_makes_in_its_overlap_ends_with_the_overlap(amy: User) -> None:
    old = TokenFactory(user=amy)
    rotate(old, HOUR)
    old.refresh_from_db()
    made = flows.create(user=amy, label="more", expires=None, kind=TokenKind.API, actor=actor(amy), presenter=old).token
    assert made.expires == old.retires_at
    with pytest.raises(OutlivesToken):
        flows.create(user=amy, label="longer", expires=old.expires, kind=TokenKind.API, actor=actor(amy), presenter=old)


def test_tok_07_a_narrower_token_rotates_no_wider_one(amy: User) -> None:
    narrow, wide = TokenFactory(user=amy, everywhere=Level.VIEW), TokenFactory(user=amy)
    with pytest.raises(WiderThanToken):
        rotate(wide, presenter=narrow)
    assert rotate(narrow, presenter=wide).token.everywhere == Level.VIEW


def test_one_that_reaches_phi_needs_the_password_of_late(amy: User) -> None:
    project_of(amy, phi=True)
    token = TokenFactory(user=amy)
    with pytest.raises(ConfirmationNeeded):
        rotate(token, confirmed=False)
    assert rotate(token, confirmed=False, presenter=token).token.parent == token


def test_a_form_opened_before_a_credential_change_rotates_nothing(amy: User) -> None:
    token = TokenFactory(user=amy)
    User.objects.filter(pk=amy.pk).update(session_epoch=2)
    with pytest.raises(StaleProof):
        rotate(token, user=amy)


def test_the_page_rotates_and_shows_the_new_text_once(amy: User) -> None:
    token, text = token_and_text(user=amy, label="deploy")
    browser = signed_in(amy)
    path = f"/profile/tokens/{token.public_id}/rotate/"
    assert "deploy" in browser.get(path).content.decode()
    answer = browser.post(path, {"overlap": "3600"})
    assert (answer.status_code, answer["Cache-Control"], answer["Referrer-Policy"]) == (200, "no-store", "no-referrer")
    new = answer.context["text"]
    assert new in answer.content.decode()
    assert "as “deploy (replaced)”" in answer.content.decode()
    assert (status(new)[0], status(text)[0]) == (200, 200)
    assert new not in browser.get("/profile/tokens/").content.decode()
    assert browser.post(path, {"overlap": "3600"}).status_code == 409
    detail = browser.get(f"/profile/tokens/{token.public_id}/").content.decode()
    assert "Replaced by" in detail
    assert "Rotate</a>" not in detail


@pytest.mark.parametrize("overlap", ["", "-1", "86401", "soon", "1"])
def test_an_overlap_that_is_none_of_those_offered_is_refused_on_the_page(amy: User, overlap: str) -> None:
    token = TokenFactory(user=amy)
    assert signed_in(amy).post(f"/profile/tokens/{token.public_id}/rotate/", {"overlap": overlap}).status_code == 422
    assert Token.objects.count() == 1


def test_from_the_list_one_selected_token_leads_to_its_page_and_no_other_number_does(amy: User) -> None:
    tokens = TokenFactory.create_batch(2, user=amy)
    browser, path = signed_in(amy), "/profile/tokens/rotate/"
    one = browser.get(path, {"token": tokens[0].public_id})
    assert one["Location"] == f"/profile/tokens/{tokens[0].public_id}/rotate/"
    for chosen in ([], [token.public_id for token in tokens]):
        assert browser.get(path, {"token": chosen})["Location"] == "/profile/tokens/"
    assert "Select one token, then Rotate" in browser.get("/profile/tokens/").content.decode()
    assert browser.get(path, {"token": TokenFactory().public_id}).status_code == 404


def test_renaming_changes_the_label_alone_and_is_in_its_history(amy: User) -> None:
    token, text = token_and_text(user=amy, label="old name")
    browser = signed_in(amy)
    path = f"/profile/tokens/{token.public_id}/"
    assert browser.post(f"{path}rename/", {"label": "  new name "})["Location"] == path
    page = browser.get(path)
    assert "Renamed." in page.content.decode()
    assert "from “old name” to “new name”" in [event.text for event in page.context["events"]]
    assert status(text)[0] == 200
    flows.rename(user=amy, token=token, label="new name", actor=actor(amy))
    assert SecurityEvent.objects.filter(event="token.renamed").count() == 1


def test_a_label_that_is_taken_or_none_is_refused(amy: User) -> None:
    token, other = TokenFactory(user=amy), TokenFactory(user=amy)
    for label, error in ((other.label, LabelTaken), (" ", LabelRefused), ("x" * 65, LabelRefused), ("\u202ex", LabelRefused)):
        with pytest.raises(error):
            flows.rename(user=amy, token=token, label=label, actor=actor(amy))
    refused = signed_in(amy).post(f"/profile/tokens/{token.public_id}/rename/", {"label": other.label})
    assert refused.status_code == 409
    for gone in (TokenFactory(user=amy, revoked=True), TokenFactory()):
        with pytest.raises(TokenNotFound):
            flows.rename(user=amy, token=gone, label="any", actor=actor(amy))


@pytest.mark.parametrize("page", ["rename", "rotate"])
def test_the_pages_of_another_persons_token_are_not_to_be_found(page: str) -> None:
    browser = signed_in(UserFactory())
    for public_id in (TokenFactory().public_id, "token-" + "B" * 24, "token-%00"):
        assert browser.get(f"/profile/tokens/{public_id}/{page}/").status_code == 404
        assert browser.post(f"/profile/tokens/{public_id}/{page}/", {"label": "x", "overlap": "0"}).status_code == 404


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_eight_rotations_at_once_one_makes_a_token(race: Race) -> None:
    token = TokenFactory()
    outcomes = race(8, lambda _: rotate(token))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Minted"] + ["NotRotated"] * 7
    assert Token.objects.count() == 2


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_what_a_token_makes_while_it_is_revoked_never_outlives_it(race: Race) -> None:
    for number in range(6):
        user = UserFactory()
        parent, text = token_and_text(user=user)

        def act(runner: int, user: User = user, parent: Token = parent) -> Any:
            if runner == 0:
                return flows.revoke(tokens=[parent], actor=actor(user), why=EndReason.REVOKED)
            return flows.create(user=user, label=f"child {runner}", expires=None, kind=TokenKind.API, presenter=parent, actor=actor(user))

        race(3 + number % 2, act)
        assert not Token.objects.of(user).live().exists()
        assert status(text)[0] == 401
