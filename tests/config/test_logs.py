"""Log lines are one JSON object each and hold nothing that opens a door (OPS-04, OPS-05)."""

import json
import logging
import re

import pytest
from django.test import Client, RequestFactory

from config.logs import MASK, escape_controls, mask
from tests.config.conftest import Lines
from tests.test_docs import routes

TOKEN = "ght_" + "0Az9" * 7


@pytest.mark.parametrize(
    "text",
    [
        f"used {TOKEN} twice",
        f"Authorization: Bearer {TOKEN}",
        "authorization: bearer marker-1234",
        "GET /password/reset/BFGJ/marker-1234/ failed",
        "GET /email/confirm/marker-1234/ failed",
        "GET /email/cancel/marker-1234/ failed",
        "GET /invitations/marker-1234/ failed",
        "GET /login/?next=%2Finvitations%2Fmarker-1234%2F failed",
        "GET /security/2fa/object/marker-1234:x/ failed",
        "GET /transfers/transfer-BFGJ/content/marker-1234:x failed",
        "sessionid=marker-1234; path=/",
        '{"password": "marker-1234"}',
        "new_password1=marker-1234&x=1",
        "csrfmiddlewaretoken=marker-1234",
    ],
)
def test_ops_04_a_secret_in_a_text_is_masked(text: str) -> None:
    masked = mask(text)
    assert MASK in masked
    assert "marker-1234" not in masked
    assert TOKEN not in masked


def test_the_key_in_every_address_that_has_one_is_masked() -> None:
    holding = [route for route in routes() if re.search("<(key|grant)>", route)]
    assert len(holding) >= 6
    for route in holding:
        address = re.sub("<(key|grant)>", "marker-1234", route).replace("<", "").replace(">", "")
        assert "marker-1234" not in mask(f"GET {address} failed"), route


def test_ops_04_secrets_in_extra_fields_and_exceptions_are_masked(lines: Lines) -> None:
    try:
        raise ValueError(f"bad token {TOKEN}")
    except ValueError:
        logging.getLogger("test").exception(
            "failed", extra={"password": "marker-1", "headers": {"Cookie": "marker-2"}, "session_key": "marker-3", "count": 3}
        )
    (line,) = lines()
    assert line["count"] == 3
    assert line["level"] == "ERROR"
    assert "Traceback" in line["exc_info"]
    assert not [secret for secret in ("marker-", TOKEN) if secret in json.dumps(line)]


def test_ops_05_control_characters_of_a_stranger_are_spelt_out(lines: Lines) -> None:
    logging.getLogger("test").warning("login of %s", "amy\r\n{}\x1b[31m\u2028\x9b")
    (line,) = lines()
    assert line["message"] == r"login of amy\x0d\n{}\x1b[31m\x2028\x9b"


def test_a_traceback_keeps_its_lines() -> None:
    assert escape_controls("a\nb\x07", keep_lines=True) == "a\nb\\x07"


def test_ops_04_an_access_line_names_the_route_and_never_the_path(client: Client, lines: Lines) -> None:
    answer = client.get("/healthz?key=marker-1234", headers={"user-agent": "marker-5678"})
    (line,) = [line for line in lines() if line["logger"] == "gatehouse.access"]
    assert (line["method"], line["route"], line["status"], line["actor"]) == ("GET", "/healthz", 200, None)
    assert line["request_id"] == answer["X-Request-Id"]
    assert line["ms"] >= 0
    assert "marker" not in json.dumps(line)


def test_an_access_line_of_a_dx_call_names_the_method_and_no_id(client: Client, lines: Lines) -> None:
    client.post("/user-marker/describe")
    client.post("/marker-1234/marker")
    routes = [line["route"] for line in lines() if line["logger"] == "gatehouse.access"]
    assert routes == ["/user-{id}/describe", "/unknown-dx-call"]


def test_django_s_own_lines_lose_the_path(lines: Lines) -> None:
    request = RequestFactory().get("/email/other/marker-1234/")
    logging.getLogger("django.request").error("Broken: %s", request.path, extra={"request": request})
    (line,) = lines()
    assert line["message"] == "Broken: -"
    assert "marker" not in json.dumps(line)
