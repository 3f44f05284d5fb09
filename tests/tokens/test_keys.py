"""The text of a token (TOK-01)."""

import re
from collections import Counter

import pytest

from tokens import keys

pytestmark = pytest.mark.once

SAMPLE = 100_000


def test_a_text_has_the_form_that_scanners_look_for() -> None:
    text = keys.mint()
    assert len(text) == 32
    assert re.fullmatch(r"ght_[A-Za-z0-9]{28}", text)
    assert keys.well_formed(text)


def test_tok_01_random_characters_come_evenly_and_no_text_twice() -> None:
    texts = [keys.mint() for _ in range(SAMPLE)]
    assert len(set(texts)) == SAMPLE
    counts = Counter(char for text in texts for char in text[4:26])
    mean = SAMPLE * 22 / 62
    assert len(counts) == 62
    # 6 standard deviations; a bias of `% 62` on bytes would be 25 %.
    assert all(abs(count - mean) < 6 * mean**0.5 for count in counts.values())


@pytest.mark.parametrize("position", range(4, 32))
def test_tok_01_one_wrong_character_anywhere_is_noticed(position: int) -> None:
    text = keys.mint()
    other = "a" if text[position] != "a" else "b"
    assert not keys.well_formed(text[:position] + other + text[position + 1 :])


@pytest.mark.parametrize("wrong", ["", "PUBLIC", "ght_", "ght_" + "a" * 28, "gho_" + "a" * 28, "ght_" + "é" * 28])
def test_other_texts_are_no_tokens(wrong: str) -> None:
    assert not keys.well_formed(wrong)


def test_a_text_with_a_newline_after_it_is_no_token() -> None:
    assert not keys.well_formed(keys.mint() + "\n")
