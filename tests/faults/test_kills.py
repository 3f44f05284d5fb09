"""A server killed at any step of a credential change, a revoke, or anything else that is one act, leaves no half of it (F01).

Real processes on a database of their own; the web server starts a new worker by itself, so nobody has to help.
"""

import base64
import json
import os
import re
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

import pytest

from config.demo import TOTP_SECRET
from tests.faults.aftermath import Counts, assert_holds, failure_counts
from tests.journeys.house import NEW_PASSWORD, PASSWORD, House, until
from tests.journeys.visitor import Answer, Visitor, dx_call, make_projects, send, with_token
from twofactor import totp

pytestmark = pytest.mark.faults

COMES_BACK_SECONDS = 10
ENABLE, DISABLE, COMPROMISED = "/security/2fa/enable/", "/security/2fa/disable/", "/security/compromised/"
# Left out: what the worker does with mails, and what was counted (a try that was given back leaves its row at zero).
TABLES = {
    "accounts_user": "*", "accounts_session": "*", "accounts_endedsession": "*", "accounts_passwordreset": "*", "accounts_emailchange": "*",
    "accounts_securityevent": "*", "tokens_token": "*", "accounts_outboxmail": 'id, "to", subject', "twofactor_authenticator": "*",
    "twofactor_backupcode": "*", "twofactor_enrolment": "*",
}  # fmt: skip
Picture = dict[str, list[tuple[Any, ...]]]


def picture(house: House) -> Picture:
    return {table: house.rows(f"SELECT {columns} FROM {table} ORDER BY 1") for table, columns in TABLES.items()}  # noqa: S608


def dies(send: Callable[[], Answer]) -> None:
    """Send what kills the server: no answer may come."""
    with pytest.raises((OSError, HTTPException)):
        send()


def comes_back(house: House) -> None:
    until(house.answers, seconds=COMES_BACK_SECONDS, what="a new worker of the web server")


def app_code(secret: str = TOTP_SECRET) -> str:
    """Return the code of now in an app with this key; the demo publishes cleo's."""
    return totp.code_at(base64.b32decode(secret), totp.step_now())


@dataclass
class Scene:
    """A person with two browsers, a dx login and a token, at a server that dies at one point; `cleo` has a second factor."""

    house: House
    name: str = "amy"
    visitors: list[Visitor] = field(default_factory=list)
    login: str = ""
    token: str = ""

    def set(self) -> "Scene":
        self.visitors = [self.enter(), self.enter()]
        self.login, self.token = self.dx_enter(), self.visitors[0].make_token("nightly")
        assert self.all_alive()
        self.unspend()
        return self

    @property
    def has_code(self) -> bool:
        return self.name == "cleo"

    def unspend(self) -> None:
        """Let the code of now count again: only time could do so otherwise."""
        self.house.database.execute("UPDATE twofactor_authenticator SET last_step = -1")

    def enter(self) -> Visitor:
        visitor = Visitor(self.house.url)
        answer = visitor.form("/login/", {"username": self.name, "password": PASSWORD})
        if self.has_code:
            self.unspend()
            answer = visitor.form("/login/verify/", {"otp": app_code()})
        assert answer.status == 302, answer.text
        return visitor

    def dx_enter(self) -> str:
        self.unspend()
        otp = {"otp": app_code()} if self.has_code else {}
        answer = dx_call(self.house.url, "system/newAuthToken", {"username": self.name, "password": PASSWORD, **otp})
        assert answer.status == 200, answer.text
        return str(answer.json["access_token"])

    def all_alive(self) -> bool:
        bearers = [with_token(self.house.url, text).status for text in (self.login, self.token)]
        return all(visitor.signed_in for visitor in self.visitors) and bearers == [200, 200]

    def before(self) -> "tuple[Picture, Counts]":
        return picture(self.house), failure_counts(self.house)

    def assert_nothing_happened(self, before: "tuple[Picture, Counts]") -> None:
        comes_back(self.house)
        assert picture(self.house) == before[0]
        assert self.all_alive()
        assert dx_call(self.house.url, "system/whoami", {}, self.login).status == 200
        assert self.enter().signed_in
        refused = Visitor(self.house.url).form("/login/", {"username": self.name, "password": NEW_PASSWORD})
        assert refused.status == 401
        assert_holds(self.house, counted=before[1])


NEW = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
REVOKE = {"revoke_tokens": "on"}
Act = Callable[[], Answer]


