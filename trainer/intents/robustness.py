"""What a model still answers right when people mistype: held-out rows as they were said, and the same rows perturbed.

The rows are those that scores and thresholds come from, in scope, of labels that the model that scores them knows. They
are perturbed by the operators of `data.augment`, with a seed that no training row is varied by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.heads import IntentHead
from trainer.intents.linear import Floats
from trainer.judgement import metrics

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Which held-out rows a model answers right: `clean` all of them as they were said; the others only those that
    could be perturbed, as they were said (`before`) and `perturbed`, by the model and by the untuned base."""

    clean: Bools
    before: Bools
    perturbed: Bools
    base_before: Bools
    base_perturbed: Bools

    @classmethod
    def together(cls, parts: Sequence[Answers]) -> Answers:
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in FIELDS))


FIELDS = ("clean", "before", "perturbed", "base_before", "base_perturbed")


@dataclass(frozen=True, slots=True)
class Robustness:
    """Shares of `rows` held-out rows answered right, as they were said and perturbed; NaN where there is no row."""

    rows: int
    base: tuple[float, float]
    trained: tuple[float, float]

    @classmethod
    def of(cls, answers: Answers) -> Robustness:
        base = metrics.share(answers.base_before), metrics.share(answers.base_perturbed)
        trained = metrics.share(answers.before), metrics.share(answers.perturbed)
        return cls(len(answers.perturbed), base, trained)

    def to_wire(self) -> dict[str, Any]:
        told = {"base": self.base, "trained": self.trained}
        shares = {
            name: {"clean": metrics.finite(clean), "perturbed": metrics.finite(perturbed)}
            for name, (clean, perturbed) in told.items()
        }
        return {"rows": self.rows, **shares}


def right(head: IntentHead, embeddings: Floats, labels: Sequence[str]) -> Bools:
    """Which rows the head's best in-scope label is right for."""
    best = metrics.best_in_scope(head.labels, embeddings @ head.weight.T + head.bias)
    return np.array([found == label for found, label in zip(best, labels, strict=True)], dtype=bool)


def nearest_right(known: tuple[Floats, Sequence[str]], embeddings: Floats, labels: Sequence[str]) -> Bools:
    """Which rows the label of the nearest known utterance is right for: what the base can do untaught."""
    vectors, names = known
    if not len(embeddings) or not len(vectors):
        return np.zeros(len(embeddings), dtype=bool)
    nearest = (embeddings @ vectors.T).argmax(axis=1)
    return np.array([names[at] == label for at, label in zip(nearest, labels, strict=True)], dtype=bool)
