"""An utterance of a `.lu` file: `book {city=Goa} for {@when={@day=Monday} noon}`, or a pattern with blanks in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from data.importers.bot_platforms.patterns import pattern_pieces
from data.importers.bot_platforms.phrases import Marked, Template

_LABEL = re.compile(r"\{\s{0,8}@?\s{0,8}([^\s={}|\[\]][^={}|\[\]]{0,119}?)\s{0,8}=\s{0,8}")
_BLANK = re.compile(r"\{[^={}|\[\]]{1,140}\}")


@dataclass(frozen=True, slots=True)
class Utterance:
    """The words and the entities marked in them; `template` where there are blanks, whose marks alone then count."""

    text: str
    marked: tuple[Marked, ...]
    template: Template | None = None


def utterance_of(line: str) -> Utterance:
    """What a line of examples says. Read in one go, whatever is opened and never closed."""
    said: list[str] = []
    raw: list[str] = []
    marked: list[Marked] = []
    opened: list[tuple[int, str]] = []
    has_blank = False
    place = length = 0
    while place < len(line):
        sign = line[place]
        label = _LABEL.match(line, place) if sign == "{" else None
        blank = _BLANK.match(line, place) if sign == "{" and label is None else None
        if label is not None:
            opened.append((length, label[1].strip()))
            place = label.end()
            continue
        if sign == "}" and opened:
            start, kind = opened.pop()
            marked.append(Marked(start, length, kind))
            place += 1
            continue
        if blank is not None:
            has_blank = True
            piece = original = blank[0]
            place = blank.end()
        elif sign == "\\" and place + 1 < len(line):
            piece, original = line[place + 1], line[place : place + 2]
            place += 2
        else:
            piece = original = sign
            place += 1
        said.append(piece)
        raw.append(original)
        length += len(piece)
    text = "".join(said)
    return Utterance(text, tuple(marked), pattern_pieces("".join(raw)) if has_blank else None)
