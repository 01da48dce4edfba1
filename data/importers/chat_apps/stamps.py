"""The dates at the head of chat lines, in the styles of many countries, and which of day and month stands first.

WhatsApp writes dates as the phone is set: 31/12/23, 12/31/23, 31.12.2023, 2023/12/31, with 12 or 24 hours. What a style
means is decided over all lines of the file that are written in it: by numbers above 12, else by which order goes on in
time, else by habit; the last is a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

_AFTERNOON = ("pm", "下午", "晚上", "오후", "午後", "م", "μμ", "nachm", "ch")
_HALVES = (
    r"[ap]\.?\s?m\.?|上午|下午|凌晨|早上|中午|晚上|오전|오후|午前|午後|ص|م|[πμ]\.?\s?μ\.?|vorm\.|nachm\.|SA\b|CH\b"
)
_HIDDEN = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]")
_DATE = r"(?P<a>\d{1,4})(?P<by>\s?[./\-年년])\s?(?P<b>\d{1,2})\s?[./\-月월]\s?(?P<c>\d{1,4})[.日일]?"
_TIME = (
    rf"(?:(?P<before>{_HALVES})\s?)?(?P<h>\d{{1,2}})[:.](?P<m>\d{{2}})(?:[:.](?P<s>\d{{2}}))?"
    rf"(?:[\s_]?(?P<after>{_HALVES}))?(?:\sUhr)?"
)
_BETWEEN = r"[,،]?\s{1,2}(?:(?:um|at|à|às|alle|ore|klo|kl\.|a las|om)\s)?"
_END = r"(?(open)\]\s?|(?:\s[-–—]\s|,\s))"
HEADS = tuple(
    re.compile(rf"\s*(?P<open>\[)?{first}{second}{_END}", re.IGNORECASE)
    for first, second in ((_DATE, _BETWEEN + _TIME), (_TIME, _BETWEEN + _DATE))
)


class Stamp(NamedTuple):
    """The numbers at the head of a line, and the style in which they are written."""

    a: int
    b: int
    c: int
    hour: int
    minute: int
    second: int
    style: str


def split(line: str) -> tuple[Stamp, str] | None:
    """The stamp of a line, and what comes after it; None for a line that begins with none."""
    head = line[:80]
    if not any(char.isdecimal() for char in head[:12]):
        return None
    plain = _HIDDEN.sub("", head)
    found = next(filter(None, (pattern.match(plain) for pattern in HEADS)), None)
    if found is None:
        return None
    half = re.sub(r"[\s.]", "", (found["before"] or found["after"] or "").lower())
    hour = int(found["h"])
    if half:
        hour = hour % 12 + (12 if half.startswith(_AFTERNOON) else 0)
    style = f"{found['by'].strip()}{'[' if found['open'] else ''}{'h' if half else ''}"  # how day and month are told
    stamp = Stamp(int(found["a"]), int(found["b"]), int(found["c"]), hour, int(found["m"]), int(found["s"] or 0), style)
    return stamp, _rest(line, len(plain[: found.end()]))


def _rest(line: str, visible: int) -> str:
    """The line after its first `visible` characters, hidden ones not counted: a hidden mark before the text stays."""
    place = 0
    while visible and place < len(line):
        visible -= not _HIDDEN.match(line[place])
        place += 1
    return line[place:]


@dataclass(slots=True)
class _Votes:
    """What speaks for the day or the month as the first number, in one style."""

    day_first: int = 0
    month_first: int = 0
    backwards: list[int] = field(default_factory=lambda: [0, 0])
    last: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def take(self, stamp: Stamp) -> None:
        self.day_first += stamp.a > 12
        self.month_first += stamp.b > 12
        for place, is_day_first in enumerate((True, False)):
            at = _seconds(stamp, day_first=is_day_first)
            if at is not None:
                self.backwards[place] += at < self.last[place]
                self.last[place] = at


class Calendar:
    """Tells the time of stamps, once it has seen those of a whole file. `is_guess`: day and month could be swapped."""

    def __init__(self, stamps: Iterable[Stamp]) -> None:
        votes: dict[str, _Votes] = {}
        for stamp in stamps:
            if stamp.a <= 31:
                votes.setdefault(stamp.style, _Votes()).take(stamp)
        self._day_first: dict[str, bool] = {}
        self.is_guess = False
        for style, vote in votes.items():
            self._day_first[style] = self._decide(style, vote)

    def _decide(self, style: str, vote: _Votes) -> bool:
        if vote.day_first != vote.month_first:
            return vote.day_first > vote.month_first
        if vote.backwards[0] != vote.backwards[1]:
            return vote.backwards[0] < vote.backwards[1]
        self.is_guess = True
        return not (style.startswith("/") and "h" in style)

    def seconds(self, stamp: Stamp) -> float | None:
        """Seconds since 1970, the time taken as UTC; None for a date that no calendar has."""
        day_first = self._day_first.get(stamp.style, True)
        found = _seconds(stamp, day_first=day_first)
        return found if found is not None else _seconds(stamp, day_first=not day_first)


def _seconds(stamp: Stamp, *, day_first: bool) -> float | None:
    if stamp.a > 31:
        year, month, day = stamp.a, stamp.b, stamp.c
    else:
        day, month = (stamp.a, stamp.b) if day_first else (stamp.b, stamp.a)
        year = stamp.c
    year += 2000 if year < 100 else -543 if 2400 < year < 2700 else 0  # the last: years of Thailand
    try:
        return datetime(year, month, day, stamp.hour, stamp.minute, stamp.second, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
