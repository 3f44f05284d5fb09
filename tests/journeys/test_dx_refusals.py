"""What this server refuses, or does not have yet, ends the client soon and cleanly: no retries, no traceback (I5, DX_PROTOCOL 1.5, 1.6)."""

import pytest

from tests.journeys.dx import DxClient
from tests.journeys.house import House
from tests.journeys.visitor import dx_login, make_projects

pytestmark = [pytest.mark.dx, pytest.mark.once]

NO_METHOD = "ResourceNotFound: There is no such method here, code 404"


@pytest.fixture
def at_work(server: House, dx: DxClient) -> DxClient:
    """A client that is logged in, with a project selected that has two folders."""
    token = dx_login(server.url, server.person())
    make_projects(server.url, token, "Reads")
    dx.use(token, "Reads")
    dx.ok("mkdir", "-p", "/one", "/two/one")
    return dx


def test_what_the_server_does_not_have_is_told_at_once(at_work: DxClient) -> None:
    for command in (("api", "record", "new", "{}"), ("api", "applet", "new", "{}"), ("new", "org", "--handle", "lab", "Lab")):
        assert NO_METHOD in at_work.refused(*command)


def test_what_is_not_there_is_told_at_once(at_work: DxClient) -> None:
    for said, *command in (
        ('Could not find a project named "nosuch"', "select", "nosuch"),
        ("/nope: No such file or directory found", "cd", "/nope"),
        ('Unable to resolve "nope"', "ls", "/nope"),
        ('Unable to resolve "nothing"', "download", "nothing"),
        ('Unable to resolve "nothing"', "run", "nothing", "-y"),
        ("There is no folder /nope in this project", "mkdir", "/nope/inner"),
        ("No matches found", "describe", f"file-{'B' * 24}"),
        ("code 404", "wait", f"job-{'B' * 24}"),
    ):
        assert said in at_work.refused(*command)


def test_what_stands_in_the_way_is_told_at_once(at_work: DxClient) -> None:
    assert "InvalidState: There is a folder /two/one already" in at_work.refused("mv", "/one", "/two")
    assert "There is a folder /one already" in at_work.refused("mkdir", "/one")
    assert "InvalidInput: The folder /two cannot go into itself" in at_work.refused("mv", "/two", "/two/one")
    assert "The root folder stays" in at_work.refused("rmdir", "/")
