"""Files for tests, made and read through the doors, as the dx client does it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.test import Client

from accounts.models import User
from orgs.projects.models import Project
from tests.tokens.doors import dx
from tests.tokens.factories import token_and_text
from tokens.models import Token
from tokens.work.models import File, FileInProject, Part, Transfer


@dataclass(frozen=True)
class Desk:
    """A person with a token, in front of one project."""

    user: User
    token: Token
    text: str
    project: Project

    def call(self, path: str, **body: Any) -> Any:
        """Send a call; `project` in a path stands for the id of the project."""
        return dx(f"/{path.replace('project/', f'{self.project.public_id}/')}", body, self.text)


def desk_of(user: User, project: Project, **traits: Any) -> Desk:
    """Return a desk of `user` with a new token."""
    token, text = token_and_text(user=user, **traits)
    return Desk(user, token, text, project)


def md5_of(data: bytes) -> str:
    """Return what the client announces of a part."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def begin(text: str, project: Project, name: str = "f.bin", **keys: Any) -> str:
    """Begin an upload with file/new; return the id of the open file."""
    answer = dx("/file/new", {"name": name, "project": project.public_id, **keys}, text)
    assert answer.status_code == 200, answer.content
    made: str = answer.json()["id"]
    return made


def announce(text: str, file_id: str, data: bytes, index: int = 1, **keys: Any) -> Any:
    """Ask where a part goes; return the answer."""
    return dx(f"/{file_id}/upload", {"index": index, "md5": md5_of(data), "size": len(data), **keys}, text)


def send(ticket: Any, data: bytes, **headers: str) -> Any:
    """PUT bytes to where a ticket ({"url", "headers"}) says; return the answer."""
    sent = {"Content-Length": str(len(data)), **ticket.get("headers", {}), **headers}
    return Client(raise_request_exception=False).put(ticket["url"], data=data, content_type="application/octet-stream", headers=sent)


def put_part(text: str, file_id: str, data: bytes, index: int = 1) -> Any:
    """Announce a part and send it; return the answer to its bytes."""
    answer = announce(text, file_id, data, index)
    assert answer.status_code == 200, answer.content
    return send(answer.json(), data)


def close(text: str, file_id: str) -> Any:
    """Close a file; return the answer."""
    return dx(f"/{file_id}/close", {}, text)


def uploaded(text: str, project: Project, name: str = "f.bin", parts: Sequence[bytes] = (b"0123456789",), **keys: Any) -> str:
    """Upload a file of these parts and close it; return its id. More than one part needs the fixture `small_parts`."""
    file_id = begin(text, project, name, **keys)
    for index, data in enumerate(parts, start=1):
        answer = put_part(text, file_id, data, index)
        assert answer.status_code == 200, answer.content
    answer = close(text, file_id)
    assert answer.status_code == 200, answer.content
    return file_id


def ticket_for(text: str, file_id: str, **keys: Any) -> dict[str, Any]:
    """Ask for the address of a file's bytes; return the whole answer."""
    answer = dx(f"/{file_id}/download", keys, text)
    assert answer.status_code == 200, answer.content
    ticket: dict[str, Any] = answer.json()
    return ticket


def fetch(ticket: Any, wanted: str | None = None, **headers: str) -> Any:
    """GET what a ticket opens, with `wanted` as the header Range; return the answer."""
    asked = {**ticket.get("headers", {}), **headers, **({} if wanted is None else {"Range": wanted})}
    return Client(raise_request_exception=False).get(ticket["url"], headers=asked)


def download(text: str, file_id: str, wanted: str | None = None, **keys: Any) -> Any:
    """Ask for an address and get what it opens; return the answer."""
    return fetch(ticket_for(text, file_id, **keys), wanted)


def pieces_of(answer: Any) -> Iterator[bytes]:
    """Return the bytes of an answer as they go."""
    assert answer.streaming, answer.content
    return iter(answer.streaming_content)


def content_of(answer: Any) -> bytes:
    """Return all bytes of an answer."""
    return b"".join(pieces_of(answer))


def refusal(answer: Any) -> tuple[int, str]:
    """Return status and type of an envelope."""
    return answer.status_code, answer.json()["error"]["type"]


def message_of(answer: Any) -> str:
    """Return the sentence of an envelope."""
    message: str = answer.json()["error"]["message"]
    return message


def stored_in(folder: Path) -> dict[str, bytes]:
    """Return what lies in the storage, by its path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def file_row(file_id: str) -> File:
    """Return the row of a file."""
    return File.objects.get(public_id=file_id)


def place_of(file_id: str, project: Project) -> FileInProject:
    """Return the row of a file in a project."""
    return FileInProject.objects.get(file__public_id=file_id, project=project)


def upload_of(file_id: str) -> Transfer:
    """Return the transfer of a file's upload."""
    return Transfer.objects.uploads().get(file__public_id=file_id)


def attempts_at(file_id: str) -> list[tuple[int, str]]:
    """Return each attempt at a part: its index and its state, in the order of their making."""
    return list(Part.objects.filter(file__public_id=file_id).order_by("pk").values_list("index", "state"))
