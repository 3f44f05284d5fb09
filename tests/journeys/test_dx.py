"""The unmodified dx client against a real server (S1.3 to S1.8, CLI)."""

import pytest

from tests.journeys.dx import THROTTLED_SECONDS, DxClient, finish
from tests.journeys.house import PASSWORD, House
from tests.journeys.visitor import Visitor, dx_login, make_projects, with_token

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


def test_cli_01_a_throttled_login_ends_at_once_and_says_for_how_long(server: House, dx: DxClient) -> None:
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


def test_after_the_password_a_project_is_picked_from_the_list_and_next_time_the_username_is_offered(dx: DxClient) -> None:
    client = dx.typed_login("amy")
    client.expect(r"Available projects \(CONTRIBUTE or higher\):\s+0\) Genome Atlas \(ADMINISTER\)\s+1\) Trial Cohort \(ADMINISTER\)\s")
    client.expect("Pick a numbered choice: ")
    client.sendline("1")
    status, shown = finish(client)
    assert (status, "Setting current project to: Trial Cohort" in shown, "You are now logged in" in shown) == (0, True, True)
    assert '"Trial Cohort"' in dx.ok("env")
    assert dx.ok("pwd") == "Trial Cohort:/"
    assert "Deleted token" in dx.ok("logout")
    assert "code 401" in dx.whoami()

    client = dx.terminal("login")
    client.expect(r"Username \[amy\]: ")
    client.sendline("")
    client.expect("Password: ")
    client.sendline(PASSWORD)
    client.expect(r"Pick a numbered choice \[1\]: ")  # what was chosen before
    client.sendline("0")
    assert finish(client)[0] == 0
    assert dx.ok("pwd") == "Genome Atlas:/"


def test_of_more_than_ten_projects_the_others_come_on_a_second_page(server: House, dx: DxClient) -> None:
    name = server.person()
    make_projects(server.url, dx_login(server.url, name), *(f"Sample {number:02d}" for number in range(1, 14)))
    client = dx.typed_login(name)
    client.expect(r"9\) Sample 10 \(ADMINISTER\)\s+m\) More options not shown\.\.\.\s")
    client.expect('Pick a numbered choice or "m" for more options: ')
    client.sendline("m")
    client.expect(r"0\) Sample 11 \(ADMINISTER\)\s+1\) Sample 12 \(ADMINISTER\)\s+2\) Sample 13 \(ADMINISTER\)\s+Pick a numbered choice: ")
    client.sendline("2")
    assert finish(client)[0] == 0
    assert dx.ok("pwd") == "Sample 13:/"


def test_the_only_project_that_one_may_change_is_taken_without_a_question(dx: DxClient) -> None:
    status, shown = finish(dx.typed_login("ben"))  # who has VIEW in another one
    assert (status, "Setting current project to: Sandbox" in shown) == (0, True)
    assert dx.ok("pwd") == "Sandbox:/"


def test_without_a_project_the_login_says_so_and_holds(server: House, dx: DxClient) -> None:
    name = server.person()
    status, shown = finish(dx.typed_login(name))
    assert (status, "No projects to choose from" in shown) == (0, True)
    assert dx.whoami() == name


def test_a_login_lives_as_long_as_was_asked_for_and_thirty_days_at_most(server: House, dx: DxClient) -> None:
    name = server.person()
    for timeout, told in (("1h", "in 59 minutes"), ("1y", "in 30 days")):
        login = dx("login", "--noprojects", "--timeout", timeout, stdin=f"{name}\n{PASSWORD}\n")
        assert login.returncode == 0, login
        page = Visitor(server.url).sign_in(name).get("/profile/tokens/?sort=-created").text
        newest = page[page.index("<tbody") :].partition("</tr>")[0]
        assert ("CLI login" in newest, told in newest) == (True, True), newest
    late = dx("login", "--noprojects", "--timeout=-5", stdin=f"{name}\n{PASSWORD}\n")
    assert (late.returncode, '"expires" is in the past' in late.stderr) == (3, True), late


def test_save_keeps_the_login_and_no_save_which_this_client_does_not_know_begins_none(server: House, dx: DxClient) -> None:
    name = server.person()
    typed = f"{name}\n{PASSWORD}\n"
    assert dx("login", "--noprojects", "--no-save", stdin=typed).returncode == 2
    assert (server.count("tokens_token", name), dx.whoami()[:6]) == (0, "exit 3")
    assert dx("login", "--noprojects", "--save", stdin=typed).returncode == 0
    assert (server.count("tokens_token", name), dx.whoami()) == (1, name)


def test_the_password_comes_from_standard_input_where_there_is_no_terminal(server: House, dx: DxClient) -> None:
    name = server.person()
    login = dx("login", "--noprojects", "--timeout", "1h", stdin=f"{name}\n{PASSWORD}\n")
    assert login.returncode == 0, login.stderr
    assert dx.whoami() == name
