"""Sentences that a brand puts into many of its messages: greetings, disclaimers, footers.

They are found by counting lines in bounded memory (lossy counting, Manku and Motwani 2002): whatever stands in more
than a share of the messages is found, and nothing is kept of what is rare.
"""

from __future__ import annotations

from dataclasses import dataclass

MIN_CHARS = 25
"""A shorter line is a courtesy, not boilerplate."""
SHARE = 0.05
"""Of the brand's messages, from which a line of theirs counts as repeated."""
FEWEST = 20
"""Messages that must hold a line before it counts as repeated."""
BUCKET = 2_000
"""Lines between two clearings; a line that stands in fewer than 1 / BUCKET of the lines may be forgotten."""
MAX_LINES = 40
"""Lines of one message that are looked at."""
SHOWN_CHARS = 80


@dataclass(slots=True)
class Repeated:
    """A line, how many messages hold it, and the row where it was met first."""

    text: str
    count: int
    row: int
    missed: int = 0


class Boilerplate:
    """Watches messages of the brand. A message that is one line alone is a reply of its own, not boilerplate."""

    def __init__(self) -> None:
        self._lines: dict[str, Repeated] = {}
        self._messages = 0
        self._seen = 0

    def watch(self, text: str, row: int) -> None:
        """Take note of one message."""
        self._messages += 1
        if "\n" not in text:
            return
        for line in dict.fromkeys(text.split("\n", MAX_LINES)[:MAX_LINES]):
            if len(line) >= MIN_CHARS:
                self._count(line[:SHOWN_CHARS], row)

    def found(self) -> list[Repeated]:
        """The lines that stand in many messages, the most frequent first."""
        least = max(FEWEST, SHARE * self._messages)
        often = [line for line in self._lines.values() if line.count >= least]
        return sorted(often, key=lambda line: (-line.count, line.text))

    def _count(self, line: str, row: int) -> None:
        self._seen += 1
        known = self._lines.get(line)
        if known is None:
            self._lines[line] = Repeated(line, 1, row, missed=self._seen // BUCKET)
        else:
            known.count += 1
        if self._seen % BUCKET == 0:
            rounds = self._seen // BUCKET
            self._lines = {text: one for text, one in self._lines.items() if one.count + one.missed > rounds}
