"""The unmodified dx client against a real server (S1.3 to S1.8, CLI)."""

import pytest

from tests.journeys.dx import THROTTLED_SECONDS, DxClient
from tests.journeys.house import PASSWORD, House
from tests.journeys.visitor import Visitor, dx_login, with_token

pytestmark = pytest.mark.dx


def test_three_wrong_passwords_end_the_login_without_a_token(server: House, dx: DxClient) -> None:
    name = server.person()
    status, shown = dx.login(name, "wrong one", "wrong two", "wrong three")
    assert status == 3
    assert "Incorrect username and/or password" in shown
    assert dx.whoami().startswith("exit 3")
    assert server.count("tokens_token", name) == 0


def test_a_wrong_password_and_then_the_right_one_log_in(server: House, dx: DxClient) -> None:
    name = server.person()
    status, shown = dx.login(name, "wrong one", PASSWORD)
    assert status == 0, shown
    assert "You are now logged in" in shown
    assert dx.whoami() == name


def test_a_throttled_login_ends_at_once_and_says_for_how_long(server: House, dx: DxClient) -> None:
    name = server.person()
    assert dx.login(name, "wrong one", "wrong two", "wrong three")[0] == 3
    for wrong in ("wrong four", "wrong five"):
        assert Visitor(server.url).form("/login/", {"username": name, "password": wrong}).status == 401
    client = dx.terminal("login", "--noprojects")
    client.expect("Username.*: ")
    client.sendline(name)
    client.expect("Password: ")
    client.sendline(PASSWORD)
    client.expect("TooManyAttempts: Too many attempts. Try again in .* second", timeout=THROTTLED_SECONDS)
    client.wait()
    assert client.exitstatus == 3


def test_logout_ends_the_token_it_holds_and_no_other_and_a_second_logout_is_harmless(server: House, dx: DxClient) -> None:
    name = server.person()
    other = dx_login(server.url, name)
    assert dx.login(name, PASSWORD)[0] == 0
    mine = dx("env", "--bash").stdout.split('"auth_token": "')[1].split('"')[0]
    assert with_token(server.url, mine).status == 200
    out = dx("logout")
    assert (out.returncode, "Deleted token with signature" in out.stdout) == (0, True)
    assert with_token(server.url, mine).json["code"] == "token_revoked"
    assert with_token(server.url, other).status == 200
    assert dx("logout").returncode == 0


def test_a_token_logs_in_over_plain_http_without_a_question_and_logout_ends_it_for_good(server: House, dx: DxClient) -> None:
    name = server.person()
    token = Visitor(server.url).sign_in(name).make_token("for a script")
    login = dx("login", "--token", token, "--noprojects", "--host", "127.0.0.1", stdin="\n\n\n")
    assert login.returncode == 0, login.stderr
    assert dx.whoami() == name
    assert dx("logout").returncode == 0
    assert with_token(server.url, token).status == 401


def test_a_text_that_is_no_token_is_refused_at_the_first_call(server: House, dx: DxClient) -> None:
    dx("login", "--token", "ght_" + "x" * 28, "--noprojects", "--host", "127.0.0.1", stdin="\n\n\n")
    assert "InvalidAuthentication: The token could not be found, code 401" in dx.whoami()


def test_the_password_comes_from_standard_input_where_there_is_no_terminal(server: House, dx: DxClient) -> None:
    name = server.person()
    login = dx("login", "--noprojects", "--timeout", "1h", stdin=f"{name}\n{PASSWORD}\n")
    assert login.returncode == 0, login.stderr
    assert dx.whoami() == name
