"""The text of a token is in the answer that makes it, and nowhere else afterwards (S4.4, TOK-02, TOK-03)."""

import json
from base64 import b64encode
from contextlib import suppress

import pytest
from playwright.sync_api import Error

from tests.journeys.browser import Windows
from tests.journeys.dx import DxClient
from tests.journeys.house import NEW_PASSWORD, House, until
from tests.journeys.test_tokens import shown
from tests.journeys.traces import SHOWN_CHARS, TELLING_CHARS, traces
from tests.journeys.visitor import Visitor, dx_call, dx_login, send, with_token

pytestmark = pytest.mark.browser

PAGES = ("/", "/profile/", "/profile/tokens/", "/profile/tokens/?ended=1", "/profile/tokens/new/", "/security/", "/security/history/")
ROUTES = ("/api/v1/me/", "/api/v1/tokens/?state=all", "/api/v1/security-log/", "/api/v1/sessions/")


@pytest.mark.dx
def test_tok_02_after_making_and_using_tokens_by_every_door_their_text_is_nowhere(server: House, windows: Windows, dx: DxClient) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    first = window.make_token("by the page")
    rotated = window.rotate_token("by the page")
    by_rest = made_by_rest(server.url, rotated)
    login = dx_login(server.url, name)
    narrow = str(dx_call(server.url, "system/newAuthToken", {"scope": {"projects": {"*": "VIEW"}}}, login).json["access_token"])
    texts = [first, rotated, by_rest, login, narrow]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert with_token(server.url, text).status == 200
    dx.use(by_rest)
    assert dx.whoami() == name
    assert "Deleted token" in dx.ok("logout")
    assert with_token(server.url, by_rest).status == 401  # a dead one that is tried leaves no text either
    assert with_token(server.url, first[:-1] + ("y" if first.endswith("x") else "x")).status == 401
    window.change_password(NEW_PASSWORD, revoke=True)
    window.page.wait_for_url(f"{server.url}/login/**")
    server.mail(f"{name}@example.com", "password was changed")

    assert [place for text in texts for place in traces(server, text)] == []
    visitor = Visitor(server.url).sign_in(name, NEW_PASSWORD)
    history = json.loads(visitor.get("/api/v1/tokens/?state=all").text)["results"]
    addresses = [*PAGES, *ROUTES, *(f"/profile/tokens/{token['id']}/" for token in history)]
    seen = "".join(f"{answer.headers}{answer.text}" for answer in map(visitor.get, addresses))
    assert all(token["prefix"] in seen for token in history)
    assert [text for text in texts if text[SHOWN_CHARS : SHOWN_CHARS + TELLING_CHARS] in seen] == []


def test_the_search_would_find_a_text_that_stood_somewhere(server: House) -> None:
    visitor, secret = Visitor(server.url).sign_in(server.person()), "ght_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9"
    assert traces(server, secret) == []
    for number, hidden in enumerate((f"as it is {secret}", secret.encode().hex()[-60:], *(in_base64(before, secret) for before in "ab"))):
        visitor.make_token(hidden)
        places = traces(server, secret)
        assert any(place.startswith("tokens_token,") for place in places), hidden
        server.database.execute(f"UPDATE tokens_token SET label = 'label {number}' WHERE label = '{hidden}'")  # noqa: S608
        assert not any(place.startswith("tokens_token,") for place in traces(server, secret))
    assert any(place.startswith("accounts_securityevent,") for place in places)


def test_tok_03_no_way_back_shows_the_text_again(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    text = window.make_token("shown once")
    page = window.page
    page.get_by_role("link", name="I have copied it").click()
    page.wait_for_url(f"{server.url}/profile/tokens/")
    window.open("/profile/")
    for _ in range(2):
        for step in (page.go_back, page.go_back, page.go_forward, page.go_forward):
            with suppress(Error):
                step()  # Chromium shows its own page in the place of the answer to the form
            assert text not in until(lambda: shown(page))
    assert text not in window.open("/profile/tokens/new/").content()


def test_web_09_nothing_of_a_text_or_of_the_person_is_kept_by_the_browser(server: House, windows: Windows) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    text = window.make_token("shown once")
    for path in ("/profile/tokens/new/", "/profile/", "/"):
        page = window.open(path)
        for store in ("localStorage", "sessionStorage"):
            kept = page.evaluate(f"JSON.stringify({store})")
            assert text[SHOWN_CHARS:] not in kept
            assert name not in kept


def made_by_rest(url: str, text: str) -> str:
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    return str(send(f"{url}/api/v1/tokens/", data=b'{"label": "by REST"}', headers=headers).json["token"])


def in_base64(before: str, text: str) -> str:
    return b64encode(f"{before}{text}".encode()).decode()
