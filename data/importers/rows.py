"""Rows of a table, such that one stray quote costs one row and not all that follow.

Python's csv reader lets a quote that is never closed swallow thousands of rows into one cell without a word. Here a
quoted cell may run over several lines, but when it does not end as it should, or when a line inside it reads like a row
of its own, only the line where the quote was opened is set aside and reading goes on with the next one. How far a
quote may reach, and how much is read twice in all, is bounded.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from data.importers.lines import Line
from data.importers.nouns import Reason

MAX_QUOTED_LINES = 1_000
MAX_QUOTED_CHARS = 128_000
REREAD_LINES = 200_000
"""Lines read a second time before a quoted cell may no longer span lines at all: keeps hostile files linear."""

LooksLikeRow = Callable[[list[str]], bool]


class Row(NamedTuple):
    """Cells of a row that began at line `number` (1-based); or the reason why there are none."""

    number: int
    cells: list[str]
    flaw: Reason | None = None
    sample: str = ""
    lines: int = 1


class Rows:
    """The rows in `lines`. `looks_like_row` judges the cells of a line that stands inside a quoted cell."""

    def __init__(self, lines: Iterable[Line], delimiter: str, looks_like_row: LooksLikeRow) -> None:
        self._lines = iter(lines)
        self._again: deque[Line] = deque()
        self._delimiter = delimiter
        self._looks_like_row = looks_like_row
        self._reread = 0

    def __iter__(self) -> Iterator[Row]:
        while (line := self._next()) is not None:
            if line.flaw is not None:
                yield Row(line.number, [], line.flaw, line.text[:400])
            elif '"' in line.text:
                yield self._quoted(line)
            elif line.text and not line.text.isspace():
                yield Row(line.number, line.text.split(self._delimiter))

    def _next(self) -> Line | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _quoted(self, first: Line) -> Row:
        taken: list[Line] = []
        try:
            cells = next(csv.reader(self._reach(first, taken), delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            return self._give_back(first, taken, too_long="field larger" in str(error))
        if len(taken) > 1 and self._swallows(taken):
            return self._give_back(first, taken, too_long=False)
        return Row(first.number, cells, lines=len(taken))

    def _reach(self, first: Line, taken: list[Line]) -> Iterator[str]:
        """The first line and, as the csv reader asks for them, those after it, up to the limits."""
        line: Line | None = first
        chars = 0
        while line is not None:
            taken.append(line)
            chars += len(line.text)
            yield line.text + "\n"
            spent = self._reread > REREAD_LINES or len(taken) > MAX_QUOTED_LINES or chars > MAX_QUOTED_CHARS
            line = None if spent else self._next()
            if line is not None and line.flaw is not None:
                self._again.appendleft(line)
                line = None

    def _give_back(self, first: Line, taken: list[Line], *, too_long: bool) -> Row:
        """Set aside the line that opened the quote, and read the lines after it again."""
        self._again.extendleft(reversed(taken[1:]))
        self._reread += len(taken) - 1
        if self._delimiter == "\t" and not too_long:  # TSV is often written without quoting
            return Row(first.number, first.text.split("\t"))
        open_quote = len(taken) > 1 or first.text.count('"') % 2 == 1
        flaw = Reason.TOO_LONG if too_long else Reason.UNCLOSED_QUOTE if open_quote else Reason.MALFORMED_ROW
        return Row(first.number, [], flaw, first.text[:400])

    def _swallows(self, taken: list[Line]) -> bool:
        """Whether a line inside the cell is itself a row; of the last line only what precedes the closing quote."""
        inside = [line.text for line in taken[1:-1]] + [taken[-1].text.partition('"')[0]]
        return any(self._looks_like_row(text.split(self._delimiter)) for text in inside)
