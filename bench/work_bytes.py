"""How fast bytes go up and down, by the real dx client and by a bare one, beside a view of the same server that does nothing else."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.work_server import Server

DX = Path(sys.executable).with_name("dx")
PIECE = 256 * 1024
PART = 64 * 1024 * 1024
MIB = 1024 * 1024


@dataclass
class Moved:
    """What was measured: MiB a second of each way, how much the server's memory grew at most, and whether the MD5 were equal."""

    rates: dict[str, float]
    growth_mib: float
    same: bool


def measure(server: Server, folder: Path, size: int) -> Moved:
    """Move a file of `size` bytes there and back, again and again."""
    project, source, back = server.project(), folder / "source.bin", folder / "back.bin"
    _random_file(source, size)
    dx, rates = _dx(server, folder, project), {}
    before = server.memory_mib()
    with _peak(server) as peak:
        rates["dx upload"] = _rate(size, lambda: dx("upload", str(source), "--path", "/source.bin", "--brief", "--wait"))
        rates["dx download"] = _rate(size, lambda: dx("download", "source.bin", "-o", str(back), "-f"))
    growth = peak[0] - before
    same = _md5(source) == _md5(back)
    file_id = server.call("/system/findDataObjects", {"name": "source.bin", "scope": {"project": project}})["results"][0]["id"]
    ticket = server.call(f"/{file_id}/download", {"project": project})
    plain = f"/transfers/plain/{source}"
    rates["a plain GET of the file"] = _rate(size, lambda: _get(server, plain, {}))
    rates["the same GET of our file"] = _rate(size, lambda: _get(server, urlsplit(ticket["url"]).path, ticket["headers"]))
    rates["a plain PUT of the file"] = _rate(PART, lambda: _put(server, f"/transfers/plain/{folder / 'put.bin'}", {}, source))
    part = _announced(server, project, source)
    rates["the same PUT of one of our parts"] = _rate(PART, lambda: _put(server, urlsplit(part["url"]).path, part["headers"], source))
    return Moved(rates, growth, same)


def _announced(server: Server, project: str, source: Path) -> Any:
    with source.open("rb") as file:
        md5 = hashlib.md5(file.read(PART), usedforsecurity=False).hexdigest()
    file_id = server.call("/file/new", {"project": project, "name": "part.bin"})["id"]
    return server.call(f"/{file_id}/upload", {"index": 1, "size": PART, "md5": md5})


def _rate(size: int, act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return size / MIB / (time.perf_counter() - began)


def _get(server: Server, path: str, headers: dict[str, str]) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    assert response.status == 200, response.read()  # noqa: PLR2004  (a success)
    while response.read(PIECE):
        pass


def _put(server: Server, path: str, headers: dict[str, str], source: Path) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.putrequest("PUT", path)
    for name, value in {"Content-Length": str(PART), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with source.open("rb") as file:
        for _ in range(PART // PIECE):
            connection.send(file.read(PIECE))
    response = connection.getresponse()
    assert response.status == 200, response.read()  # noqa: PLR2004  (as above)


def _dx(server: Server, folder: Path, project: str) -> Callable[..., None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DX_", "_DX_"))}
    context = json.dumps({"auth_token": server.token, "auth_token_type": "Bearer"})
    api = {"DX_APISERVER_PROTOCOL": "http", "DX_APISERVER_HOST": "127.0.0.1", "DX_APISERVER_PORT": str(server.port)}
    environment = {**kept, **api, "DX_SECURITY_CONTEXT": context, "DX_PROJECT_CONTEXT_ID": project, "DX_USER_CONF_DIR": str(folder)}

    def run(*arguments: str) -> None:
        subprocess.run([DX, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    return run


@contextmanager
def _peak(server: Server) -> Iterator[list[float]]:
    """Give the most memory that the server had meanwhile, in MiB, as the one element of a list."""
    most, over = [server.memory_mib()], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            most[0] = max(most[0], server.memory_mib())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield most
    over.set()
    watcher.join()


def _random_file(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
