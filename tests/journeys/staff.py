"""Support staff of the demo data, signed in to the console with password and code."""

import base64

from config.demo import TOTP_SECRET
from tests.journeys.browser import Window
from tests.journeys.phone import Phone

_phones: dict[tuple[str, str], Phone] = {}


def sign_in(window: Window, name: str, *, at: str = "/admin/") -> None:
    """Sign `name` in on the way to a page of the console. Each server knows which codes of theirs are used."""
    phone = _phones.setdefault((window.url, name), Phone(base64.b32decode(TOTP_SECRET), name, "Gatehouse"))
    window.open(at)
    window.fill_in_login(name)
    window.page.wait_for_url(f"{window.url}/login/verify/")
    window.page.get_by_label("6-digit code or backup code").fill(phone.fresh())
    window.page.get_by_role("button", name="Sign In").click()
    window.page.wait_for_url(window.url + at)


def find(window: Window, words: str, name: str) -> None:
    """Look for somebody by `words`, and open their page."""
    window.open("/admin/")
    window.page.get_by_label("Find a person").fill(words)
    window.page.get_by_role("button", name="Find").click()
    window.follow(name)


def act(window: Window, link: str, verb: str, reason: str) -> None:
    """Do an act of support on the person whose page is open."""
    window.page.get_by_role("link", name=link, exact=True).first.click()
    window.page.get_by_label("Reason").fill(reason)
    window.page.get_by_role("main").get_by_role("button", name=verb, exact=True).click()
