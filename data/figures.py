"""What a report draws beside its counts: how long messages are, when they were said, how often things are said again.

Counted while conversations go by, in memory that does not grow with the log.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from data.schema import Conversation

LENGTHS = (1, 11, 21, 41, 81, 161, 321, 641, 1281, 2561)
"""Where the bars of message lengths begin, in characters; each ends before the next begins."""
TURNS = (1, 2, 3, 5, 9, 17, 33, 65)
"""Where the bars of conversation lengths begin, in turns."""
REPEATS = (1, 2, 3, 6, 11, 51)
"""Where the bars of "said so many times" begin."""
MOST_DAYS = 4_000
"""Days counted one by one; a log that spans more is counted by months."""
MOST_BARS = 62
"""Bars of a timeline: of days, else of months, else of years."""


class Figures:
    """Keeps the counts of one report."""

    def __init__(self) -> None:
        self._lengths = {"user": Counter[int](), "brand": Counter[int]()}
        self._turns: Counter[int] = Counter()
        self._days: Counter[date] = Counter()
        self._by_month = False
        self._undated = 0

    def watch(self, conversation: Conversation) -> None:
        """Count one conversation that is used."""
        self._turns[_bar(TURNS, len(conversation.turns))] += 1
        for turn in conversation.turns:
            if turn.role != "system":
                self.count_length("brand" if turn.is_brand else "user", turn.text)
            self._count_day(_day(turn.ts or conversation.started_at))

    def count_length(self, side: str, text: str) -> None:
        """Count one message of `user` or `brand`."""
        self._lengths[side][_bar(LENGTHS, len(text))] += 1

    def _count_day(self, day: date | None) -> None:
        if day is None:
            self._undated += 1
            return
        self._days[day.replace(day=1) if self._by_month else day] += 1
        if len(self._days) > MOST_DAYS and not self._by_month:
            self._by_month = True
            months: Counter[date] = Counter()
            for one, count in self._days.items():
                months[one.replace(day=1)] += count
            self._days = months

    def to_wire(self, times_said: Iterable[int] = ()) -> dict[str, Any]:
        """`lengths` of messages by side, `turns` of conversations, `timeline`, and `repeats`: how many of the things
        said are said once, twice, ...; `times_said` holds one number for each."""
        lengths = {side: _bars(LENGTHS, counts) for side, counts in self._lengths.items() if counts}
        repeats = Counter(_bar(REPEATS, times) for times in times_said)
        told = {
            "lengths": lengths,
            "turns": _bars(TURNS, self._turns),
            "timeline": timeline(self._days, self._by_month, self._undated),
            "repeats": _bars(REPEATS, repeats),
        }
        return {name: value for name, value in told.items() if value}


def timeline(days: Mapping[date, int], by_month: bool = False, undated: int = 0) -> dict[str, Any]:
    """Messages by day, month or year, whichever gives few enough bars; days on which nothing was said count 0."""
    if not days:
        return {}
    first, last = min(days), max(days)
    if not by_month and (last - first).days < MOST_BARS:
        unit, cut = "day", 10
        span = [(first + timedelta(place)).isoformat() for place in range((last - first).days + 1)]
    else:
        months = 12 * (last.year - first.year) + last.month - first.month + 1
        unit, cut = ("month", 7) if months <= MOST_BARS else ("year", 4)
        years = (f"{year:04}" for year in range(first.year, last.year + 1))
        span = _months(first, months) if unit == "month" else list(years)
    counts: Counter[str] = Counter()
    for day, count in days.items():
        counts[day.isoformat()[:cut]] += count
    if len(span) > MOST_BARS:  # a stray date centuries away would draw a desert
        span = sorted(counts)
    return {"unit": unit, "counts": [[name, counts[name]] for name in span], "undated": undated}


def _day(ts: str | None) -> date | None:
    try:
        return None if ts is None else date.fromisoformat(ts[:10])
    except ValueError:
        return None


def _months(first: date, count: int) -> list[str]:
    start = 12 * first.year + first.month - 1
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(start, start + count)]


def _bar(starts: Sequence[int], value: int) -> int:
    return max(0, bisect_right(starts, value) - 1)


def _bars(starts: Sequence[int], counts: Mapping[int, int]) -> list[list[Any]]:
    """`[name, count]` from the first bar that holds something to the last."""
    if not counts:
        return []
    return [[_name(starts, bar), counts.get(bar, 0)] for bar in range(min(counts), max(counts) + 1)]


def _name(starts: Sequence[int], bar: int) -> str:
    if bar + 1 == len(starts):
        return f"{starts[bar]}+"
    last = starts[bar + 1] - 1
    return str(starts[bar]) if last == starts[bar] else f"{starts[bar]}–{last}"
