"""Codes by the clock: the vectors of RFC 6238, the window, what counts as six digits (OTP-01, OTP-03)."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from tests.twofactor.factories import SECRET, code
from twofactor import qr, totp

pytestmark = pytest.mark.once

# RFC 6238, appendix B, SHA-1, the last six of its eight digits.
VECTORS = [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")]


@pytest.mark.parametrize(("moment", "expected"), VECTORS)
def test_codes_are_those_of_the_standard(moment: int, expected: str) -> None:
    assert totp.code_at(b"12345678901234567890", moment // 30) == expected


def test_otp_03_a_code_is_good_in_its_step_and_one_to_either_side() -> None:
    with time_machine.travel(1_795_000_000, tick=False):
        now = totp.step_now()
        found = {steps: totp.steps_of(SECRET, code(steps)) for steps in range(-3, 4)}
    assert found == {-3: [], -2: [], -1: [now - 1], 0: [now], 1: [now + 1], 2: [], 3: []}


@pytest.mark.parametrize("typed", ["123456", " 123 456 ", "123\u00a0456"])
def test_blanks_in_a_code_are_forgiven(typed: str) -> None:
    assert totp.parse(typed) == "123456"


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "12_3456", "1e5000", "+12345", "-12345", "１２３４５６", "١٢٣٤٥٦", "12345a", "123456\n", "0x1234"]
)
def test_otp_03_what_is_no_six_digits_is_no_code(typed: str) -> None:
    assert totp.parse(typed) is None


def test_otp_01_a_key_has_160_random_bits() -> None:
    assert {len(totp.new_secret()) for _ in range(5)} == {20}
    assert len({totp.new_secret() for _ in range(50)}) == 50


def test_the_picture_says_issuer_account_and_key() -> None:
    parts = urlsplit(totp.uri(SECRET, "amy"))
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/Gatehouse%3Aamy")
    assert parse_qs(parts.query) == {
        "secret": [totp.base32(SECRET)], "issuer": ["Gatehouse"], "algorithm": ["SHA1"], "digits": ["6"], "period": ["30"],
    }  # fmt: skip


def test_the_path_of_the_picture_covers_its_dark_squares_and_no_more() -> None:
    picture = qr.draw("otpauth://totp/x")
    dark = {(int(x) + i, int(y)) for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", picture.path) for i in range(int(width))}
    assert re.fullmatch(r"(M\d+ \d+h\d+v1h-\d+z)+", picture.path)
    assert {(4, 4), (10, 4), (4, 10)} <= dark  # corners of the finder patterns
    assert not [spot for spot in dark if min(spot) < 4 or max(spot) >= picture.size - 4]
