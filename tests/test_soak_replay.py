"""The replay of a soak sees what is forged into a journal: a check that cannot fail would show nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.soak import journal
from bench.soak.journal import Entry, Journal
from bench.soak.replay import ACTS, GRACE_SECONDS, Event, Replay, Window

pytestmark = pytest.mark.once

ERROR = "an error outside of the restarts"
REVOKE = "a revoke that was lost"
SESSION = "a session that outlived an act that ended it"
NO_EVENT = "an act that was answered as done, without its event"
UNEXPLAINED = "an event that nobody's act explains"
WINDOW = Window(100.0, 102.0)


def entry(mark: str, act: str, at: float, status: int | None = 200, **more: object) -> Entry:
    return Entry(mark, act, "ann", at, at + 0.1, status, **more)  # type: ignore[arg-type]


LOGIN = entry("s1", "login", 1, 302, done=True, made="session")
DX_LOGIN = entry("c1", "dx-login", 2, done=True, made="cli")
MADE = entry("t1", "make-token", 3, 201, done=True, made="api", credential="s1", let_in=True)
ENTRIES = [LOGIN, DX_LOGIN, MADE]
EVENTS = [Event("login.passed", "web", "s1", 1.05), Event("token.created", "dx", "c1", 2.05), Event("token.created", "rest", "t1", 3.05)]
REVOKED = entry("r1", "revoke-token", 10, 204, done=True, credential="s1", let_in=True, target="t1")
CHANGED = entry("p1", "change-password", 10, 302, done=True, credential="s1", let_in=True)
REVOKED_EVENT = Event("token.revoked", "rest", "r1", 10.05)
CHANGED_EVENT = Event("password.changed", "web", "p1", 10.05)


def broken(entries: list[Entry], events: list[Event]) -> dict[str, int]:
    """Return how often each rule is broken that is."""
    found = Replay([*ENTRIES, *entries], [*EVENTS, *events], [WINDOW]).broken
    return {rule: len(sentences) for rule, sentences in found.items() if sentences}


def use(of: str, at: float, act: str = "token", *, let_in: bool = True) -> Entry:
    return entry(f"u{at}", act, at, 200 if let_in else 401, credential=of, let_in=let_in, done=let_in)


def test_what_holds_is_not_called_broken() -> None:
    before, during, refused = use("t1", 9), use("t1", 10.05), use("t1", 11, let_in=False)
    assert broken([REVOKED, before, during, refused], [REVOKED_EVENT]) == {}
    assert broken([CHANGED, use("t1", 11), use("s1", 9, "page")], [CHANGED_EVENT, Event("session.ended", "web", "p1", 10.05)]) == {}


@pytest.mark.parametrize("status", [500, 503, None])
def test_an_error_is_excused_by_a_restart_alone(status: int | None) -> None:
    assert broken([entry("x", "page", 50, status)], []) == {ERROR: 1}
    assert broken([entry("x", "page", 101, status)], []) == {}
    assert broken([entry("x", "page", 102 + GRACE_SECONDS - 1, status)], []) == {}
    assert broken([entry("x", "page", 102 + GRACE_SECONDS + 1, status)], []) == {ERROR: 1}
    # Sent before it, and over within it.
    assert broken([replace(entry("x", "page", 99, status), over=100.5)], []) == {}


def test_a_revoked_token_that_is_let_in_is_a_lost_revoke() -> None:
    assert broken([REVOKED, use("t1", 11)], [REVOKED_EVENT]) == {REVOKE: 1}


def test_a_revoke_without_an_answer_counts_if_the_log_has_it() -> None:
    lost = replace(REVOKED, sent=100.5, over=100.6, status=None, done=False, let_in=False)
    late = use("t1", 102 + GRACE_SECONDS + 1)
    assert broken([lost, late], []) == {}
    assert broken([lost, use("t1", 103)], [REVOKED_EVENT]) == {}
    assert broken([lost, late], [REVOKED_EVENT]) == {REVOKE: 1}


@pytest.mark.parametrize(
    ("act", "event"),
    [
        (CHANGED, CHANGED_EVENT),
        (entry("p1", "sign-out", 10, 302, done=True, credential="s1", target="s1"), Event("session.ended", "web", "p1", 10.05)),
        (entry("p1", "end-others", 10, 302, done=True, credential="s9", let_in=True), Event("session.ended", "web", "p1", 10.05)),
    ],
)
def test_a_session_that_is_let_in_after_its_end_outlived_it(act: Entry, event: Event) -> None:
    assert broken([act, use("s1", 11, "page")], [event]) == {SESSION: 1}
    assert broken([act, use("s1", 11, "page", let_in=False)], [event]) == {}


def test_a_change_ends_dx_logins_and_with_the_box_ticked_all_tokens() -> None:
    assert broken([CHANGED, use("c1", 11)], [CHANGED_EVENT]) == {REVOKE: 1}
    revoking = replace(CHANGED, act="change-password-revoking")
    assert broken([revoking, use("c1", 11), use("t1", 12)], [CHANGED_EVENT]) == {REVOKE: 2}


def test_a_login_that_a_change_retired_finishes_a_transfer_and_begins_none() -> None:
    first, later = use("c1", 9, "transfer"), use("c1", 12, "transfer")
    goes_on = replace(use("c1", 11, "transfer"), begun=first.mark)
    assert broken([CHANGED, first, goes_on], [CHANGED_EVENT]) == {}
    assert broken([CHANGED, later, replace(goes_on, sent=13, begun=later.mark)], [CHANGED_EVENT]) == {REVOKE: 1}
    assert broken([replace(CHANGED, act="change-password-revoking"), first, goes_on], [CHANGED_EVENT]) == {REVOKE: 1}


def test_a_session_that_began_after_a_change_may_live() -> None:
    later = entry("s2", "login", 10.5, 302, done=True, made="session")
    assert broken([CHANGED, later, use("s2", 11, "page")], [CHANGED_EVENT, Event("login.passed", "web", "s2", 10.55)]) == {}


def test_ending_others_spares_the_session_that_asks() -> None:
    act = entry("p1", "end-others", 10, 302, done=True, credential="s1", let_in=True)
    assert broken([act, use("s1", 11, "page")], []) == {}


@pytest.mark.parametrize("act", sorted(name for name, act in ACTS.items() if act.done))
def test_an_act_that_was_answered_as_done_has_its_event(act: str) -> None:
    done = entry("x", act, 20, done=True)
    assert broken([done], []) == {NO_EVENT: 1}
    assert broken([done], [Event(ACTS[act].done, "web", "x", 20.05)]) == {}


def test_ending_what_had_ended_needs_no_second_event() -> None:
    again = replace(REVOKED, mark="r2", sent=10.05, over=10.2)
    assert broken([REVOKED, again], [REVOKED_EVENT]) == {}


@pytest.mark.parametrize(("changed_at", "rules"), [(10.05, {}), (10.15, {NO_EVENT: 1})])
def test_ending_what_a_change_may_have_ended_that_ran_beside_its_login_needs_no_event(changed_at: float, rules: dict[str, int]) -> None:
    # Sent before the login was answered: the change came after it or before, and only then the session lives.
    login = entry("s2", "login", 10, 302, done=True, made="session")
    changed = replace(CHANGED, sent=changed_at, over=changed_at + 0.3)
    out = entry("o1", "sign-out", 10.12, 302, done=True, credential="s2", target="s2")
    before = [Event("login.passed", "web", "s2", 10.02), Event("password.changed", "web", "p1", changed_at + 0.1)]
    assert broken([login, changed, replace(out, over=10.14)], before) == rules


def test_an_event_of_an_act_that_nobody_sent_is_unexplained() -> None:
    assert broken([], [Event("password.changed", "web", "nobody", 20)]) == {UNEXPLAINED: 1}
    assert broken([use("t1", 20)], [Event("password.changed", "rest", "u20", 20)]) == {UNEXPLAINED: 1}
    assert broken([], [Event("session.ended", "worker", "", 20)]) == {}


def test_an_event_of_an_act_that_was_refused_is_unexplained() -> None:
    refused = replace(REVOKED, status=404, done=False)
    assert broken([refused], [REVOKED_EVENT]) == {UNEXPLAINED: 1}


def test_a_journal_is_read_as_it_was_written(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as written:
        for one in reversed(ENTRIES):
            written.write(one)
    assert journal.read(tmp_path / "journal") == ENTRIES
