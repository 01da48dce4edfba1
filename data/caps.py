"""How much one source of feedback may teach. Pure.

Whoever wants to train somebody else's bot gives much feedback, from one place or in one rush. So what one source gives
to a dataset is capped, and a source that gives more than people type is not used at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from data.settings import FeedbackSettings

HOUR = timedelta(hours=1)


def allowance(settings: FeedbackSettings, training_rows: int) -> int:
    """Rows that one source may give to a dataset with so many training rows beside feedback."""
    return max(settings.source_rows, int(settings.source_share * training_rows))


def over_cap(pieces: Iterable[tuple[str, str]], most: int) -> frozenset[str]:
    """The keys that are beyond the first `most` of their source; `pieces` are (key, source), the oldest first."""
    counted: Counter[str] = Counter()
    over = set()
    for key, source in pieces:
        counted[source] += 1
        if counted[source] > most:
            over.add(key)
    return frozenset(over)


def is_flood(times: Iterable[datetime], per_hour: int) -> bool:
    """Whether more than `per_hour` of `times` lie within any one hour."""
    ordered = sorted(times)
    return any(last - first <= HOUR for first, last in zip(ordered, ordered[per_hour:], strict=False))
