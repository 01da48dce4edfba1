"""What every recogniser yields, and what several of them need to read a number."""

from __future__ import annotations

import re
import string
import unicodedata
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Kind = Literal["email", "secret", "id", "iban", "card", "ip", "order", "phone", "address", "person"]
KINDS: tuple[str, ...] = get_args(Kind)
HARMLESS = "harmless"
"""The kind of what is known to be no personal data, though a part of it might look like some: a date, an ISBN."""

BEFORE_DIGITS = 24
"""More than the letters with which any number begins."""
_DIGIT = re.compile(r"\d")
_WIDE = re.compile(r"[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")
_NARROW = {ord(char) + 0xFEE0: char for char in string.digits + string.ascii_letters + "+-./_#"}


class Rank:
    """Who wins where two overlap: the lower. What carries its own proof stands before what needs words around it."""

    SECRET = 0
    EMAIL = 1
    CHECKED = 2  # a national number or an IBAN with the right check digits
    CARD = 3
    NAMED_ORDER = 4  # the words before say what it is
    IP = 4
    HARMLESS = 5
    PHONE = 6
    ORDER = 7  # only its form speaks for it
    ADDRESS = 8
    PERSON = 9


class Found(NamedTuple):
    """Something to hide. Where two overlap, the lower rank wins, then the longer; `normal` is its canonical form."""

    rank: int
    start: int
    end: int
    kind: str
    normal: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text with what all recognisers ask of it; `low` has every character of `raw` at its place, in lower case.

    `raw` is as it was typed, but for digits and letters of full width, as Chinese keyboards give, and the signs among
    them: these are plain.
    """

    raw: str
    low: str
    has_digits: bool
    numbers_from: int
    """Where a number may begin, with what belongs to it: nothing before needs to be looked at for one."""

    @classmethod
    def of(cls, raw: str) -> Text:
        digit = _DIGIT.search(raw)
        if digit is not None and not raw.isascii() and _WIDE.search(raw) is not None:
            raw = raw.translate(_NARROW)
        low = raw.lower()
        if len(low) != len(raw):  # a dotted capital I becomes two characters
            low = "".join(char.lower()[0] for char in raw)
        return cls(raw, low, digit is not None, len(raw) if digit is None else max(0, digit.start() - BEFORE_DIGITS))


def digits_of(text: str) -> str:
    """The decimal digits of `text`, of whatever script, as ASCII."""
    kept = "".join(filter(str.isdecimal, text))
    return kept if kept.isascii() else "".join(str(unicodedata.decimal(digit)) for digit in kept)
