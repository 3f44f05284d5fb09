"""What a person of the soak has and does. Several hands may do things for one person at once."""

import hashlib
import itertools
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from bench.soak.wire import SEE_OTHER, Answer, Asked, Whose, Wire, call, form
from tests.journeys.house import NEW_PASSWORD, PASSWORD
from twofactor import totp
from twofactor.limits import STEP_SECONDS

FILE_BYTES = 64 * 1024
KEPT_MOST = 3  # credentials of each kind
REMEMBERED = 12  # credentials that are over, to knock with
_numbers = itertools.count(1)


@dataclass
class Session:
    """A browser that is signed in."""

    mark: str
    jar: dict[str, str]


@dataclass
class Token:
    """A token; of one made in a session, its id."""

    mark: str
    text: str
    id: str = ""


@dataclass
class Person:
    """Somebody, as far as their hands know."""

    name: str
    secret: bytes | None = None  # of the second factor
    passwords: deque[str] = field(default_factory=lambda: deque([PASSWORD, NEW_PASSWORD]))  # the first is the present one
    sessions: list[Session] = field(default_factory=list)
    logins: list[Token] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    dead_sessions: deque[Session] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    dead_tokens: deque[Token] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    device: dict[str, str] = field(default_factory=dict)
    project: str = ""
    file: str = ""
    last_step: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def code(self) -> str | None:
        """Return the code of now, once; None where it was used or there is no second factor."""
        with self.lock:
            step = int(time.time()) // STEP_SECONDS  # a client has no settings of the server
            if self.secret is None or step <= self.last_step:
                return None
            self.last_step = step
            return totp.code_at(self.secret, step)

    def drop_sessions(self, *, but: Session | None = None) -> None:
        """Take all sessions for dead."""
        with self.lock:
            self.dead_sessions.extend(one for one in self.sessions if one is not but)
            self.sessions = [one for one in self.sessions if one is but]

    def drop_tokens(self, *, api: bool) -> None:
        """Take all logins for dead, and with `api` all tokens."""
        with self.lock:
            self.dead_tokens.extend(self.logins)
            self.logins = []
            if api:
                self.dead_tokens.extend(self.tokens)
                self.tokens = []


def sign_in(wire: Wire, person: Person) -> Session | None:
    """Sign in on the pages, with a code where one is needed."""
    code = person.code()
    if person.secret is not None and code is None:
        return None
    jar, tried = dict(person.device), person.passwords[0]
    wire.send(Asked("page", person.name, "/login/", "GET", jar=jar))
    fields = {"username": person.name, "password": tried}
    act, made = ("login-stopped", "") if person.secret else ("login", "session")
    answer, mark = wire.send(Asked(act, person.name, "/login/", made=made, worked=_leads_on, **form(fields, jar)))
    if code and _leads_on(answer):
        asked = Asked("login-code", person.name, "/login/verify/", made="session", worked=_leads_on, **form({"otp": code}, jar))
        answer, mark = wire.send(asked)
    if not _leads_on(answer):
        _other_password(person, answer, tried)
        return None
    session = Session(mark, jar)
    with person.lock:
        person.device = {name: value for name, value in jar.items() if "device" in name}
        person.sessions.append(session)
    return session


def log_in(wire: Wire, person: Person) -> Token | None:
    """Log in as `dx login` does."""
    code = person.code()
    if person.secret is not None and code is None:
        return None
    tried = person.passwords[0]
    body = {"username": person.name, "password": tried} | ({"otp": code} if code else {})
    answer, mark = wire.send(Asked("dx-login", person.name, "/system/newAuthToken", made="cli", **call(body)))
    if not answer.ok:
        _other_password(person, answer, tried)
        return None
    token = Token(mark, answer.json["access_token"])
    with person.lock:
        person.logins.append(token)
    return token


def click(wire: Wire, person: Person, session: Session) -> None:
    """Open a page."""
    path = random.choice(("/profile/", "/security/", "/profile/tokens/", "/security/sessions/", "/"))
    asked = Asked("page", person.name, path, "GET", jar=dict(session.jar), credential=session.mark, lets_in=lambda answer: answer.ok)
    answer, _ = wire.send(asked)
    if answer.status == SEE_OTHER and session in person.sessions:
        with person.lock:
            person.sessions = [one for one in person.sessions if one is not session]


def use(wire: Wire, person: Person, token: Token) -> None:
    """Ask something with a token, over REST or as the dx client does."""
    rest = [("GET", "/api/v1/me/"), ("GET", "/api/v1/projects/")]
    method, path = random.choice([*rest, ("POST", "/system/whoami"), ("POST", "/system/greet")])
    sent = call({}, token.text)
    body = None if method == "GET" else sent["body"]
    asked = Asked("token", person.name, path, method, body=body, headers=sent["headers"], credential=token.mark)
    answer, _ = wire.send(asked)
    if answer.status == 401:  # noqa: PLR2004  (dead)
        with person.lock:
            person.logins = [one for one in person.logins if one is not token]
            person.tokens = [one for one in person.tokens if one is not token]


def make_token(wire: Wire, person: Person, session: Session) -> None:
    """Make an API token in a session."""
    sent = call({"label": f"soak {next(_numbers)}"})
    headers = {**sent["headers"], "X-CSRFToken": session.jar.get("csrftoken", "")}
    asked = Asked(
        "make-token", person.name, "/api/v1/tokens/", body=sent["body"], headers=headers, jar=session.jar, credential=session.mark,
        made="api",
    )  # fmt: skip
    answer, mark = wire.send(asked)
    if answer.ok:
        with person.lock:
            person.tokens.append(Token(mark, answer.json["token"], answer.json["id"]))


