"""Which keys lie beside each other, by layout: the slips of fingers are not those of a dice.

Latin and Cyrillic letters have a model here. A character without one (any other script, a letter that a layout lacks)
has no neighbours, and whoever asks leaves it as it is: a dropped Chinese character is no typing error but another word.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

Layout = Literal["qwerty", "azerty", "qwertz", "cyrillic"]

ROWS: dict[Layout, tuple[str, ...]] = {
    "qwerty": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "azerty": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
    "qwertz": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
    "cyrillic": ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
}
"""The letters of each layout, row by row. A key touches the one below it and the one below and to its left."""
_QWERTZ: Layout = "qwertz"
LAYOUT_OF: dict[str, Layout] = {
    "fr": "azerty",
    **dict.fromkeys(("de", "cs", "hu", "sk", "sl", "hr", "bs", "sq"), _QWERTZ),
}
"""The layout of Latin letters by language; QWERTY where none stands here."""


def layout_of(char: str, language: str | None) -> Layout | None:
    """The layout on which people who write `language` type `char`; None where no layout has the key."""
    low = char.lower()
    latin = LAYOUT_OF.get((language or "").partition("-")[0], "qwerty")
    for layout in (latin, "cyrillic"):
        if low in _neighbours(layout):
            return layout
    return None


def beside(char: str, language: str | None) -> str:
    """The letters of the keys around that of `char`, in its case; empty where there is no model of its keyboard."""
    layout = layout_of(char, language)
    if layout is None:
        return ""
    near = _neighbours(layout)[char.lower()]
    return near.upper() if char != char.lower() else near


@lru_cache(maxsize=len(ROWS))
def _neighbours(layout: Layout) -> dict[str, str]:
    rows = ROWS[layout]
    near: dict[str, set[str]] = {char: set() for row in rows for char in row}
    for at, row in enumerate(rows):
        below = rows[at + 1] if at + 1 < len(rows) else ""
        for place, char in enumerate(row):
            touching = row[place + 1 : place + 2] + below[max(place - 1, 0) : place + 1]
            for other in touching:
                near[char].add(other)
                near[other].add(char)
    return {char: "".join(sorted(others)) for char, others in near.items()}
