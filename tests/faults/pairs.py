"""Two servers that must behave as one, and many browsers that press the same button at the same moment."""

import base64
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from config.demo import TOTP_SECRET
from tests.journeys.house import PASSWORD, House
from tests.journeys.visitor import Answer, Visitor
from twofactor import totp

_BACKUP_CODE = re.compile(r"<li><span>([^<]+)</span></li>")
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def beside(visitor: Visitor, house: House) -> Visitor:
    """Return the same browser, with the same cookies, at another server."""
    other = Visitor(house.url)
    for cookie in visitor.jar:
        other.jar.set_cookie(cookie)
    return other


def code_at(step: int) -> str:
    """Return the code of that step in the app of the demo's people."""
    return totp.code_at(base64.b32decode(TOTP_SECRET), step)


def stopped_login(house: House, name: str, password: str = PASSWORD) -> Visitor:
    """Return a browser that has given the right password and is asked for a code."""
    visitor = Visitor(house.url)
    answer = visitor.form("/login/", {"username": name, "password": password})
    assert answer.location.startswith("/login/verify/"), answer.text
    return visitor


def with_code(house: House, name: str, typed: str) -> Visitor:
    """Return a browser that is signed in with a code."""
    visitor = stopped_login(house, name)
    answer = visitor.form("/login/verify/", {"otp": typed})
    assert answer.status == 302, answer.text
    return visitor


def new_backup_codes(visitor: Visitor, typed: str) -> list[str]:
    """Return ten new backup codes of whoever is signed in there."""
    page = "/security/2fa/backup-codes/"
    answer = visitor.form(page, {"current_password": PASSWORD, "otp": typed})
    assert answer.status == 302, answer.text
    found = _BACKUP_CODE.findall(visitor.get(page).text)
    assert len(found) == 10, visitor.get(page).text
    return found


def form_at(visitor: Visitor, path: str) -> Callable[[dict[str, str]], Answer]:
    """Open a page now, and return what sends its form later: filled in, and in one request."""
    found = _CSRF.search(visitor.get(path).text)
    assert found is not None
    token = found[1]
    return lambda fields: visitor.post(path, {**fields, "csrfmiddlewaretoken": token})


def at_once(acts: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Do all of them at the same moment, each in a thread of its own, and return the answers in order."""
    barrier = threading.Barrier(len(acts))

    def one(act: Callable[[], Answer]) -> Answer:
        barrier.wait(timeout=60)
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))
