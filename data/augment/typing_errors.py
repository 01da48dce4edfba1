"""Typing errors: the key beside, two letters exchanged, one left out, one struck twice.

They happen in words of `SHORTEST` letters or more, never to the first letter (people see that one), and never so that
another word comes out that the brand's customers use: "lost" does not become "cost".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from data.augment.kept import Guard, words
from data.augment.keyboards import beside, layout_of
from data.augment.known import Known
from data.augment.said import Change, Draw, Said

SHORTEST = 4
WORDS_A_SLIP = 8
"""A text has one typing error, and one more for every so many words."""


def typing_errors(said: Said, known: Known, draw: Draw) -> list[Change]:
    """A slip in a word or two. Nothing in scripts without a model of a keyboard."""
    guard = Guard.of(said)
    open_to_slips = [
        (match.start(), match.group())
        for match in words(said.text)
        if guard.free(*match.span()) and _typed(said.text, match.span(), said.language)
    ]
    most = 1 + len(open_to_slips) // WORDS_A_SLIP
    changes = []
    for start, word in draw.mixed(open_to_slips)[:most]:
        slipped = next(
            (new for slip in draw.mixed(SLIPS) if (new := _unlike(slip(word, said.language, draw), word, known))), ""
        )
        if slipped:
            changes.append(Change(start, start + len(word), slipped))
    return changes


def key_beside(word: str, language: str | None, draw: Draw) -> str:
    """One letter is that of a key beside the right one."""
    at = 1 + draw.below(len(word) - 1)
    near = beside(word[at], language)
    return word[:at] + draw.one(near) + word[at + 1 :] if near else ""


def exchanged(word: str, _language: str | None, draw: Draw) -> str:
    """Two letters that stand beside each other have changed places."""
    places = [at for at in range(1, len(word) - 1) if word[at].lower() != word[at + 1].lower()]
    if not places:
        return ""
    at = draw.one(places)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def left_out(word: str, _language: str | None, draw: Draw) -> str:
    """One letter is missing."""
    at = 1 + draw.below(len(word) - 1)
    return word[:at] + word[at + 1 :]


def struck_twice(word: str, _language: str | None, draw: Draw) -> str:
    """One letter stands there twice."""
    at = 1 + draw.below(len(word) - 1)
    return word[:at] + word[at] + word[at:]


SLIPS: Sequence[Callable[[str, str | None, Draw], str]] = (key_beside, exchanged, left_out, struck_twice)


def _typed(text: str, place: tuple[int, int], language: str | None) -> bool:
    """Whether every letter of this word, but for its accent, is a key, and nothing that combines follows the last."""
    word, after = text[place[0] : place[1]], text[place[1] : place[1] + 1]
    if len(word) < SHORTEST or (after and unicodedata.category(after)[0] in "MC" and not after.isspace()):
        return False
    return all(layout_of(unicodedata.normalize("NFD", char)[0], language) is not None for char in word)


def _unlike(slipped: str, word: str, known: Known) -> str:
    """The misspelt word; nothing where the slip left it as it was or made a word of it that customers use."""
    low = slipped.lower()
    return "" if low == word.lower() or low in known.vocabulary else slipped
