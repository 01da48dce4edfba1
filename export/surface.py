"""What a text looks like around each of its tokens: case, form, beginnings and ends of words, and the words beside.

An uncased encoder does not see that "Will" is a name and "will" is none, and a small one splits what it never met into
pieces that say little. These signs are cheap, torch-free, and the same in training and serving: each is a text, and its
CRC-32 is its row in a table that the head has learned (Weinberger et al. 2009, "Feature Hashing for Large Scale
Multitask Learning").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from zlib import crc32

Signs = tuple[int, ...]
BUCKETS = 2**14
"""Rows of the table: a power of two well above the signs that decide anything."""
LONGEST = 24
"""Characters of a word that are looked at: what is longer is a link or a slip of the keyboard."""
_WORD = re.compile(r"\w+|[^\w\s]")
_RUN = re.compile(r"(.)\1+")


def surface(text: str, offsets: Sequence[tuple[int, int]]) -> list[Signs]:
    """The signs at each token of a rendered `text`, as rows of the table; none where a token stands for no text."""
    places = [match.span() for match in _WORD.finditer(text)]
    words = [text[start:end][:LONGEST] for start, end in places]
    whole = f"whole={_case(text)}"
    found: list[Signs] = []
    at = 0
    for start, end in offsets:
        if end <= start or not places:
            found.append(())
            continue
        while at + 1 < len(places) and places[at][1] <= start:
            at += 1
        while at > 0 and places[at][0] > start:
            at -= 1
        inside = f"inside={start > places[at][0]}"
        apart = f"apart={at > 0 and places[at - 1][1] < places[at][0]}{at == 0}"
        found.append((*_own(words[at]), *_beside(words, at), _row(whole), _row(inside), _row(apart)))
    return found


@lru_cache(maxsize=2**14)
def _own(word: str) -> Signs:
    return tuple(_row(sign) for sign in _signs(word))


def _signs(word: str) -> Iterator[str]:
    low = word.lower()
    yield f"form={_form(word)}"
    yield f"word={low}"
    yield f"case={_case(word)}"
    yield f"head={word[:3]}"
    yield f"tail={word[-3:]}"
    yield f"low-head={low[:2]}"
    yield f"low-tail={low[-2:]}"
    marked = f"<{low}>"
    for at in range(max(len(marked) - 3, 1)):
        yield f"gram={marked[at : at + 4]}"


def _beside(words: Sequence[str], at: int) -> Signs:
    before = _neighbour(words[at - 1], -1) if at > 0 else _neighbour("", -1)
    after = _neighbour(words[at + 1], 1) if at + 1 < len(words) else _neighbour("", 1)
    return before + after


@lru_cache(maxsize=2**14)
def _neighbour(word: str, step: int) -> Signs:
    return _row(f"form{step}={_form(word)}"), _row(f"word{step}={word.lower()}")


def _form(word: str) -> str:
    """Its kinds of characters, each run as one: `iPhone6` is `xXx+d`."""
    return _RUN.sub(r"\1+", "".join(map(_kind, word[:12])))


def _kind(char: str) -> str:
    if char.isupper():
        return "X"
    if char.islower():
        return "x"
    if char.isdigit():
        return "d"
    return "z" if char.isalpha() else char


def _case(text: str) -> str:
    return f"{text.isupper():d}{text.islower():d}{text.istitle():d}{any(map(str.isupper, text[1:])):d}"


def _row(sign: str) -> int:
    return crc32(sign.encode("utf-8", "surrogatepass")) % BUCKETS
