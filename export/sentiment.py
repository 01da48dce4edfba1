"""How a customer feels, read from the same embedding as what he means: one pass of the encoder serves both.

A head holds for the languages it was learned in. In any other nothing is said, rather than guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.language import languages_of
from export.label_head import Floats, LabelHead


@dataclass(frozen=True, slots=True)
class Sentiment:
    """`label` says most of a message, `confidence` is its probability; `scores` has those of all, in the head's
    order."""

    label: str
    confidence: float
    scores: tuple[tuple[str, float], ...]

    def to_wire(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "confidence": round(self.confidence, 3),
            "scores": {label: round(score, 3) for label, score in self.scores},
        }


def sentiments(
    head: LabelHead, embeddings: Floats, texts: Sequence[str], languages: Sequence[str]
) -> list[Sentiment | None]:
    """The sentiment of each of `texts`; None for one in a language the head does not hold for. `languages` are those
    of the bot: only where it has one that the head has not, the language of a text is looked for."""
    probabilities = head.probabilities(embeddings)
    best = head.standing(probabilities).argmax(axis=1).tolist()
    known = _known(head.languages, texts, languages)
    return [
        Sentiment(head.labels[at], float(row[at]), tuple(zip(head.labels, map(float, row), strict=True)))
        if holds
        else None
        for at, row, holds in zip(best, probabilities, known, strict=True)
    ]


def _known(held: Sequence[str], texts: Sequence[str], languages: Sequence[str]) -> list[bool]:
    if not held or set(languages) <= set(held):
        return [True] * len(texts)
    if not set(languages) & set(held):
        return [False] * len(texts)
    return [languages_of([text])[0] in held for text in texts]
