"""The QR picture of a set-up, as one SVG path: squares in a row are one rectangle."""

from dataclasses import dataclass
from itertools import groupby

import qrcode
from qrcode.constants import ERROR_CORRECT_M

QUIET_ZONE = 4  # squares of white around it (ISO/IEC 18004)


@dataclass(frozen=True)
class Picture:
    """A picture of `size` by `size` squares; `path` is the `d` of an SVG path that fills the dark ones."""

    size: int
    path: str


def draw(text: str) -> Picture:
    """Return the picture that a camera reads as `text`."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=QUIET_ZONE)
    code.add_data(text)
    rows = code.get_matrix()
    return Picture(size=len(rows), path="".join(_row(y, row) for y, row in enumerate(rows)))


def _row(y: int, squares: list[bool]) -> str:
    parts, x = [], 0
    for is_dark, run in groupby(squares):
        width = len(list(run))
        if is_dark:
            parts.append(f"M{x} {y}h{width}v1h-{width}z")
        x += width
    return "".join(parts)
