"""Races with real threads, real connections and real commits: never a session that outlives a change, one winner, losers told (S3.10)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import get_hasher
from django.db import connections

from accounts import flows, limits, login, sessions, throttle
from accounts.digests import digest
from accounts.errors import EmailTaken, LinkDead, StaleProof, TooManyAttempts, WrongCredentials
from accounts.models import Counter, EmailChange, OutboxMail, PasswordReset, SecurityEvent, Session, User, WhyEnded
from accounts.reauth import Proof
from accounts.sessions import SessionStore
from tests.conftest import Race, WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.faults.links import CANCEL, CONFIRM, RESET, key_in, mailed_link
from tokens import flows as token_flows
from tokens.models import Token
from tokens.repeats import LoginBody

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

NEW_PASSWORD = "another correct horse"
RACERS = 16
CROWD = 50


@pytest.fixture
def amy(transactional_db: None) -> User:
    """amy, really committed: other threads see her."""
    return UserFactory(username="amy", email="amy@example.com")


def fresh(user: User) -> Proof:
    return Proof(user_id=user.pk, epoch=user.session_epoch)


def kinds(outcomes: list[Any]) -> list[str]:
    """Return the names of errors, and "won" for what came back."""
    return sorted(type(outcome).__name__ if isinstance(outcome, Exception) else "won" for outcome in outcomes)


def test_ses_09_of_sixteen_logins_racing_with_a_password_change_no_session_outlives_it(amy: User, race: Race) -> None:
    browsers = [WebDoor() for _ in range(RACERS)]
    pages = [str(browser.get("/login/").context["csrf_token"]) for browser in browsers]

    def run(number: int) -> Any:
        if number == RACERS:
            return flows.change_password(user=amy, new_password=NEW_PASSWORD, proof=fresh(amy), actor=actor(amy))
        fields = {"username": "amy", "password": PASSWORD, "csrfmiddlewaretoken": pages[number]}
        return browsers[number].post("/login/", fields).status_code

    *statuses, changed = race(RACERS + 1, run)
    assert isinstance(changed, list), changed
    # Let in before the change, told after it, or told to try again while the account waits.
    assert set(statuses) <= {302, 401, 409, 429}
    assert not Session.objects.of(amy).exists()
    assert not any(browser.signed_in for browser in browsers)
    assert User.objects.get(pk=amy.pk).check_password(NEW_PASSWORD)


def test_ses_09_logins_that_checked_the_old_password_before_the_change_open_nothing_after_it(amy: User, race: Race) -> None:
    checked = [login.check_password(username="amy", password=PASSWORD, device=None, actor=actor()) for _ in range(RACERS)]
    epochs: list[int] = []

    def finish(number: int) -> Any:
        def opens(user: User) -> Session:
            epochs.append(user.session_epoch)
            return flows.open_session(user=user, store=SessionStore(), actor=actor(user))

        return login.finish(checked[number], actor=actor(), new_device=False, opens=opens)

    def run(number: int) -> Any:
        if number == RACERS // 2:
            return flows.change_password(user=amy, new_password=NEW_PASSWORD, proof=fresh(amy), actor=actor(amy))
        return finish(number)

    outcomes = race(RACERS, run)
    assert set(kinds(outcomes)) <= {"won", "StaleProof"}
    assert set(epochs) <= {1}
    assert not Session.objects.of(amy).exists()
    with pytest.raises(StaleProof):
        finish(0)


def test_dx_logins_racing_with_a_password_change_leave_no_live_token(amy: User, race: Race) -> None:
    def run(number: int) -> Any:
        if number == 0:
            return flows.change_password(user=amy, new_password=NEW_PASSWORD, proof=fresh(amy), actor=actor(amy))
        return token_flows.log_in(asked=LoginBody("amy", PASSWORD, None, number), expires=None, actor=actor())

    changed, *others = race(RACERS, run)
    assert isinstance(changed, list), changed
    assert set(kinds(others)) <= {"won", StaleProof.__name__, WrongCredentials.__name__, TooManyAttempts.__name__}
    assert not Token.objects.of(amy).live().exists()


def test_crd_03_of_two_password_changes_at_once_one_wins_and_the_other_is_told(amy: User, race: Race) -> None:
    proofs = [fresh(amy), fresh(amy)]
    chosen = ["first new passphrase", "second new passphrase"]
    outcomes = race(2, lambda number: flows.change_password(user=amy, new_password=chosen[number], proof=proofs[number], actor=actor(amy)))
    assert kinds(outcomes) == ["StaleProof", "won"]
    now = User.objects.get(pk=amy.pk)
    winner = next(number for number, outcome in enumerate(outcomes) if isinstance(outcome, list))
    assert [now.check_password(password) for password in chosen] == [winner == 0, winner == 1]
    assert now.session_epoch == amy.session_epoch + 1
    assert SecurityEvent.objects.filter(event="password.changed").count() == OutboxMail.objects.count() == 1


def test_crd_03_of_two_browsers_that_change_the_password_at_once_one_wins_and_the_other_changes_nothing(amy: User, race: Race) -> None:
    browsers = [WebDoor().sign_in(amy), WebDoor().sign_in(amy)]
    tokens = [str(browser.get("/security/password/").context["csrf_token"]) for browser in browsers]
    chosen = ["first new passphrase", "second new passphrase"]

    def change(number: int) -> Any:
        new = {"new_password1": chosen[number], "new_password2": chosen[number]}
        fields = {"current_password": PASSWORD, "csrfmiddlewaretoken": tokens[number], **new}
        return browsers[number].post("/security/password/", fields)

    answers = race(2, change)
    # The loser's session is over, its password is no longer right, or its proof is stale: whichever it meets first.
    won = [number for number, answer in enumerate(answers) if answer.headers.get("Location") == "/login/?why=password-changed"]
    assert len(won) == 1
    loser = answers[1 - won[0]]
    assert loser.status_code in (302, 403, 409)
    assert User.objects.get(pk=amy.pk).check_password(chosen[won[0]])
    assert User.objects.get(pk=amy.pk).session_epoch == amy.session_epoch + 1
    assert not any(browser.signed_in for browser in browsers)


def test_rst_03_of_sixteen_uses_of_one_reset_link_one_sets_the_password(amy: User, race: Race) -> None:
    flows.request_password_reset(email=amy.email, actor=actor())
    uid, key = PasswordReset.objects.get().uid, key_in(mailed_link(RESET))
    chosen = [f"passphrase number {number:02d}" for number in range(RACERS)]
    outcomes = race(
        RACERS,
        lambda number: flows.reset_password(uid=uid, key_digest=digest(key), new_password=chosen[number], actor=actor()),
    )
    assert kinds(outcomes) == sorted(["won", *["LinkDead"] * (RACERS - 1)])
    winner = next(number for number, outcome in enumerate(outcomes) if isinstance(outcome, list))
    now = User.objects.get(pk=amy.pk)
    assert [password for password in chosen if now.check_password(password)] == [chosen[winner]]
    assert now.session_epoch == amy.session_epoch + 1


def ask_for(user: User, address: str) -> tuple[str, str]:
    """Ask for the address and return the keys that confirm and cancel it."""
    flows.request_email_change(user=user, email=address, proof=fresh(user), actor=actor(user))
    return key_in(mailed_link(CONFIRM, to=address)), key_in(mailed_link(CANCEL, to=user.email))


def test_rst_07_of_sixteen_uses_of_one_confirmation_link_one_changes_the_address(amy: User, race: Race) -> None:
    key, _ = ask_for(amy, "new@example.com")
    outcomes = race(RACERS, lambda number: flows.confirm_email_change(key=key, actor=actor()))
    assert kinds(outcomes) == sorted(["won", *[LinkDead.__name__] * (RACERS - 1)])
    now = User.objects.get(pk=amy.pk)
    assert (now.email, now.session_epoch) == ("new@example.com", amy.session_epoch + 1)


def test_rst_07_of_two_people_who_confirm_one_address_at_once_one_gets_it_and_the_other_keeps_everything(amy: User, race: Race) -> None:
    ben: User = UserFactory(username="ben", email="ben@example.com")
    people: list[User] = [amy, ben]
    keys = [ask_for(person, "wanted@example.com")[0] for person in people]
    outcomes = race(2, lambda number: flows.confirm_email_change(key=keys[number], actor=actor()))
    assert kinds(outcomes) == sorted([EmailTaken.__name__, "won"])
    loser = people[next(number for number, outcome in enumerate(outcomes) if isinstance(outcome, EmailTaken))]
    now = User.objects.get(pk=loser.pk)
    assert (now.email, now.session_epoch) == (loser.email, loser.session_epoch)
    assert EmailChange.objects.get(user=loser).state == EmailChange.State.PENDING


def test_rst_08_of_a_confirmation_and_a_cancellation_at_once_one_wins(amy: User, race: Race) -> None:
    confirm, cancel = ask_for(amy, "new@example.com")

    def run(number: int) -> Any:
        if number == 0:
            return flows.confirm_email_change(key=confirm, actor=actor())
        return flows.cancel_email_change(key=cancel, actor=actor())

    outcomes = race(2, run)
    assert kinds(outcomes) == ["LinkDead", "won"]
    confirmed = isinstance(outcomes[1], LinkDead)
    assert (User.objects.get(pk=amy.pk).email == "new@example.com") is confirmed


def crowd(size: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act` in threads that start together and ask for a connection only then: there are more of them than connections."""
    barrier = threading.Barrier(size)

    def one(number: int) -> Any:
        try:
            barrier.wait(timeout=30)
            return act(number)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=size) as pool:
        return list(pool.map(one, range(size)))


