"""What a token may be called (TOK-12)."""

import unicodedata

from tokens import limits
from tokens.errors import LabelRefused

# Characters that turn the direction of text around: a label could look like another one (UAX 9, section 2).
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters and symbols by category, and blanks to the eye: Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, lone surrogate, line and paragraph separator


def clean(label: str) -> str:
    """Return `label` as it is stored: NFC, without blanks at its ends, 1 to 64 code points. Raises LabelRefused."""
    cleaned = unicodedata.normalize("NFC", label).strip()
    if not any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in cleaned):  # something that can be seen
        raise LabelRefused(reason="Give the token a label, so that you recognise it later")
    if len(cleaned) > limits.LABEL_MAX_CHARS:
        raise LabelRefused(reason=f"A label has at most {limits.LABEL_MAX_CHARS} characters. Choose a shorter one")
    if any(char in _BIDI or unicodedata.category(char) in _REFUSED_CATEGORIES for char in cleaned):
        raise LabelRefused(reason="A label cannot hold control characters or turn the direction of text. Use plain ones")
    return cleaned
