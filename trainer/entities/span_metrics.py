"""How well spans are found: a span counts when its begin, its end and its type are right, and not otherwise. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.judgement.metrics import finite

Counts = npt.NDArray[np.float64]
Place = tuple[int, int, Any]
"""(begin, end, type), by its name or its number."""


@dataclass(frozen=True, slots=True)
class SpanScores:
    """Over all spans of all texts, and the same of each type. Not a number where there is none to find or found."""

    f1: float
    precision: float
    recall: float
    spans: int
    per_type: Mapping[Any, SpanScores] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """As reports name them."""
        return {
            "span_f1": finite(self.f1),
            "span_precision": finite(self.precision),
            "span_recall": finite(self.recall),
            "per_type": {
                str(name): {
                    "f1": finite(own.f1),
                    "precision": finite(own.precision),
                    "recall": finite(own.recall),
                    "spans": own.spans,
                }
                for name, own in sorted(self.per_type.items())
            },
        }


def span_scores(truth: Sequence[Collection[Place]], found: Sequence[Collection[Place]]) -> SpanScores:
    """Of the spans of each text, true and found."""
    there, said, right = Counter[Any](), Counter[Any](), Counter[Any]()
    for true, own in zip(truth, found, strict=True):
        there.update(place[2] for place in set(true))
        said.update(place[2] for place in set(own))
        right.update(place[2] for place in set(true) & set(own))
    per_type = {name: _scores(there[name], said[name], right[name]) for name in there | said}
    whole = _scores(there.total(), said.total(), right.total())
    return SpanScores(whole.f1, whole.precision, whole.recall, whole.spans, per_type)


def counted(truth: Sequence[Collection[Place]], found: Sequence[Collection[Place]]) -> tuple[Counts, Counts]:
    """Of each text: how many spans it has, [n, 1]; how many were found in it and how many of them are right [n, 2]."""
    there = np.array([[len(set(true))] for true in truth], dtype=np.float64).reshape(-1, 1)
    pairs = [(len(set(own)), len(set(true) & set(own))) for true, own in zip(truth, found, strict=True)]
    return there, np.array(pairs, dtype=np.float64).reshape(-1, 2)


def counted_f1(there: Counts, found: Counts) -> float:
    """F1 over the texts that `counted` counted."""
    whole = there.sum() + found[:, 0].sum()
    return float(2 * found[:, 1].sum() / whole) if whole else float("nan")


def _scores(there: int, said: int, right: int) -> SpanScores:
    def share(of: int) -> float:
        return right / of if of else float("nan")

    return SpanScores(2 * right / (there + said) if there + said else float("nan"), share(said), share(there), there)
