"""Whether two sides differ only because both stand on an edge, where rounding may settle it either way."""

from __future__ import annotations

from collections.abc import Callable

from export.predict import Prediction
from export.sentiment import Sentiment
from export.situation import Understanding
from export.thresholds import Thresholds

TIE = 1e-4
"""A score closer than this to a threshold, or to its rival, stands on an edge."""


def both(holds: Callable[[Prediction], bool], sides: tuple[Prediction, Prediction]) -> bool:
    return holds(sides[0]) and holds(sides[1])


def rivals(side: Prediction) -> bool:
    """Whether the two best candidates are as good as each other."""
    best = [candidate.score for candidate in side.candidates[:2]]
    return len(best) == 2 and best[0] - best[1] < TIE


def on_edge(side: Prediction, bars: Thresholds) -> bool:
    """Whether the decision hung on a score that stands on an edge."""
    gaps = [side.in_scope - bars.oos]
    # Which bar was the message's own is not told; near any of them counts.
    gaps += [side.confidence - bar for bar in (bars.answer, *bars.by_language.values()) if bar is not None]
    if bars.reply is not None:
        gaps += [candidate.score - bars.reply for candidate in side.candidates]
    if len(side.ranking) > 1:
        first, second = (ranked.probability for ranked in side.ranking[:2])
        gaps += [first - second, first + second - bars.clarify_together, second - bars.clarify_ratio * first]
    return rivals(side) or any(abs(gap) < TIE for gap in gaps)


def feel_alike(one: Sentiment | None, other: Sentiment | None) -> bool:
    """Whether two sides give a message the same label, or differ only because both stand on the edge between two."""
    if one is None or other is None:
        return one is other
    theirs = dict(other.scores)
    return one.label == other.label or all(abs(a - theirs.get(label, 2.0)) < TIE for label, a in one.scores)


def is_tie(one: Understanding, other: Understanding, bars: Thresholds) -> bool:
    """Whether two sides that differ do so only because both stand on the edge between two labels."""
    if one.intent == other.intent:
        return all(abs(side.in_scope - bars.oos) < TIE for side in (one, other))
    ranks = ({r.intent: r.probability for r in side.ranking} for side in (one, other))
    return all(abs(rank.get(str(one.intent), 0.0) - rank.get(str(other.intent), 1.0)) < TIE for rank in ranks)
