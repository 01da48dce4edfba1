"""From embeddings to probabilities and to two honest numbers: is it in scope, and is the best answer right?

A softmax is sure of nonsense: it only compares the classes with each other. So the score of being in scope looks at
how near the message lies to anything the brand's customers have said before: the nearest training utterance, and the
nearest of the predicted class. Whether the best label is right, given that the message is in scope, is read off its log
odds in the softmax. Both are small logistic models fitted on scores of messages that the head had not learned from
(trainer/intents/calibrate.py); confidence is their product, P(in scope) * P(right | in scope).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.schema import OUT_OF_SCOPE
from export.heads import IntentHead

FEATURES = ("logit", "nearest", "nearest_of_class", "margin", "energy")
"""Columns of `features`, in this order; `IntentHead.scope` and `.correct` hold one coefficient for each and a bias.
`margin`, the log of how many times as likely the best label is as the next, and `energy`, the log of the summed
exponentials of the logits (which the softmax needs anyway), are part of the format; what is fitted now does not weigh
them: their coefficients are 0."""

_TINY = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """probabilities [n, labels]; best [n] the likeliest in-scope label's column; confidence, in_scope [n] in (0, 1)."""

    probabilities: npt.NDArray[np.float64]
    best: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    in_scope: npt.NDArray[np.float64]


def score(head: IntentHead, embeddings: npt.NDArray[np.float32]) -> Scores:
    """Score unit-length embeddings [n, hidden] with `head`."""
    probabilities, columns, best = features(head, embeddings)
    in_scope = logistic(columns, head.scope)
    return Scores(probabilities, best, in_scope * logistic(columns, head.correct), in_scope)


def features(
    head: IntentHead, embeddings: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """(probabilities [n, labels], FEATURES [n, 5], column of the likeliest in-scope label [n])."""
    logits = (embeddings @ head.weight.T + head.bias).astype(np.float64) / head.temperature
    top = logits.max(axis=1, keepdims=True)
    parts = np.exp(logits - top)
    whole = parts.sum(axis=1)
    energy = top[:, 0] + np.log(whole)
    probabilities = parts / whole[:, None]  # not from the energy, in which large logits swallow the logarithm
    inside = np.array([label != OUT_OF_SCOPE for label in head.labels])
    ranked = np.where(inside, probabilities, -1.0)
    best = ranked.argmax(axis=1)
    rows = np.arange(len(embeddings))
    first = np.clip(ranked[rows, best], _TINY, 1 - _TINY)
    ranked[rows, best] = -1.0
    second = np.clip(ranked.max(axis=1, initial=_TINY), _TINY, 1)
    nearest, nearest_of_class = _nearest(head, embeddings, inside, best)
    columns = [np.log(first / (1 - first)), nearest, nearest_of_class, np.log(first / second), energy]
    return probabilities, np.stack(columns, axis=1), best


def _nearest(
    head: IntentHead,
    embeddings: npt.NDArray[np.float32],
    inside: npt.NDArray[np.bool_],
    best: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Cosine to the nearest in-scope training utterance, and to the nearest one of the class `best`."""
    if not len(head.neighbours):
        nothing = np.zeros(len(embeddings))
        return nothing, nothing
    cosines = embeddings @ head.neighbours.astype(np.float32, copy=False).T
    usable = inside[head.neighbour_labels]
    of_class = head.neighbour_labels[None, :] == best[:, None]
    nearest = np.where(usable, cosines, -1.0).max(axis=1)
    return nearest.astype(np.float64), np.where(of_class, cosines, -1.0).max(axis=1).astype(np.float64)


def logistic(columns: npt.NDArray[np.float64], coefficients: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The probability that a logistic model gives to each row of `columns`; its bias comes last."""
    margin = columns @ coefficients[:-1].astype(np.float64) + float(coefficients[-1])
    return np.asarray(1 / (1 + np.exp(-np.clip(margin, -50, 50))))
