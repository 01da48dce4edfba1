"""A classifier in closed form: ridge regression on labels as ones and zeros, over embeddings seen through a kernel.

It is as good as logistic regression and much faster to fit, and what it would say of a row had it never seen that row
follows from one fit of them all (leave-one-out residuals, Allen 1974). Made for looking at data; what answers customers
is the calibrated head of `trainer.intents.linear`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Ridge strengths among which the one is taken that is right most often on rows left out."""
TEMPERATURES = (0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
"""What scores are divided by to become probabilities: the one under which left-out labels are most likely."""

WAVES = 768
"""Random features (Rahimi and Recht 2007): more come closer to the kernel, and cost with their square."""
WIDTH = 1.0
"""Of the Gaussian kernel, over embeddings of unit length."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of left-out rows [rows, labels], and the strength they were got with."""

    scores: Floats
    strength: float


def waves(embeddings: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float32]:
    """The embeddings as random features, whose inner products come close to a Gaussian kernel."""
    generator = np.random.default_rng(seed)
    turns = generator.normal(size=(embeddings.shape[1], WAVES)) * np.sqrt(2 * WIDTH)
    shift = generator.uniform(0, 2 * np.pi, size=WAVES)
    made = np.cos(embeddings @ turns.astype(np.float32) + shift.astype(np.float32))
    return np.asarray(made * np.float32(np.sqrt(2 / WAVES)), dtype=np.float32)


def left_out(features: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], weights: Floats) -> Scored:
    """For every row the scores of a model that has learned from all the others. `classes` count from 0."""
    rooted = np.sqrt(weights)[:, None]
    rows, targets = _with_one(features) * rooted, _one_hot(classes) * rooted
    values, vectors = np.linalg.eigh(rows.T @ rows)
    turned = rows @ vectors
    pulled = turned.T @ targets
    best: Scored | None = None
    most = -1
    for strength in STRENGTHS:
        shrunk = turned / (values + strength)
        leverage = np.clip((shrunk * turned).sum(axis=1), 0.0, 1 - 1e-6)[:, None]
        scores = (shrunk @ pulled - leverage * targets) / (1 - leverage) / rooted
        right = int((scores.argmax(axis=1) == classes).sum())
        if right > most:
            best, most = Scored(scores, strength), right
    assert best is not None
    return best


def scores_of(
    learned: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], strength: float, asked: npt.NDArray[np.float32]
) -> Floats:
    """What a model that learned from `learned` says of `asked`."""
    rows = _with_one(learned)
    gram = rows.T @ rows + strength * np.eye(rows.shape[1])
    weight = np.linalg.solve(gram, rows.T @ _one_hot(classes))
    return np.asarray(_with_one(asked) @ weight)


def probabilities(scores: Floats, classes: npt.NDArray[np.int64]) -> Floats:
    """The scores as probabilities, made as sure as they deserve to be by the labels `classes` of their rows."""
    return min((_softmax(scores / one) for one in TEMPERATURES), key=lambda made: _loss(made, classes))


def _loss(made: Floats, classes: npt.NDArray[np.int64]) -> float:
    return float(-np.log(np.maximum(made[np.arange(len(classes)), classes], 1e-12)).mean())


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _with_one(features: npt.NDArray[np.float32]) -> Floats:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1, dtype=np.float64)


def _one_hot(classes: npt.NDArray[np.int64] | Sequence[int]) -> Floats:
    return np.eye(int(np.max(classes)) + 1)[classes]
