"""The real dx client, with a configuration of its own and nothing left over from outside (DX_PROTOCOL 2.8 B, 12.6)."""

import os
import subprocess
import sys
from pathlib import Path

import pexpect

DX = Path(sys.executable).with_name("dx")
TIMEOUT_SECONDS = 30
THROTTLED_SECONDS = 5  # SECURITY CLI-01


class DxClient:
    """One person's client on one machine."""

    def __init__(self, folder: Path, port: int) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DX_", "_DX_"))}
        mine = {"HOME": str(folder), "DX_USER_CONF_DIR": str(folder), "TERM": "dumb", "PYTHONWARNINGS": "ignore"}
        api = {"DX_APISERVER_PROTOCOL": "http", "DX_APISERVER_HOST": "127.0.0.1", "DX_APISERVER_PORT": str(port)}
        auth = {"DX_AUTHSERVER_HOST": "http://127.0.0.1", "DX_AUTHSERVER_PORT": str(port)}
        self.environment: os._Environ[str] | dict[str, str] = {**kept, **mine, **api, **auth}

    def __call__(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command and return how it ended."""
        return subprocess.run([DX, *arguments], env=self.environment, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)

    def terminal(self, *arguments: str) -> "pexpect.spawn[str]":
        """Start a command on a terminal."""
        return pexpect.spawn(str(DX), list(arguments), env=self.environment, encoding="utf-8", timeout=TIMEOUT_SECONDS)

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
        client.expect(pexpect.EOF, timeout=TIMEOUT_SECONDS)
        shown += client.before or ""
        client.close()
        assert client.exitstatus is not None, shown
        return client.exitstatus, shown

    def whoami(self) -> str:
        """Return the name that `dx whoami` prints, or its complaint."""
        ended = self("whoami")
        return ended.stdout.strip() if ended.returncode == 0 else f"exit {ended.returncode}: {ended.stderr.strip()}"
