"""Parts of a run of digit groups: in "2 0770 900123" stand an amount and a number."""

from __future__ import annotations

import re
from collections.abc import Iterator

_GROUP = re.compile(r"\d+")
_WITHOUT = ((0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1))
"""How many groups to leave out, at the front and at the end."""


def windows(candidate: str, shortest: int, longest: int) -> Iterator[tuple[int, int]]:
    """The candidate, then without its last or first one or two groups; those with as many digits as asked."""
    groups = [match.span() for match in _GROUP.finditer(candidate)]
    for first, last in _WITHOUT:
        chosen = groups[first : len(groups) - last]
        if chosen and shortest <= sum(end - start for start, end in chosen) <= longest:
            yield _sign(candidate, chosen[0][0]), chosen[-1][1]


def _sign(candidate: str, start: int) -> int:
    """Where a number begins that has its first digit at `start`: at the `+` or `(` before it."""
    while start and candidate[start - 1] in "+(\uff08":
        start -= 1
    return start
