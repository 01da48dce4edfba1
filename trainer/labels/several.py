"""Labels that do not exclude each other: their metrics, their thresholds, what their scores are worth. Plain numpy.

`truth`, `logits` and `probabilities` are arrays [n, labels]; a label's threshold is the one from which a text has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ENOUGH = 20
"""Held-out rows of a label from which it has a threshold and a scale of its own; the others share one."""
ROUNDS = 50
"""Newton steps of a scale: it is a logistic model of two numbers."""
RIDGE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What turns logits into probabilities that keep their word (Platt 1999), and thresholds on these: `slope`,
    `shift`, `thresholds` [labels]."""

    slope: Array
    shift: Array
    thresholds: Array

    def probabilities(self, logits: Array) -> Array:
        return sigmoid(logits * self.slope + self.shift)


def scale_of(logits: Array, truth: Array) -> Scale:
    """Fitted on rows that the model which gave `logits` has not learned from."""
    count = truth.shape[1]
    shared = _platt(logits.ravel(), truth.ravel())
    known = _known(truth)
    pairs = np.array([_platt(logits[:, at], truth[:, at]) if known[at] else shared for at in range(count)])
    slope, shift = pairs[:, 0], pairs[:, 1]
    return Scale(slope, shift, thresholds_of(sigmoid(logits * slope + shift), truth))


def thresholds_of(probabilities: Array, truth: Array) -> Array:
    """For each label the probability from which its F1 is highest. Labels with few rows share the one that is best for
    all decisions together: their own would follow chance."""
    shared = _best_cut(probabilities.ravel(), truth.ravel())[0]
    known = _known(truth)
    return np.array(
        [_best_cut(probabilities[:, at], truth[:, at])[0] if known[at] else shared for at in range(truth.shape[1])]
    )


def best_f1(scores: Array, truth: Array) -> float:
    """The mean over the labels that occur of the F1 their best threshold would give."""
    found = [_best_cut(scores[:, at], truth[:, at])[1] for at in range(truth.shape[1]) if truth[:, at].any()]
    return float(np.mean(found)) if found else 0.0


def f1_figures(truth: Array, predicted: Array, names: Sequence[str]) -> dict[str, Any]:
    """`micro_f1` over all decisions, `macro_f1` the mean over the labels that occur in either, and `per_label`."""
    hits = (truth * predicted).sum(axis=0).astype(float)
    support, guesses = truth.sum(axis=0).astype(float), predicted.sum(axis=0).astype(float)
    f1 = _ratio(2 * hits, support + guesses)
    seen = (support + guesses) > 0
    precision, recall = _ratio(hits, guesses), _ratio(hits, support)
    return {
        "micro_f1": float(_ratio(2 * hits.sum(), support.sum() + guesses.sum())),
        "macro_f1": float(f1[seen].mean()) if seen.any() else 0.0,
        "per_label": {
            name: {
                "precision": float(precision[at]),
                "recall": float(recall[at]),
                "f1": float(f1[at]),
                "support": int(support[at]),
            }
            for at, name in enumerate(names)
        },
    }


def guessing_loss(truth: Array) -> float:
    """The binary cross-entropy of who knows how frequent each label is and nothing else."""
    rate = np.clip(truth.mean(axis=0), 1e-12, 1 - 1e-12)
    return float(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)).mean())


def sigmoid(logits: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))


def _known(truth: Array) -> Array:
    return np.asarray((truth.sum(axis=0) >= ENOUGH) & ((1 - truth).sum(axis=0) >= ENOUGH))


def _best_cut(scores: Array, truth: Array) -> tuple[float, float]:
    """(threshold, F1) of the cut between two neighbouring scores at which F1 is highest; the middle between them, so
    that rounding changes no decision. Of equally good cuts the highest: it says a label more rarely."""
    order = np.argsort(-scores, kind="stable")
    ordered, right = scores[order], np.cumsum(truth[order])
    f1 = 2 * right / np.maximum(np.arange(1, len(order) + 1) + truth.sum(), 1)
    last = np.append(ordered[1:] != ordered[:-1], True)  # a threshold cannot part equal scores
    at = int(np.argmax(np.where(last, f1, -1.0)))
    below = ordered[at + 1] if at + 1 < len(ordered) else ordered[at]
    return float((ordered[at] + below) / 2), float(f1[at])


def _platt(logits: Array, truth: Array) -> tuple[float, float]:
    """(slope, shift) that make the rows' labels most likely, by Newton's method with a touch of ridge towards (1, 0).
    A slope that would turn the order round is none: then all that is known is how frequent the label is."""
    slope, shift = 1.0, 0.0
    for _ in range(ROUNDS):
        chance = sigmoid(logits * slope + shift)
        spread = np.maximum(chance * (1 - chance), 1e-9)
        gap = chance - truth
        gradient = np.array([(gap * logits).sum() + RIDGE * (slope - 1), gap.sum() + RIDGE * shift])
        cross = (spread * logits).sum()
        curve = np.array([[(spread * logits**2).sum() + RIDGE, cross], [cross, spread.sum() + RIDGE]])
        step = np.linalg.solve(curve, gradient)
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        slope, shift = slope - step[0], shift - step[1]
        if float(np.abs(step).max()) < 1e-6:
            break
    if not slope > 0:
        rate = float(np.clip(truth.mean(), 1e-6, 1 - 1e-6))
        return 1e-6, float(np.log(rate / (1 - rate)))
    return float(slope), float(shift)


def _ratio(part: Any, whole: Any) -> Any:
    return part / np.maximum(whole, 1)
