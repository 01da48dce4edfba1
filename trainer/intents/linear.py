"""The linear head: multinomial logistic regression over embeddings, the start of every intent model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.heads import IntentHead

Floats = npt.NDArray[np.float32]
MAX_ITERATIONS = 300


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Embeddings [n, hidden] of unit length, their labels, and how much each counts."""

    embeddings: Floats
    labels: Sequence[str]
    weights: Floats

    def __len__(self) -> int:
        return len(self.labels)

    def pick(self, rows: npt.NDArray[Any]) -> Labelled:
        """The rows where the mask `rows` is true, or at the positions it names."""
        at = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Labelled(self.embeddings[at], [self.labels[row] for row in at.tolist()], self.weights[at])

    def join(self, other: Labelled) -> Labelled:
        return Labelled(
            np.concatenate([self.embeddings, other.embeddings]),
            [*self.labels, *other.labels],
            np.concatenate([self.weights, other.weights]),
        )

    def told_apart(self, weight: Floats, bias: Floats) -> bool:
        """Whether a linear head gives these rows more than one answer."""
        answers = (self.embeddings @ weight.T + bias).argmax(axis=1)
        return bool((answers != answers[0]).any())


def linear_weights(rows: Labelled, regularisation: float) -> tuple[tuple[str, ...], Floats, Floats]:
    """(labels, weight [labels, hidden], bias [labels]); `regularisation` is the inverse L2 strength C."""
    from sklearn.linear_model import LogisticRegression

    return fitted_weights(LogisticRegression(C=regularisation, max_iter=MAX_ITERATIONS), rows)


def fitted_weights(model: Any, rows: Labelled) -> tuple[tuple[str, ...], Floats, Floats]:
    """(labels, weight [labels, hidden], bias [labels]) of a linear classifier of scikit-learn that learns `rows`."""
    with _unwarned():
        model.fit(rows.embeddings, np.array(rows.labels), sample_weight=rows.weights)
    weight, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # one row of coefficients speaks for both classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return tuple(map(str, model.classes_)), weight.astype(np.float32), bias.astype(np.float32)


def label_weights(embeddings: Floats, targets: Floats, weights: Floats, regularisation: float) -> tuple[Floats, Floats]:
    """(weight [labels, hidden], bias [labels]) of a logistic model for each column of `targets` [n, labels], ones and
    zeros. A label that all rows have, or none, gets what is known of it: how frequent it is."""
    from sklearn.linear_model import LogisticRegression

    weight = np.zeros((targets.shape[1], embeddings.shape[1]), dtype=np.float32)
    bias = np.zeros(targets.shape[1], dtype=np.float32)
    for at in range(targets.shape[1]):
        column = targets[:, at]
        if column.min() == column.max():
            rate = (column.sum() + 0.5) / (len(column) + 1)
            bias[at] = np.log(rate / (1 - rate))
            continue
        model = LogisticRegression(C=regularisation, max_iter=MAX_ITERATIONS)
        with _unwarned():
            model.fit(embeddings, column, sample_weight=weights)
        weight[at], bias[at] = model.coef_[0], model.intercept_[0]
    return weight, bias


@contextmanager
def _unwarned() -> Iterator[None]:
    """Not converging to the last digit is no finding."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def head_of(
    labels: tuple[str, ...], weight: npt.NDArray[Any], bias: npt.NDArray[Any], neighbours: Labelled
) -> IntentHead:
    """An uncalibrated head: temperature 1, and scores that only calibration makes mean something."""
    from export.confidence import FEATURES

    column = {label: at for at, label in enumerate(labels)}
    nothing = np.zeros(len(FEATURES) + 1, dtype=np.float32)
    return IntentHead(
        labels=labels,
        weight=weight.astype(np.float32),
        bias=bias.astype(np.float32),
        temperature=1.0,
        # Rounded as they will be on disk, wide as they are read back: what is measured here is what will be served.
        neighbours=neighbours.embeddings.astype(np.float16).astype(np.float32),
        neighbour_labels=np.array([column[label] for label in neighbours.labels], dtype=np.int32),
        scope=nothing,
        correct=nothing,
    )


def without(head: IntentHead, label: str) -> IntentHead:
    """`head` as if it had never heard of `label`."""
    gone = head.labels.index(label)
    kept = np.arange(len(head.labels)) != gone
    near = head.neighbour_labels != gone
    shifted = head.neighbour_labels[near] - (head.neighbour_labels[near] > gone)
    return IntentHead(
        labels=tuple(name for name in head.labels if name != label),
        weight=head.weight[kept],
        bias=head.bias[kept],
        temperature=head.temperature,
        neighbours=head.neighbours[near],
        neighbour_labels=shifted.astype(np.int32),
        scope=head.scope,
        correct=head.correct,
    )


def thin(rows: Labelled, most: int, seed: int) -> Labelled:
    """At most `most` rows, drawn evenly from the labels: enough to know a neighbour by."""
    return rows if len(rows) <= most else rows.pick(thin_rows(rows.labels, most, seed))


def thin_rows(labels: Sequence[str], most: int, seed: int) -> npt.NDArray[np.int64]:
    """The places of at most `most` of these labels, drawn evenly from them, in order."""
    generator = np.random.default_rng(seed)
    names = np.array(labels)
    order = generator.permutation(len(names))
    taken: dict[str, int] = {}
    rank = np.empty(len(names), dtype=np.int64)
    for row in order:  # the k-th drawn row of its label has rank k: low ranks of all labels come first
        rank[row] = taken[names[row]] = taken.get(names[row], -1) + 1
    return np.sort(np.argsort(rank, kind="stable")[:most])


def log_loss(rows: Labelled, weight: Floats, bias: Floats, labels: Sequence[str]) -> float:
    """Mean negative log-likelihood of the rows' labels under a linear head."""
    column = {label: at for at, label in enumerate(labels)}
    return mean_loss(rows.embeddings @ weight.T + bias, [column[label] for label in rows.labels])


def mean_loss(logits: npt.NDArray[Any], truth: Sequence[int] | npt.NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of the columns `truth` [n] under `logits` [n, labels]."""
    below = logits.astype(np.float64)
    below -= below.max(axis=1, keepdims=True)
    return float((np.log(np.exp(below).sum(axis=1)) - below[np.arange(len(truth)), truth]).mean())