def revoke(wire: Wire, person: Person, session: Session) -> None:
    """Revoke one's oldest API token in a session."""
    with person.lock:
        if not person.tokens:
            return
        token = person.tokens.pop(0)
    headers = {"X-CSRFToken": session.jar.get("csrftoken", "")}
    asked = Asked(
        "revoke-token", person.name, f"/api/v1/tokens/{token.id}/", "DELETE", headers=headers, jar=session.jar,
        credential=session.mark, target=token.mark,
    )  # fmt: skip
    wire.send(asked)
    person.dead_tokens.append(token)


def log_out(wire: Wire, person: Person) -> None:
    """Log the oldest `dx` login out."""
    with person.lock:
        if not person.logins:
            return
        token = person.logins.pop(0)
    signature = hashlib.sha256(token.text.encode()).hexdigest()
    asked = Asked(
        "dx-logout", person.name, "/system/destroyAuthToken", credential=token.mark, target=token.mark,
        **call({"tokenSignature": signature}, token.text),
    )  # fmt: skip
    wire.send(asked)
    person.dead_tokens.append(token)


def sign_out(wire: Wire, person: Person, session: Session) -> None:
    """Press the button."""
    with person.lock:
        person.sessions = [one for one in person.sessions if one is not session]
    # The cookie stays with us, to knock with.
    sent = form({}, dict(session.jar))
    asked = Asked("sign-out", person.name, "/logout/", credential=session.mark, target=session.mark, worked=_leads_away, **sent)
    wire.send(asked)
    person.dead_sessions.append(session)


def end_others(wire: Wire, person: Person, session: Session) -> None:
    """End all other sessions."""
    sent = form({"end": "others"}, session.jar)
    asked = Asked("end-others", person.name, "/security/sessions/", credential=session.mark, worked=_leads_on, lets_in=_leads_on, **sent)
    answer, _ = wire.send(asked)
    if _leads_on(answer):
        person.drop_sessions(but=session)


def change_password(wire: Wire, person: Person, session: Session, *, revoking: bool) -> None:
    """Change it to the other one, and be signed out everywhere."""
    now, then = person.passwords
    fields = {"current_password": now, "new_password1": then, "new_password2": then} | ({"revoke_tokens": "on"} if revoking else {})
    act = "change-password-revoking" if revoking else "change-password"
    sent = form(fields, dict(session.jar))
    asked = Asked(act, person.name, "/security/password/", credential=session.mark, worked=_is_changed, lets_in=_is_changed, **sent)
    answer, _ = wire.send(asked)
    if _is_changed(answer):
        with person.lock:
            person.passwords = deque([then, now])
        person.drop_sessions()
        person.drop_tokens(api=revoking)


def upload(wire: Wire, person: Person, token: Token) -> None:
    """Send a small file up."""
    if not _has_project(wire, person, token):
        return
    whose, data = Whose(person=person.name, credential=token.mark), random.randbytes(FILE_BYTES)
    new = call({"project": person.project, "name": "soak.bin"}, token.text)
    made, begun = wire.send(Asked("transfer", path="/file/new", **whose, **new))
    if not made.ok:
        return
    file_id = made.json["id"]
    part = {"index": 1, "size": len(data), "md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
    # Who revoked the token meanwhile gets an address too, one that takes nothing: being answered here proves nothing.
    ticket, _ = wire.send(Asked("ticket", path=f"/{file_id}/upload", begun=begun, **whose, lets_in=_never, **call(part, token.text)))
    if not ticket.ok:
        return
    path = "/" + ticket.json["url"].split("/", 3)[3]
    headers = ticket.json.get("headers", {})
    sent, _ = wire.send(Asked("transfer", path=path, method="PUT", body=data, headers=headers, begun=begun, **whose))
    if sent.ok:
        closed, _ = wire.send(Asked("transfer", path=f"/{file_id}/close", begun=begun, **whose, **call({}, token.text)))
        person.file = file_id if closed.ok else person.file


def download(wire: Wire, person: Person, token: Token) -> None:
    """Fetch the file that was sent last."""
    if not person.file:
        return
    whose = Whose(person=person.name, credential=token.mark)
    ticket, begun = wire.send(Asked("transfer", path=f"/{person.file}/download", **whose, **call({}, token.text)))
    if ticket.ok:
        path = "/" + ticket.json["url"].split("/", 3)[3]
        wire.send(Asked("transfer", path=path, method="GET", headers=ticket.json.get("headers", {}), begun=begun, **whose))


def _has_project(wire: Wire, person: Person, token: Token) -> bool:
    if not person.project:
        asked = Asked("make-project", person.name, "/project/new", credential=token.mark, **call({"name": "Soak"}, token.text))
        answer, _ = wire.send(asked)
        person.project = answer.json["id"] if answer.ok else ""
    return bool(person.project)


def _other_password(person: Person, answer: Answer, tried: str) -> None:
    # The answer to a change may have been lost: then the other password is the present one. A throttled login says nothing.
    if answer.status is not None and answer.status in (401, 422):
        with person.lock:
            if person.passwords[0] == tried:
                person.passwords.rotate()


def _leads_on(answer: Answer) -> bool:
    return answer.status == SEE_OTHER and not answer.location.startswith("/login/?")


def _leads_away(answer: Answer) -> bool:
    return answer.status == SEE_OTHER


def _is_changed(answer: Answer) -> bool:
    return answer.status == SEE_OTHER and "next=" not in answer.location


def _never(answer: Answer) -> bool:
    return False
