"""A list gives as many rows as it is asked for, 500 at most, and refuses what is no number of rows (API-04)."""

from typing import Any

import pytest

from accounts.models import User
from config.api import Pages
from tests.tokens.doors import rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text

ROWS = 3  # beside the token that asks
LIST = "/api/v1/tokens/"


@pytest.fixture
def text(amy: User) -> str:
    TokenFactory.create_batch(ROWS, user=amy)
    return token_and_text(user=amy)[1]


def asked(text: str, limit: str) -> Any:
    return rest("GET", f"{LIST}?limit={limit}", text)


@pytest.mark.parametrize(("limit", "rows"), [("1", 1), ("002", 2), ("500", 4), ("501", 4), ("1000000000", 4)])
def test_api_04_a_number_of_rows_is_given(text: str, limit: str, rows: int) -> None:
    answer = asked(text, limit)
    assert (answer.status_code, len(answer.json()["results"])) == (200, rows)


def test_api_04_more_than_the_greatest_page_counts_as_the_greatest(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pages, "max_page_size", 2)
    assert len(asked(text, "1000000000").json()["results"]) == 2


@pytest.mark.parametrize("limit", ["", "0", "-1", "1.5", "many", "1e2", "0x10", "1_0", "%D9%A3", "%00", "9" * 5000, "0" * 5000 + "1"])
def test_api_04_what_is_no_number_of_rows_is_refused_by_name(text: str, limit: str) -> None:
    answer = asked(text, limit)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["limit"])


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "00000000" + "9" * 21, "9" * 5009, "%D9%A3", "100000"])
@pytest.mark.parametrize("path", ["/", "/profile/tokens/", "/security/history/"])
def test_what_is_no_page_of_a_list_for_people_gives_the_first_or_last_one(amy: User, path: str, page: str) -> None:
    assert signed_in(amy).get(f"{path}?page={page}").status_code == 200
