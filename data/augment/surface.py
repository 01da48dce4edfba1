"""Casing and punctuation: what people in a hurry leave out, and what people in a rage put in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from data.augment.known import Known
from data.augment.said import Change, Draw, Said

MARKS = ".,;:!?…¿¡。，、；：！？؟،।"
_INNER = re.compile(r"[,;:，、；：،]+(?=\s|$)|[，、；：]")
_WIDE = re.compile("[\u2e80-\u9fff\u3040-\u30ff]$")
_ARABIC = re.compile("[\u0600-\u06ff]$")


def casing(said: Said, _known: Known, draw: Draw) -> list[Change]:
    """All small, all large, or a large letter at the start. Scripts without case stay as they are."""
    for to in draw.mixed((_small, _large, _opened)):
        changes = list(to(said.text))
        if changes:
            return changes
    return []


def punctuation_dropped(said: Said, _known: Known, draw: Draw) -> list[Change]:
    """The marks at the end are gone, or those inside, or both."""
    end = len(said.text.rstrip())
    start = len(said.text[:end].rstrip(MARKS))
    last = [Change(start, end, "")] if 0 < start < end else []
    inner = [Change(*match.span(), "") for match in _INNER.finditer(said.text[:start])]
    if last and inner:
        return [last, inner, last + inner][draw.below(3)]
    return last or inner


def punctuation_added(said: Said, _known: Known, draw: Draw) -> list[Change]:
    """A full stop or more of it at the end of a text that ends in a letter, as its script writes it."""
    end = len(said.text.rstrip())
    if not end or not said.text[end - 1].isalpha():
        return []
    last, marks = said.text[end - 1], [".", "!", "!!", "..."]
    if _WIDE.search(last):
        marks = ["。", "！", "……"]
    elif _ARABIC.search(last):
        marks = [".", "!", "..."]
    return [Change(end, end, draw.one(marks))]


def _small(text: str) -> Iterator[Change]:
    return _recased(text, str.lower)


def _large(text: str) -> Iterator[Change]:
    return _recased(text, str.upper)


def _opened(text: str) -> Iterator[Change]:
    """The first letter large."""
    for at, char in enumerate(text):
        if char.isalpha():
            return (change for change in _recased(text[: at + 1], str.upper) if change.start == at)
    return iter(())


def _recased(text: str, to: Callable[[str], str]) -> Iterator[Change]:
    """Letter by letter, so that spans stay exact where a letter becomes two ("ß", "İ"); combined letters stay."""
    for at, char in enumerate(text):
        new = to(char)
        if new != char and unicodedata.category(text[at + 1 : at + 2] or " ")[0] != "M":
            yield Change(at, at + 1, new)
