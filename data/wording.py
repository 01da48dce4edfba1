"""What a text is made of where words are counted: words with their places, sentences, emoji. Any script. Pure.

A word is a run of letters and digits with their marks, hyphens and apostrophes inside; in scripts written without
spaces every character, with its marks, is one; so is an emoji, however many code points it takes. Punctuation is none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_MARKS = "".join(chr(code) for code in range(0x300, 0x3100) if unicodedata.category(chr(code)).startswith("M"))
"""Accents, vowel signs and the like; `\\w` takes most of them for no part of a word."""
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts without spaces between words (Thai, Lao, Burmese, Khmer, kana, Han), for a class of characters."""
_PICTURE = (
    "[\u231a\u231b\u23e9-\u23f3\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a"
    "\U0001f201-\U0001f265\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
)
"""What is drawn as a picture, whether or not a variation selector says so."""
_TONE, _TAGS = "[\U0001f3fb-\U0001f3ff]", "[\U000e0020-\U000e007f]+"
_ONE = rf"(?:{_PICTURE}|[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u23ff\u25a0-\u25ff\u2934\u2935\u3030](?=\ufe0f))"
_EMOJI = (
    rf"(?:[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|"
    rf"{_ONE}\ufe0f?(?:{_TONE})?(?:{_TAGS})?(?:\u200d{_ONE}\ufe0f?(?:{_TONE})?)*)"
)
_LETTER = rf"(?:[^\W_{UNSPACED}][{_MARKS}]*)"
_WORD = rf"{_LETTER}+(?:['’\-\u2010\u2011]{_LETTER}+)*"
_UNIT = re.compile(rf"(?P<emoji>{_EMOJI})|(?P<sign>[^\W_](?<=[{UNSPACED}])[{_MARKS}]*)|(?P<word>{_WORD})")
_ASCII = re.compile(r"[A-Za-z0-9]+(?:['\-][A-Za-z0-9]+)*")
"""What `_UNIT` finds in plain ASCII, in a fifth of the time."""
_EMOJI_ALONE = re.compile(_EMOJI)
_IS_UNSPACED = re.compile(f"[{UNSPACED}]")
_APOSTROPHES = str.maketrans("’‘ʼ＇`´\u2010\u2011", "''''''--")
_END = re.compile(r"(?:(?<!\b\w)(?<!\d)[.]|(?<=\d)\.(?=\s|\Z)|[!?…])+[\"'”’»)\]]*(?=\s|\Z)|[。！？]+[”’」』）]*|\n+")


@dataclass(frozen=True, slots=True)
class Word:
    """`text[start:end]`, and how it is counted: case, width and kind of apostrophe make no difference."""

    start: int
    end: int
    counted: str


def words(text: str) -> Iterator[Word]:
    """The words of `text`, in order."""
    for match in _units(text).finditer(text):
        yield Word(match.start(), match.end(), counted(match.group()))


def terms(text: str) -> list[str]:
    """The words of `text` as they are counted."""
    if text.isascii():
        return _ASCII.findall(text.lower())
    return [counted(match.group()) for match in _UNIT.finditer(text)]


def counted(word: str) -> str:
    """What a word is the same as, whatever its case, width and kind of apostrophe."""
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word.translate(_APOSTROPHES)).casefold())


def emoji(text: str) -> list[str]:
    """The emoji of `text`: a family of four or a flag is one."""
    return [] if text.isascii() else [match.group() for match in _EMOJI_ALONE.finditer(text)]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of `text` begin and end, those without a word left out. Abbreviations may deceive it."""
    start, unit = 0, _units(text)
    for end in (*(match.end() for match in _END.finditer(text)), len(text)):
        if unit.search(text, start, end):
            said = text[start:end]
            yield end - len(said.lstrip()), start + len(said.rstrip())
        start = end


def is_unspaced(text: str) -> bool:
    """Whether most letters of `text` are of scripts without spaces."""
    letters = sum(map(str.isalpha, text))
    return not text.isascii() and 2 * len(_IS_UNSPACED.findall(text)) > letters > 0


def _units(text: str) -> re.Pattern[str]:
    return _ASCII if text.isascii() else _UNIT
