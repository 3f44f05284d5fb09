"""Clients of every kind that go on asking while a fault is brought about, and all that they were answered."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count

from tests.journeys.house import PASSWORD, House
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, make_projects, with_token

Act = Callable[[], Answer]


@dataclass
class Traffic:
    """Eight clients at each server: two browsers, two scripts, two of dx, one that signs in, one that writes."""

    houses: list[House]
    answers: list[tuple[str, Answer]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    stored: dict[str, set[str]] = field(default_factory=dict)  # by project, the folders that were said to be made
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def flows(self) -> Iterator["Traffic"]:
        """Let them ask, each one request after the other, until the end of the block."""
        clients = [client for house in self.houses for client in self._clients(house)]
        with ThreadPoolExecutor(len(clients)) as pool:
            running = [pool.submit(self._ask, kind, act) for kind, act in clients]
            try:
                yield self
            finally:
                self._stop.set()
        for each in running:
            each.result()

    def statuses(self, kind: str, since: int = 0) -> list[int]:
        """Return the statuses that clients of a kind were answered, from the answer of this number on."""
        return [answer.status for asked, answer in self.answers[since:] if asked == kind]

    def assert_folders_are_there(self) -> None:
        """Fail if a folder is missing that a client was told is made."""
        for project, folders in self.stored.items():
            statement = "SELECT f.path FROM projects_folder f JOIN projects_project p ON p.id = f.project_id WHERE p.public_id = "
            kept = {path for (path,) in self.houses[0].rows(f"{statement}'{project}'")}
            assert folders <= kept

    def _clients(self, house: House) -> list[tuple[str, Act]]:
        name = house.person()
        visitor, text = Visitor(house.url).sign_in(name), dx_login(house.url, name)
        return [
            *[("page", lambda: visitor.get("/security/"))] * 2,
            *[("rest", lambda: with_token(house.url, text))] * 2,
            *[("dx", lambda: dx_call(house.url, "system/whoami", {}, text))] * 2,
            ("login", lambda: Visitor(house.url).form("/login/", {"username": name, "password": PASSWORD})),
            ("write", self._writer(house, text)),
        ]

    def _writer(self, house: House, text: str) -> Act:
        (project,) = make_projects(house.url, text, "Written under a fault")
        numbers, stored = count(), self.stored.setdefault(project, set())

        def act() -> Answer:
            path = f"/folder{next(numbers)}"
            answer = dx_call(house.url, f"{project}/newFolder", {"folder": path}, text)
            if answer.status == 200:
                stored.add(path)
            return answer

        return act

    def _ask(self, kind: str, act: Act) -> None:
        while not self._stop.is_set():
            try:
                self.answers.append((kind, act()))
            except (OSError, HTTPException) as error:
                self.unanswered.append(f"{kind}: {error!r}")
