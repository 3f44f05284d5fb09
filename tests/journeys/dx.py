"""The real dx client, with a configuration of its own and nothing left over from outside (DX_PROTOCOL 2.8 B, 12.6)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect

from tests.journeys.house import PASSWORD

DX = Path(sys.executable).with_name("dx")
TIMEOUT_SECONDS = 30
THROTTLED_SECONDS = 5  # SECURITY CLI-01
REFUSED_SECONDS = 15  # a refusal is told at once; what the client retries takes it 45 s and more (DX_PROTOCOL 1.5)
REFUSED = 3
_COLOURS = re.compile(r"\x1b\[\d*m")


class DxClient:
    """One person's client on one machine."""

    def __init__(self, folder: Path, port: int) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DX_", "_DX_"))}
        mine = {"HOME": str(folder), "DX_USER_CONF_DIR": str(folder), "TERM": "dumb", "PYTHONWARNINGS": "ignore"}
        api = {"DX_APISERVER_PROTOCOL": "http", "DX_APISERVER_HOST": "127.0.0.1", "DX_APISERVER_PORT": str(port)}
        auth = {"DX_AUTHSERVER_HOST": "http://127.0.0.1", "DX_AUTHSERVER_PORT": str(port)}
        self.environment: os._Environ[str] | dict[str, str] = {**kept, **mine, **api, **auth}

    def __call__(self, *arguments: str, stdin: str = "", seconds: int = TIMEOUT_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Run a command and return how it ended."""
        return subprocess.run([DX, *arguments], env=self.environment, input=stdin, capture_output=True, text=True, timeout=seconds)

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that does what it should without a complaint; return what it printed."""
        ended = self(*arguments, stdin=stdin)
        assert (ended.returncode, ended.stderr) == (0, ""), f"dx {' '.join(arguments)}: {ended}"
        return ended.stdout.strip()

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused, soon and without a traceback; return all that it said, in one line."""
        ended = self(*arguments, seconds=REFUSED_SECONDS)
        said = " ".join(f"{ended.stdout} {ended.stderr}".split())
        assert ended.returncode == REFUSED, f"dx {' '.join(arguments)}: {ended}"
        assert "Traceback" not in said, said
        return said

    def use(self, token: str, project: str | None = None) -> None:
        """Log in with the text of a token, and select a project, as a script does (S1.8)."""
        login = self("login", "--token", token, "--noprojects", "--host", "127.0.0.1", stdin="\n\n\n")
        assert login.returncode == 0, login
        if project is not None:
            self.ok("select", project)

    def terminal(self, *arguments: str) -> "pexpect.spawn[str]":
        """Start a command on a terminal."""
        return pexpect.spawn(str(DX), list(arguments), env=self.environment, encoding="utf-8", timeout=TIMEOUT_SECONDS)

    def typed_login(self, username: str, *arguments: str) -> "pexpect.spawn[str]":
        """Start `dx login` on a terminal and type a person's name and password."""
        client = self.terminal("login", *arguments)
        client.expect("Username: ")
        client.sendline(username)
        client.expect("Password: ")
        client.sendline(PASSWORD)
        return client

    def login(self, username: str, *passwords: str) -> tuple[int, str]:
        """Run `dx login --noprojects`, typing one password after the other; return exit status and all that was shown."""
        client = self.terminal("login", "--noprojects")
        shown = ""
        for password in passwords:
            if client.expect(["Username.*: ", pexpect.EOF]) == 1:
                break
            shown += client.before or ""
            client.sendline(username)
            client.expect("Password: ")
            shown += client.before or ""
            client.sendline(password)
        status, rest = finish(client)
        return status, shown + rest

    def whoami(self) -> str:
        """Return the name that `dx whoami` prints, or its complaint."""
        ended = self("whoami")
        return ended.stdout.strip() if ended.returncode == 0 else f"exit {ended.returncode}: {ended.stderr.strip()}"


def finish(client: "pexpect.spawn[str]") -> tuple[int, str]:
    """Wait until a command on a terminal is over; return its exit status and what it showed since the last question, colours apart."""
    client.expect(pexpect.EOF, timeout=TIMEOUT_SECONDS)
    shown = _COLOURS.sub("", client.before or "")
    client.close()
    assert client.exitstatus is not None, shown
    return client.exitstatus, shown