def test_log_04_of_fifty_wrong_guesses_at_once_five_are_checked_and_the_others_wait(amy: User) -> None:
    hasher = type(get_hasher("default"))
    with patch.object(hasher, "encode", autospec=True, side_effect=hasher.encode) as hashed:
        outcomes = crowd(CROWD, lambda number: login.check_password(username="amy", password=f"guess {number}", device=None, actor=actor()))
    assert hashed.call_count == limits.FREE_FAILURES
    assert kinds(outcomes) == sorted(["WrongCredentials"] * limits.FREE_FAILURES + ["TooManyAttempts"] * (CROWD - limits.FREE_FAILURES))
    with pytest.raises(TooManyAttempts):
        login.check_password(username="amy", password=PASSWORD, device=None, actor=actor())
    assert max(Counter.objects.values_list("in_a_row", flat=True)) == limits.FREE_FAILURES


def test_right_and_wrong_passwords_at_once_lose_no_count(amy: User, race: Race) -> None:
    def run(number: int) -> Any:
        password = PASSWORD if number % 4 == 0 else f"guess {number}"
        return login.check_password(username="amy", password=password, device=None, actor=actor())

    outcomes = race(8, run)
    wrong = sum(isinstance(outcome, WrongCredentials) for outcome in outcomes)
    counted = Counter.objects.get(key=throttle._attempt("amy", None, actor().ip).guard)
    assert counted.count == wrong <= limits.FREE_FAILURES


