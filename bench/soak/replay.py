"""What the clients saw, held against the security log. Each rule gives the sentences that say where it is broken.

Only what is certain counts. A credential is old for an act if its login was answered before the act was sent, and it must be dead for a
request that was sent after the act was answered. Of an act without an answer the log knows whether it was done; what it ended must be
dead once the restart that took the answer is over.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.soak.journal import Entry

GRACE_SECONDS = 10.0  # after a restart
DOORS = ("web", "rest", "dx", "admin")  # of people and programs; the worker sends no request


@dataclass(frozen=True)
class Event:
    """A row of the security log."""

    name: str
    door: str
    mark: str  # the User-Agent
    at: float


@dataclass(frozen=True)
class Window:
    """From when until when the database was away."""

    start: float
    end: float

    def excuses(self, entry: Entry) -> bool:
        """Return whether a request may have failed because of it."""
        return entry.sent <= self.end + GRACE_SECONDS and entry.over >= self.start


@dataclass(frozen=True)
class Act:
    """What an act is to leave in the log: `done` once it is done, `also` what may come with it."""

    done: str = ""
    also: frozenset[str] = frozenset()

    @property
    def events(self) -> frozenset[str]:
        """All that it may leave."""
        return self.also | {self.done} if self.done else self.also


_LOGIN = frozenset({"login.passed", "login.failed", "login.refused", "login.stopped", "code.refused", "session.ended", "token.revoked"})
_ENDS = frozenset({"session.ended", "token.retired", "token.revoked", "work.ended", "confirmation.failed", "account.secured"})
_USE = frozenset({"token.refused", "session.ended"})
ACTS = {
    "page": Act(also=_USE),
    "token": Act(also=_USE),
    "transfer": Act(also=_USE | {"work.ended"}),
    "ticket": Act(also=_USE | {"work.ended"}),
    "login": Act("login.passed", _LOGIN),
    "login-stopped": Act(also=_LOGIN - {"login.passed"}),
    "login-code": Act("login.passed", _LOGIN),
    "dx-login": Act("token.created", _LOGIN),
    "make-token": Act("token.created", _USE),
    "revoke-token": Act("token.revoked", _USE | _ENDS),
    "dx-logout": Act("token.revoked", _USE | _ENDS),
    "sign-out": Act("session.ended"),
    "end-others": Act(also=_ENDS),
    "change-password": Act("password.changed", _ENDS),
    "change-password-revoking": Act("password.changed", _ENDS),
    "make-project": Act("project.created", _USE | {"project.member-added"}),
    "set-policy": Act("org.policies-changed", _USE | {"session.ended"}),
}
# What an act ends of its person, beside its target: the kinds of credentials that were there before.
_ENDED_KINDS = {
    "change-password": ("session", "cli"),
    "change-password-revoking": ("session", "cli", "api"),
    "end-others": ("session",),
}


@dataclass
class Replay:
    """All that is known of one soak."""

    entries: Sequence[Entry]
    events: Sequence[Event]
    windows: Sequence[Window]

    @cached_property
    def broken(self) -> dict[str, list[str]]:
        """The sentences of each rule; none where all holds."""
        return {
            "an error outside of the restarts": list(self._errors()),
            "a revoke that was lost": list(self._outlived(("cli", "api"))),
            "a session that outlived an act that ended it": list(self._outlived(("session",))),
            "an act that was answered as done, without its event": list(self._without_event()),
            "an event that nobody's act explains": list(self._unexplained()),
        }

    @cached_property
    def ends(self) -> list[tuple[Entry, Entry, float]]:
        """Each credential that an act ended, by the entry that made it: the act, that entry, and from when on it must be dead."""
        return [(act, made, self._dead_from(act)) for act in self.entries if self._was_done(act) for made in self._ended_by(act)]

    @cached_property
    def ended(self) -> list[tuple[Entry, Entry, float]]:
        """Of `ends` the first of each credential: later acts ended nothing of it."""
        first: dict[str, tuple[Entry, Entry, float]] = {}
        for end in sorted(self.ends, key=lambda end: end[2]):
            first.setdefault(end[1].mark, end)
        return list(first.values())

    @cached_property
    def tried_after(self) -> int:
        """How many requests came with a credential that had to be dead by then."""
        return sum(1 for _, made, dead_from in self.ended for use in self._uses[made.mark] if use.sent > dead_from)

    def _errors(self) -> Iterator[str]:
        for entry in self.entries:
            if entry.is_lost and not any(window.excuses(entry) for window in self.windows):
                yield f"{entry.mark}: {entry.act} of {entry.person} got {entry.status or 'no answer'} at {entry.over:.3f}"

    def _outlived(self, kinds: Sequence[str]) -> Iterator[str]:
        for act, made, dead_from in self.ended:
            if made.made not in kinds:
                continue
            uses = (use for use in self._uses[made.mark] if use.let_in and use.sent > dead_from)
            late = next((use for use in uses if not self._finishes(use, act)), None)
            if late is not None:
                yield f"{made.made} {made.mark} of {made.person}, ended by {act.act} {act.mark}, was let in by {late.act} {late.mark}"

    def _finishes(self, use: Entry, act: Entry) -> bool:
        """Return whether a retired login, one that is not revoked, only went on with a transfer that it had begun (JOB-04)."""
        begun = self._by_mark.get(use.begun)
        return act.act == "change-password" and begun is not None and begun.let_in and begun.sent <= act.over

    def _without_event(self) -> Iterator[str]:
        for entry in self.entries:
            wanted = ACTS[entry.act].done
            if entry.done and wanted and wanted not in self._events_of[entry.mark] and not self._was_dead(entry):
                yield f"{entry.mark}: {entry.act} of {entry.person} was answered with {entry.status}, and there is no {wanted}"

    def _unexplained(self) -> Iterator[str]:
        for event in self.events:
            entry = self._by_mark.get(event.mark)
            if event.door not in DOORS:
                continue
            if entry is None or event.name not in ACTS[entry.act].events:
                yield f"{event.name} at {event.at:.3f}: {f'{entry.act} {entry.mark}' if entry else f'nobody sent {event.mark!r}'}"
            elif event.name == ACTS[entry.act].done and not entry.done and not entry.is_lost:
                yield f"{event.name} at {event.at:.3f}: {entry.act} {entry.mark} was refused with {entry.status}"

    def _was_dead(self, entry: Entry) -> bool:
        """Return whether another act had ended what this one was to end, or did at the same time: ending it again is harmless."""
        made = self._by_mark.get(entry.target)
        return made is not None and any(act is not entry and act.sent < entry.over for act in self._may_have_ended(made))

    def _may_have_ended(self, made: Entry) -> Iterator[Entry]:
        """Give the acts that ended it, and those that were under way while it was made: which came first, the server alone knows."""
        yield from self._ends_of[made.mark]
        for act in self._acts_of[made.person]:
            overlaps = act.sent <= made.over and act.over >= made.sent
            if overlaps and made.made in _ENDED_KINDS[act.act] and self._was_done(act):
                yield act

    def _was_done(self, act: Entry) -> bool:
        return act.done or (act.is_lost and bool(ACTS[act.act].done) and ACTS[act.act].done in self._events_of[act.mark])

    def _dead_from(self, act: Entry) -> float:
        if act.done:
            return act.over
        ends = [window.end for window in self.windows if window.excuses(act)]
        return max([act.over, *ends]) + GRACE_SECONDS

    def _ended_by(self, act: Entry) -> Iterator[Entry]:
        if act.target in self._by_mark:
            yield self._by_mark[act.target]
        kinds = _ENDED_KINDS.get(act.act, ())
        for made in self._made_by[act.person] if kinds else ():
            is_kept = act.act == "end-others" and made.mark == act.credential
            if made.made in kinds and made.over < act.sent and not is_kept:
                yield made

    @cached_property
    def _by_mark(self) -> dict[str, Entry]:
        return {entry.mark: entry for entry in self.entries}

    @cached_property
    def _made_by(self) -> dict[str, list[Entry]]:
        return _grouped((entry.person, entry) for entry in self.entries if entry.made)

    @cached_property
    def _acts_of(self) -> dict[str, list[Entry]]:
        return _grouped((entry.person, entry) for entry in self.entries if entry.act in _ENDED_KINDS)

    @cached_property
    def _uses(self) -> dict[str, list[Entry]]:
        return _grouped((entry.credential, entry) for entry in self.entries if entry.credential)

    @cached_property
    def _ends_of(self) -> dict[str, list[Entry]]:
        return _grouped((made.mark, act) for act, made, _ in self.ends)

    @cached_property
    def _events_of(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for event in self.events:
            found[event.mark].add(event.name)
        return found


def _grouped(pairs: Iterable[tuple[str, Entry]]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = defaultdict(list)
    for key, entry in pairs:
        groups[key].append(entry)
    return groups
