"""One request of a client to one of the servers, written into the journal. Each has a connection of its own."""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.cookies import SimpleCookie
from itertools import count
from typing import Any, TypedDict
from urllib.parse import urlencode

from bench.soak.journal import Entry, Journal

TIMEOUT_SECONDS = 40  # longer than the servers give a request
SEE_OTHER = 302


@dataclass
class Answer:
    """What came back; status None: nothing."""

    status: int | None
    location: str = ""
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004  (successes)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


@dataclass
class Asked:
    """A request: who does what with which credential, and how one sees that it worked."""

    act: str
    person: str
    path: str
    method: str = "POST"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    jar: dict[str, str] | None = None  # cookies, changed by the answer
    credential: str = ""
    target: str = ""
    begun: str = ""
    made: str = ""
    worked: Callable[[Answer], bool] = lambda answer: answer.ok
    lets_in: Callable[[Answer], bool] = lambda answer: answer.ok


class Wire:
    """Sends requests to the servers at `ports`, now this one, now that one."""

    def __init__(self, ports: list[int], journal: Journal, wait: Callable[[], None]) -> None:
        self._ports, self._journal, self._wait, self._numbers, self._lock = ports, journal, wait, count(1), threading.Lock()

    def send(self, asked: Asked) -> tuple[Answer, str]:
        """Wait for one's turn and send; return the answer and the mark of the request."""
        self._wait()
        with self._lock:
            mark = f"soak/{next(self._numbers)}"
        sent = time.time()
        answer = self._exchange(asked, mark)
        done = answer.status is not None and asked.worked(answer)
        entry = Entry(
            mark=mark, act=asked.act, person=asked.person, sent=sent, over=time.time(), status=answer.status,
            credential=asked.credential, let_in=bool(asked.credential) and answer.status is not None and asked.lets_in(answer),
            done=done, made=asked.made if done else "", target=asked.target, begun=asked.begun,
        )  # fmt: skip
        self._journal.write(entry)
        return answer, mark

    def _exchange(self, asked: Asked, mark: str) -> Answer:
        port = random.choice(self._ports)
        headers = {
            "User-Agent": mark,
            "Origin": f"http://127.0.0.1:{port}",
            # Each person comes from an address of their own, through a proxy that the servers trust.
            "X-Forwarded-For": address_of(asked.person),
            **({"Cookie": "; ".join(f"{name}={value}" for name, value in asked.jar.items())} if asked.jar else {}),
            **asked.headers,
        }
        connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(asked.method, asked.path, asked.body, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, HTTPException):
            return Answer(None)
        finally:
            connection.close()
        if asked.jar is not None:
            _keep(response, asked.jar)
        return Answer(response.status, response.getheader("Location") or "", text)


class Form(TypedDict):
    """What a page sends."""

    body: bytes
    headers: dict[str, str]
    jar: dict[str, str]


class Call(TypedDict):
    """What a program sends."""

    body: bytes
    headers: dict[str, str]


class Whose(TypedDict):
    """Who sends, with which credential."""

    person: str
    credential: str


def form(fields: Mapping[str, str], jar: dict[str, str]) -> Form:
    """Return body and headers of a form sent from a page."""
    body = urlencode({**fields, "csrfmiddlewaretoken": jar.get("csrftoken", "")}).encode()
    return {"body": body, "headers": {"Content-Type": "application/x-www-form-urlencoded"}, "jar": jar}


def call(body: object, token: str = "") -> Call:
    """Return body and headers of a call of JSON."""
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return {"body": json.dumps(body).encode(), "headers": {"Content-Type": "application/json", **bearer}}


def address_of(person: str) -> str:
    """Return an address for a person."""
    number = sum(ord(letter) * 31**place for place, letter in enumerate(person))
    return f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"


def _keep(response: HTTPResponse, jar: dict[str, str]) -> None:
    for header in response.headers.get_all("Set-Cookie") or ():
        for name, morsel in SimpleCookie(header).items():
            if morsel.value:
                jar[name] = morsel.value
            else:
                jar.pop(name, None)