def test_parallel_logins_of_one_person_all_pass(amy: User, race: Race) -> None:
    def run(number: int) -> Any:
        for _ in range(10):
            checked = login.check_password(username="amy", password=PASSWORD, device=None, actor=actor(ip=f"192.0.2.{number}"))
            login.finish(checked, actor=actor(), new_device=False, opens=lambda user: user.pk)

    assert race(4, run) == [None] * 4


def test_four_requests_for_a_reset_at_once_leave_one_living_link(amy: User, race: Race) -> None:
    race(4, lambda number: flows.request_password_reset(email=amy.email, actor=actor(ip=f"192.0.2.{number}")))
    assert PasswordReset.objects.filter(user=amy).count() == 1


def test_confirming_an_address_and_ending_sessions_wait_for_each_other_and_never_for_ever(amy: User, race: Race) -> None:
    for turn in range(8):
        confirm, _ = ask_for(amy, f"amy{turn}@example.org")
        for _ in range(5):
            flows.open_session(user=amy, store=SessionStore(), actor=actor(amy))

        def run(number: int, key: str = confirm) -> Any:
            if number == 0:
                return flows.confirm_email_change(key=key, actor=actor())
            rows = Session.objects.of(amy)
            return sessions.end_sessions(rows, why=WhyEnded.ENDED, actor=actor(amy))

        outcomes = race(3, run)
        assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
        Counter.objects.all().delete()
        amy.refresh_from_db()
