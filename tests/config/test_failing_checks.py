"""A check that cannot be made is a refusal with an apology, told once with the number that the person sees (REL-06); and no log, also not
that of a fault, holds what opens a door (OPS-04, OPS-05).
"""

import json
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from accounts.models import Session, User
from tests.config.conftest import Lines
from tests.conftest import WebDoor
from tests.factories import PASSWORD
from tests.orgs.factories import OrganizationFactory
from tests.tokens.doors import dx
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import code, turned_on
from tokens.models import Token, TokenKind

pytestmark = pytest.mark.django_db
# Each check that stands between a person and what they want.
CHECKS = {
    "the throttle": "accounts.throttle._locked",
    "the password": "accounts.passwords.check_password",
    "the second factor": "twofactor.budget.take",
    "the key of the app": "twofactor.vault.unseal",
    "the idle limit": "orgs.policies.idle_limits_for",
    "whether one must enrol": "twofactor.gate.must_enrol_from",
}


def raising(*given: object, **named: object) -> Any:
    raise RuntimeError("detail-of-ours")


def faults(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines() if line["level"] in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize("check", CHECKS)
def test_rel_06_a_check_of_a_login_that_fails_lets_nobody_in(
    amy: User, clock: Any, lines: Lines, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    turned_on(amy)
    OrganizationFactory(handle="acme", members=[amy], auto_logout_after_minutes=5)
    monkeypatch.setattr(CHECKS[check], raising)
    web = WebDoor(raise_request_exception=False)
    answer = web.send("/login/", {"username": "amy", "password": PASSWORD})
    if answer.status_code == 302:
        answer = web.send("/login/verify/", {"otp": code()})
    assert answer.status_code == 500, check
    page = answer.content.decode()
    assert "Something broke on our side" in page
    assert answer["X-Request-Id"] in page
    assert "detail-of-ours" not in page
    [told] = faults(lines)
    assert (told["request_id"], "detail-of-ours" in told["exc_info"]) == (answer["X-Request-Id"], True)
    by_dx = dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD, "otp": code(1), "expires": 1_900_000_000_000})
    if check != "the idle limit":  # a token has none
        assert (by_dx.status_code, by_dx.json()["error"]["type"]) == (500, "InternalError")
        assert not Token.objects.filter(kind=TokenKind.CLI).exists()
    assert "detail-of-ours" not in by_dx.content.decode()
    assert not Session.objects.exclude(user=None).exists()


@pytest.mark.parametrize("broken", [RuntimeError("detail-of-ours"), OperationalError("detail-of-ours")])
def test_rel_06_a_token_that_cannot_be_looked_up_opens_nothing(
    amy: User, lines: Lines, monkeypatch: pytest.MonkeyPatch, broken: Exception
) -> None:
    text = token_and_text(user=amy)[1]

    def fail(*given: object) -> None:
        raise broken

    monkeypatch.setattr("tokens.authentication.known", fail)
    client = Client(raise_request_exception=False, headers={"authorization": f"Bearer {text}"})
    by_rest, by_dx = client.get("/api/v1/me/"), client.post("/system/whoami", b"{}", content_type="application/json")
    expected = 503 if isinstance(broken, OperationalError) else 500
    assert [answer.status_code for answer in (by_rest, by_dx)] == [expected] * 2
    for answer in (by_rest, by_dx):
        assert "user-amy" not in answer.content.decode()
        assert "detail-of-ours" not in answer.content.decode()
        assert [line["request_id"] for line in faults(lines)].count(answer["X-Request-Id"]) == 1


MARK = "marker7391"


def test_ops_04_no_door_lets_a_secret_into_a_log(amy: User, lines: Lines, monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    turned_on(amy)
    text = token_and_text(user=amy)[1]
    web = WebDoor(raise_request_exception=False)
    web.cookies["other"] = f"{MARK}-cookie"

    def go_round() -> None:
        web.send("/login/", {"username": "amy", "password": f"{MARK}-password"})
        web.post("/login/", {"username": "amy", "password": f"{MARK}-password", "csrfmiddlewaretoken": f"{MARK}-csrf"})
        web.send("/login/", {"username": "amy", "password": PASSWORD})
        web.send("/login/verify/", {"otp": f"{MARK}"}, form_at="/login/")
        for path in ("/password/reset/uid/{}/", "/email/confirm/{}/", "/email/cancel/{}/", "/invitations/{}/", "/security/2fa/object/{}/"):
            web.get(path.format(f"{MARK}-key"))
            web.send(path.format(f"{MARK}-key"), {"new_password1": f"{MARK}-new"}, form_at="/login/")
        dx("/system/newAuthToken", {"username": "amy", "password": f"{MARK}-password", "otp": MARK, "expires": 1_900_000_000_000})
        dx("/system/newAuthToken", f'{{"password": "{MARK}-broken')
        dx("/system/whoami", {"secret": MARK}, f"ght_{MARK}")
        program = Client(raise_request_exception=False, headers={"authorization": f"Bearer {text}", "cookie": f"sessionid={MARK}-session"})
        program.post("/api/v1/tokens/", {"label": MARK, "projects": f"{MARK}-body"}, content_type="application/json")
        program.get(f"/api/v1/tokens/?q={MARK}", headers={"authorization": f"Bearer {text}{MARK}"})
        program.get(f"/nothing/{MARK}/?token={MARK}", headers={"authorization": f"Basic {MARK}"})

    go_round()

    def fail(*given: object, **named: object) -> Any:
        password, token, session_key = f"{MARK}-local", text, f"{MARK}-key"  # a report with locals would show these
        raise RuntimeError("broken", len(password + token + session_key))

    for place in ("accounts.login.check_password", "tokens.authentication.authenticate"):
        monkeypatch.setattr(place, fail)
    go_round()
    told = json.dumps(lines())
    assert len(faults(lines)) > 1
    hashed = User.objects.get(pk=amy.pk).password
    for secret in (MARK, text, PASSWORD, hashed, str(web.cookies[settings.CSRF_COOKIE_NAME].value)):
        assert secret not in told, secret


def test_ops_05_what_a_stranger_types_makes_no_line_of_its_own(lines: Lines, db: None) -> None:
    nasty = 'amy\r\n{"level": "INFO"}\x1b[31m\u2028\x00\x9b'
    web = WebDoor()
    answers = [
        web.send("/login/", {"username": nasty, "password": "wrong"}),
        dx("/system/newAuthToken", {"username": "amy\r\n\x1b[31m", "password": "x", "expires": 1_900_000_000_000}),
        Client().generic("GET\x1b", "/login/", headers={"user-agent": nasty.replace("\r\n", "")}),
    ]
    told = [line for line in lines() if line["logger"] == "gatehouse.access"]
    assert len(told) == len(answers) + 1  # the page of the form, too
    for line, answer in zip(told[1:], answers, strict=True):
        assert line["request_id"] == answer["X-Request-Id"]
        assert set(line) >= {"time", "level", "route", "method", "status", "actor", "ms"}
        assert line["time"].endswith("+00:00")
    raw = json.dumps(told)
    assert not [char for char in raw if not char.isprintable()]
