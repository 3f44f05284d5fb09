"""Many processes that write at once: `python -m tests.faults.writers <processes> <people of each>`, on the database of the environment.

Each is the whole server without its network: every act goes through a door. Prints what each was answered, and how long it took.
"""

import json
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from typing import Any

import django

TOKENS_OF_EACH = 12
WRONG_OF_EACH = 1

Told = tuple[str, int, float]


def tell(name: str, act: Any) -> tuple[Told, Any]:
    """Return what an act was answered, after how many seconds, and the answer."""
    began = time.monotonic()
    answer = act()
    return (name, answer.status_code, time.monotonic() - began), answer


def one(number: int, people: int) -> list[Told]:
    """Be one process: people who sign in, make tokens, use and revoke them, and one who does not know their password."""
    return [told for person in range(people) for told in acts_of(f"person{number * people + person:03d}", wrong=person == 0)]


def acts_of(name: str, *, wrong: bool) -> Iterator[Told]:
    """Give what each act of a person was answered."""
    from django.test import Client

    browser = Client(headers={"host": "127.0.0.1"}, raise_request_exception=False)
    passwords = ["it was another one"] * WRONG_OF_EACH if wrong else []
    for password in passwords:
        yield tell("wrong password", lambda typed=password: browser.post("/login/", {"username": name, "password": typed}))[0]
    told, answer = tell("sign in", lambda: browser.post("/login/", {"username": name, "password": "gatehouse-demo-1"}))
    yield told
    for label in range(TOKENS_OF_EACH):
        body = {"label": f"token {label}"}
        told, answer = tell("make", lambda made=body: browser.post("/api/v1/tokens/", made, content_type="application/json"))
        yield told
        if answer.status_code != 201:
            continue
        made = answer.json()
        bearer = {"authorization": f"Bearer {made['token']}", "host": "127.0.0.1"}
        yield tell("use", lambda held=bearer: Client(raise_request_exception=False).get("/api/v1/me/", headers=held))[0]
        yield tell("revoke", lambda which=made: browser.delete(f"/api/v1/tokens/{which['id']}/"))[0]


def main(processes: int, people: int) -> None:
    """Let so many processes work, and print what they tell."""
    django.setup()
    from django.db import connections
    from django.test import Client

    # What is loaded at the first request is loaded once, before the fork; no connection may pass it.
    assert Client(headers={"host": "127.0.0.1"}).get("/login/").status_code == 200
    connections.close_all()
    with get_context("fork").Pool(processes) as pool:
        told = pool.starmap(one, [(number, people) for number in range(processes)], chunksize=1)
    print(json.dumps([act for acts in told for act in acts]))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
