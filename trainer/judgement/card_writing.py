"""What a model card says of replies that are written: figures of what the candidate wrote in held-out conversations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from data.markdown import plain, table

SHARES = {
    "chrf": "chrF2 beside what the brand said",
    "repetition": "words in runs that come again",
    "copies": "replies that were learned word for word",
    "copied_span": "words of the longest run that was learned",
    "ungrounded": "replies that state what nobody has said",
    "flawed": "replies that would not be said, whatever their score",
    "empty": "empty replies",
    "voice": "how well they sound like the brand, from 0 to 1",
}


def written_replies(told: Mapping[str, Any]) -> Iterator[str]:
    """Paragraphs from what a release says of its generator; none of what nobody has measured."""
    texts = told.get("texts")
    if texts:
        yield (
            f"What it wrote in {texts['rows']} conversations of the validation split, as it is served (the likeliest "
            "tokens); brackets hold 95 % intervals. What it wrote stands in the run's own record, not here."
        )
        length = texts["length"]
        rows = [(name, _within(texts[key])) for key, name in SHARES.items() if key in texts]
        rows += [("words a reply, and of the brand's", f"{_one(length['words'])}, {_one(length['reference_words'])}")]
        yield table([("Measure", "Value"), *rows], right=False)
    reviews = told.get("reviews") or {}
    if reviews.get("kept"):
        method = reviews["recipe"]["method"]
        yield f"Then it learned from {reviews['pairs']} corrections what reviewers prefer ({method})."
    elif reviews.get("why"):
        yield f"What reviewers prefer was not learned: {plain(reviews['why'])}."


def _within(share: Mapping[str, Any]) -> str:
    value, low, high = (share.get(name) for name in ("value", "low", "high"))
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} – {high:.3f})"


def _one(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