def password_change(scene: Scene, more: dict[str, str]) -> Act:
    return lambda: scene.visitors[0].change_password(NEW_PASSWORD, revoke=bool(more))


def password_reset(scene: Scene, more: dict[str, str]) -> Act:
    visitor, address = Visitor(scene.house.url), f"{scene.name}@example.com"
    visitor.form("/password/reset/", {"email": address})
    page = visitor.get(link_in(scene.house.mail(address, "Reset your"), "/password/reset/")).location
    return lambda: visitor.form(page, {**NEW, **more})


def email_change(scene: Scene, more: dict[str, str]) -> Act:
    scene.visitors[0].form("/security/email/", {"email": "amy@new.example.com", "current_password": PASSWORD})
    link = link_in(scene.house.mail("amy@new.example.com", "Confirm your"), "/email/confirm/")
    return lambda: Visitor(scene.house.url).form(link, more)


def two_factor_on(scene: Scene, more: dict[str, str]) -> Act:
    visitor = scene.visitors[0]

    def step(**fields: str) -> Answer:
        return visitor.form(ENABLE, fields, at="/security/")

    step(step="app", app="Aegis")
    step(step="password", current_password=PASSWORD)
    shown = re.search(r"secret=([A-Z2-7]{32})|((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})", visitor.get(ENABLE).text)
    assert shown is not None, visitor.get(ENABLE).text
    step(step="scan")
    assert step(step="code", otp=app_code((shown[1] or shown[2]).replace(" ", ""))).location == ENABLE
    return lambda: step(step="codes", saved="on", **more)


def two_factor_off(scene: Scene, more: dict[str, str]) -> Act:
    return lambda: scene.visitors[0].form(DISABLE, {"current_password": PASSWORD, "otp": app_code(), **more})


def secured(scene: Scene, more: dict[str, str]) -> Act:
    fields = {"since": "day", "current_password": PASSWORD, "otp": app_code(), "renew_2fa": "on", **NEW}
    return lambda: scene.visitors[0].form(COMPROMISED, fields)


def revoke(scene: Scene, more: dict[str, str]) -> Act:
    headers = {"Authorization": f"Bearer {scene.login}", "Content-Type": "application/json"}
    return lambda: send(f"{scene.house.url}/api/v1/tokens/revoke/", data=b'{"all": true}', headers=headers)


STEPS: list[tuple[Callable[[Scene, dict[str, str]], Act], str, bool]] = [
    (password_change, "credentials.after_password_saved", False),
    (password_change, "credentials.epoch_raised", False),
    (password_change, "tokens.retired", False),
    (password_change, "tokens.revoked", True),
    (password_change, "credentials.announced", True),
    (password_change, "password_change.before_commit", True),
    (password_reset, "credentials.after_password_saved", False),
    (password_reset, "credentials.announced", True),
    (password_reset, "password_reset.before_commit", False),
    (email_change, "credentials.after_email_saved", False),
    (email_change, "credentials.announced", True),
    (email_change, "email_change.before_commit", True),
    (two_factor_on, "credentials.epoch_raised", False),
    (two_factor_on, "credentials.announced", True),
    (two_factor_on, "two_factor.before_commit", True),
    (two_factor_off, "credentials.epoch_raised", False),
    (two_factor_off, "credentials.announced", True),
    (two_factor_off, "two_factor.before_commit", True),
    (secured, "credentials.after_password_saved", False),
    (secured, "two_factor.before_commit", False),
    (revoke, "tokens.revoked", False),
]


@pytest.mark.parametrize(("act", "point", "tokens_go"), STEPS, ids=[f"{act.__name__}-{point}" for act, point, _ in STEPS])
def test_f01_killed_at_any_step_nothing_of_it_happened_and_the_act_can_be_sent_again(
    dying_house: Callable[[str], House], act: Callable[[Scene, dict[str, str]], Act], point: str, tokens_go: bool
) -> None:
    house = dying_house(point)
    scene = Scene(house, name="cleo" if act in (two_factor_off, secured) else "amy").set()
    ready = act(scene, REVOKE if tokens_go else {})
    before = scene.before()
    dies(ready)
    scene.assert_nothing_happened(before)
    house.stop()
    house.settings.clear()
    house.start()
    scene.unspend()
    assert ready().status in (200, 204, 302)
    assert picture(house) != before[0]
    assert with_token(house.url, scene.login).status == 401


