"""What a person or a program sees: answers on stdout, everything else on stderr.

An answer is one JSON object with `--json` and a table for people otherwise. Texts of customers pass through `visible`,
so that no message can move the cursor, recolour the screen or read as markup.
"""

from __future__ import annotations

import json
import math
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Any, TextIO

from rich.console import Console, RenderableType

PLAIN_WIDTH = 120
"""Columns of what is written to a file or a pipe."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb has to say: as a JSON object, and as people read it. `code` is the exit code."""

    wire: Mapping[str, Any]
    shown: RenderableType = ""
    code: int = 0


class Terminal:
    """The two streams of this process."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = console(sys.stdout)
        self.err = console(sys.stderr)

    def give(self, answer: Answer) -> int:
        """Print the answer in the form that was asked for; returns its exit code."""
        if self.as_json:
            self.line(answer.wire)
        elif answer.shown != "":
            self.out.print(answer.shown)
        return answer.code

    def line(self, wire: Mapping[str, Any]) -> None:
        """One JSON object on a line of its own."""
        print(json.dumps(_finite(wire), default=str), flush=True)  # noqa: T201 - the one place that writes JSON

    def note(self, text: str) -> None:
        """Something worth knowing that is not the answer."""
        self.err.print(visible(text))


def console(stream: TextIO) -> Console:
    """A console on `stream` that takes texts as they are and never fails on a character it cannot write."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def typed(prompt: str = "") -> Iterator[str]:
    """The lines that somebody types, or that come from a pipe, until the input ends; lines without a visible character
    say nothing. Without a prompt nothing is written."""
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    while True:
        try:
            line = input(prompt) if prompt else sys.stdin.readline()
        except EOFError:
            return
        if not line and not prompt:
            return
        said = line.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").strip()
        if said:
            yield said


def visible(text: str) -> str:
    """`text` with everything that commands a terminal, or turns its direction, made harmless."""
    return "".join(char if char == "\n" or _prints(char) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _prints(char: str) -> bool:
    category = unicodedata.category(char)
    return category not in ("Cc", "Cs") and char not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def _finite(value: Any) -> Any:
    """JSON knows no NaN and no infinity: null stands for them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value
