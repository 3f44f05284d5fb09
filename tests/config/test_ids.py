"""Public ids as the dx client knows them."""

import re

import pytest

from accounts.ids import is_public_id, new_id, new_public_id

pytestmark = pytest.mark.once


def test_web_08_an_id_has_24_letters_of_the_dx_alphabet() -> None:
    assert re.fullmatch(r"project-[0123456789BFGJKPQVXYZbfgjkpqvxyz]{24}", new_public_id("project"))
    assert len({new_id() for _ in range(1000)}) == 1000


def test_the_form_is_checked_with_the_kind() -> None:
    made = new_public_id("token")
    assert is_public_id(made, "token")
    assert not is_public_id(made, "project")
    assert not is_public_id("token-" + "a" * 24, "token")
    assert not is_public_id(made + "\n", "token")