def test_f01_killed_right_after_its_answer_all_of_a_change_is_there(sound_house: House) -> None:
    house, scene = sound_house, Scene(sound_house).set()
    assert scene.visitors[0].change_password(NEW_PASSWORD, revoke=True).status == 302
    assert house.process is not None
    os.kill(house.process.pid, signal.SIGKILL)
    house.process.wait()
    until(lambda: not_listened_on(house.port), what="the end of all processes")
    house.start()
    assert not any(visitor.signed_in for visitor in scene.visitors)
    assert [with_token(house.url, text).status for text in (scene.login, scene.token)] == [401, 401]
    assert Visitor(house.url).form("/login/", {"username": "amy", "password": PASSWORD}).status == 401
    assert Visitor(house.url).sign_in("amy", NEW_PASSWORD).signed_in
    assert house.rows("SELECT count(*) FROM accounts_securityevent WHERE event = 'password.changed'") == [(1,)]
    house.mail("amy@example.com", "password")
    assert_holds(house)


def not_listened_on(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def by_page(scene: Scene) -> Act:
    return lambda: scene.visitors[0].form("/profile/tokens/new/", {"label": "deploy", "expires": "30"})


def by_rest(scene: Scene) -> Act:
    headers = {"Authorization": f"Bearer {scene.login}", "Content-Type": "application/json", "Idempotency-Key": "deploy-1"}
    return lambda: send(f"{scene.house.url}/api/v1/tokens/", data=b'{"label": "deploy"}', headers=headers)


@pytest.mark.parametrize("door", [by_page, by_rest])
def test_f01_killed_while_a_token_is_made_there_is_none_and_its_label_is_free(
    dying_house: Callable[[str], House], door: Callable[[Scene], Act]
) -> None:
    # The point stands where a login makes its token, too: this person gets theirs before.
    house = dying_house("login.nothing")
    scene = Scene(house).set()
    house.stop()
    house.settings["FAILPOINTS"] = "tokens.minted=kill"
    house.start()
    before, make = picture(house), door(scene)
    dies(make)
    comes_back(house)
    assert picture(house) == before
    house.stop()
    house.settings.clear()
    house.start()
    assert make().status in (200, 201)
    assert house.rows("SELECT count(*) FROM tokens_token WHERE label = 'deploy'") == [(1,)]
    assert_holds(house)


@pytest.mark.parametrize(("point", "copies"), [("outbox.leased", 1), ("outbox.sent", 2)])
def test_f01_a_worker_killed_over_a_mail_leaves_it_to_the_next_one(dying_house: Callable[[str], House], point: str, copies: int) -> None:
    house, to = dying_house(point), "amy@example.com"
    Visitor(house.url).form("/password/reset/", {"email": to})
    process = house.process
    assert process is not None
    until(lambda: process.poll() is not None, what="the end of a server whose worker died")
    assert len(house.mails(to)) == copies - 1
    house.settings.clear()
    house.start()
    house.database.execute("UPDATE accounts_outboxmail SET next_try = created WHERE state = 'waiting'")
    until(lambda: house.rows("SELECT state FROM accounts_outboxmail") == [("sent",)], what="the mail to be marked as sent")
    mails = house.mails(to)
    assert len(mails) == copies
    assert len({mail["Message-ID"] for mail in mails}) == 1
    assert_holds(house)


def test_f01_killed_while_a_job_ends_it_still_runs_and_can_be_ended_again(dying_house: Callable[[str], House]) -> None:
    house = dying_house("work.job-ended")
    scene = Scene(house).set()
    (project,) = make_projects(house.url, scene.login, "Plates")
    job = rest(house, scene.login, "jobs/", {"name": "call", "project": project, "lease_seconds": 600}).json
    dies(lambda: rest(house, job["token"], f"jobs/{job['id']}/finish/", {"exit_code": 0}))
    comes_back(house)
    assert house.rows("SELECT state FROM work_job") == [("running",)]
    assert with_token(house.url, job["token"], f"/api/v1/jobs/{job['id']}/").status == 200
    house.stop()
    house.settings.clear()
    house.start()
    assert rest(house, job["token"], f"jobs/{job['id']}/finish/", {"exit_code": 0}).status == 200
    assert house.rows("SELECT state FROM work_job") == [("done",)]
    assert_holds(house)


def rest(house: House, text: str, path: str, body: dict[str, Any]) -> Answer:
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    return send(f"{house.url}/api/v1/{path}", data=json.dumps(body).encode(), headers=headers)


def link_in(text: str, path: str) -> str:
    found = re.search(rf"{path}\S+", text)
    assert found is not None, text
    return found[0]
