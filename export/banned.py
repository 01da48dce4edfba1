"""Whether a text says what the profile forbids, however it is written. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_APOSTROPHES = str.maketrans("’‘ʼ＇`´", "''''''")
_NO_SPACES_FROM = "\u0e00"
"""From Thai on, most scripts do not put spaces between words, so that word edges cannot be told."""


def says_banned(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether `text` says one of `phrases`, whatever its case, width, spacing or kind of apostrophe.

    A phrase of letters matches whole words only ("as an AI" is not in "as an airline"); scripts written without
    spaces match anywhere.
    """
    folded = fold(text)
    return any(_pattern(phrase).search(folded) for phrase in phrases)


def fold(text: str) -> str:
    """What two texts share that read the same to a person."""
    visible = "".join(c for c in text.translate(_APOSTROPHES) if unicodedata.category(c) != "Cf")
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return " ".join(plain.split())


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    folded = fold(phrase)
    if not folded:  # nothing visible is banned: it would forbid every reply
        return re.compile(r"(?!)")
    before, after = (edge.isalnum() and edge < _NO_SPACES_FROM for edge in (folded[0], folded[-1]))
    return re.compile((r"(?<!\w)" if before else "") + re.escape(folded) + (r"(?!\w)" if after else ""))
