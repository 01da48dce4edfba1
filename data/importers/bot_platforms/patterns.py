"""Patterns of LUIS and of `.lu` files: `[please] (fly|go) to {city:to}` as one thing that somebody would say.

Of alternatives the first is taken, what may be left out is said, and `{entity}` is a blank to be filled. Read in one
go, whatever is opened and never closed.
"""

from __future__ import annotations

import re

from data.importers.bot_platforms.phrases import Blank, Template

_CLOSERS = {"[": "]", "(": ")"}
_SPACES = re.compile(r" {2,}")


def pattern_pieces(pattern: str) -> Template:
    """The pattern as words and blanks."""
    pieces: list[str | Blank] = []
    words: list[str] = []
    opened: list[str] = []
    left_out = 0  # how many groups were open where the alternative began that is left out; 0: none is
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        end = pattern.find("}", place) if sign == "{" else -1
        if sign == "\\" and place + 1 < len(pattern):
            place += 1
            sign = pattern[place]
        elif sign in _CLOSERS:
            opened.append(_CLOSERS[sign])
            sign = ""
        elif opened and sign == opened[-1]:
            left_out = 0 if left_out == len(opened) else left_out
            opened.pop()
            sign = ""
        elif sign == "|" and opened:
            left_out = left_out or len(opened)
            sign = ""
        elif end > place:
            if not left_out:
                pieces += [_spaced(words), _blank(pattern[place + 1 : end])]
                words = []
            place, sign = end, ""
        if not left_out:
            words.append(sign)
        place += 1
    return [*pieces, _spaced(words)]


def _blank(inside: str) -> Blank:
    """`city`, `@city`, `city:to` and `city:1`: the entity, and its role if that is no number."""
    name, _, role = (part.strip() for part in inside.strip().removeprefix("@").partition(":"))
    return Blank(name, f"{name}:{role}" if role and not role.isdigit() else name)


def _spaced(words: list[str]) -> str:
    return _SPACES.sub(" ", "".join(words))
