"""What each client saw: one line for each request that was sent, whatever became of it."""

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Entry:
    """One request. Times are seconds since 1970, of the clock that the server has, too."""

    mark: str  # sent as the User-Agent, and so in every event of this request
    act: str
    person: str
    sent: float
    over: float  # when the answer was there, or the client gave up
    status: int | None = None  # None: no answer
    credential: str = ""  # by its mark, the session or token that was presented
    let_in: bool = False  # that credential was accepted
    done: bool = False  # the answer says that the act is done
    made: str = ""  # kind of what the answer gave: "session", "cli", "api"; it is called by this entry's mark
    target: str = ""  # by its mark, the credential that the act is to end
    begun: str = ""  # by its mark, the request with which the transfer began that this one goes on with

    @property
    def is_lost(self) -> bool:
        """Whether the client cannot know what happened."""
        return self.status is None or self.status >= 500  # noqa: PLR2004  (an error of the server)


class Journal:
    """A file that many threads write to."""

    def __init__(self, path: Path) -> None:
        self._file, self._lock = path.open("a", buffering=1), threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, entry: Entry) -> None:
        """Add a line."""
        line = json.dumps(asdict(entry)) + "\n"
        with self._lock:
            self._file.write(line)


def read(path: Path) -> list[Entry]:
    """Return what was written, by when it was sent."""
    lines: Iterable[str] = path.read_text().splitlines()
    return sorted((Entry(**json.loads(line)) for line in lines), key=lambda entry: entry.sent)
