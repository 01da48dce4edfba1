"""Dates written in numbers, such as 13/03/2024 10:00: which of day and month stands first is told by the whole column.

A number above 12 can be no month, so one such date decides for all that are written with the same mark between. Where
none does, or two speak against each other, nothing is guessed: the dates stay as they are, and one of them is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

LONGEST = 48
"""No cell that is longer holds a date and nothing else."""
MONTHS = 12
_WRITTEN = re.compile(
    r"\s*(?P<a>\d{4}|\d{1,2})(?P<by>[./-])(?P<b>\d{1,2})(?P=by)(?P<c>\d{4}|\d{1,2})"
    r"(?:(?:,?\s{1,2}|T)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,6})\d*)?)?"
    r"(?:\s?(?P<half>[ap])\.?m\.?)?(?:\s?(?P<zone>z|[+-]\d{2}:?\d{2}))?)?\s*",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DayOrder:
    """Whether the day stands first, by the mark between the numbers; `undecided` is a date that nothing tells of."""

    day_first: Mapping[str, bool] = field(default_factory=dict)
    undecided: str = ""

    def iso(self, text: str | None) -> str | None:
        """The date as RFC 3339 writes it, its zone as it was; anything else, and what no calendar has, as it is."""
        found = _written(text)
        if text is None or found is None:
            return text
        year, month, day = found["a"], found["b"], found["c"]
        if len(found["c"]) == 4:
            is_day_first = self.day_first.get(found["by"])
            if is_day_first is None:
                return text
            year = found["c"]
            day, month = (found["a"], found["b"]) if is_day_first else (found["b"], found["a"])
        try:
            return _moment(found, int(year), int(month), int(day))
        except ValueError:
            return text


@dataclass(slots=True)
class DateColumn:
    """Takes the cells of a column one by one, and says what its dates mean once all were seen."""

    _votes: dict[str, set[bool]] = field(default_factory=dict)
    _open: dict[str, str] = field(default_factory=dict)

    def take(self, text: str | None) -> None:
        found = _written(text)
        if text is None or found is None or len(found["a"]) == 4:
            return
        first, second, by = int(found["a"]), int(found["b"]), found["by"]
        self._open.setdefault(by, text.strip())
        if (first > MONTHS) != (second > MONTHS):
            self._votes.setdefault(by, set()).add(first > MONTHS)

    def order(self) -> DayOrder:
        """What the cells seen so far say together."""
        told = {by: votes == {True} for by, votes in self._votes.items() if len(votes) == 1}
        return DayOrder(told, next((text for by, text in self._open.items() if by not in told), ""))


def _written(text: str | None) -> re.Match[str] | None:
    """The parts of a date in numbers with its year in four digits; None for anything else, ISO's own form among it."""
    found = _WRITTEN.fullmatch(text) if text and len(text) <= LONGEST else None
    if found is None or (len(found["a"]) == 4) == (len(found["c"]) == 4):
        return None
    return None if len(found["a"]) == 4 and found["by"] == "-" else found


def _moment(found: re.Match[str], year: int, month: int, day: int) -> str:
    """Raises ValueError for a moment that is none."""
    hour = int(found["hour"] or 0)
    if found["half"]:
        if not 1 <= hour <= MONTHS:
            raise ValueError(hour)
        hour = hour % 12 + (12 if found["half"].lower() == "p" else 0)
    part = int((found["part"] or "").ljust(6, "0"))
    moment = datetime(year, month, day, hour, int(found["minute"] or 0), int(found["second"] or 0), part, tzinfo=UTC)
    return moment.replace(tzinfo=None).isoformat() + (found["zone"] or "").upper()
