"""What the numbers in every report mean, in plain numpy: arrays in, one number out.

Conventions: `n` rows; `correct` is a boolean per row; `confidence` the probability, in [0, 1], that answering the row
is right; a message is answered when its confidence is at or above a threshold. Rows of one confidence stand or fall
together: no metric can tell ties apart. A metric of no rows is NaN, which reports write as null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from data.schema import OUT_OF_SCOPE

Array = npt.NDArray[Any]
BINS = 15
"""Bins of the calibration error, as in Guo et al. (2017)."""


class Thresholds(Protocol):
    """At or above `answer` (confidence) a message is answered, at None none is; below `oos` (in-scope score) it is out
    of scope."""

    @property
    def answer(self) -> float | None: ...

    @property
    def oos(self) -> float: ...


@dataclass(frozen=True, slots=True)
class IntentScores:
    """What a model says of n rows: its labels (`oos` may be among them), `probabilities` [n, labels], `confidence` [n]
    (that answering with the best in-scope label is right) and `in_scope` [n] (higher: more surely in scope)."""

    label_names: Sequence[str]
    probabilities: Array
    confidence: Array
    in_scope: Array

    @property
    def predicted(self) -> list[str]:
        """The best of all labels, per row."""
        return _best(self.label_names, self.probabilities)

    @property
    def answers(self) -> list[str]:
        """The best in-scope label, per row: what the bot would act on."""
        return best_in_scope(self.label_names, self.probabilities)


def best_in_scope(label_names: Sequence[str], probabilities: Array) -> list[str]:
    """The best label other than `oos` for each row of `probabilities` [n, labels]; `oos` where there is no other."""
    kept = [column for column, name in enumerate(label_names) if name != OUT_OF_SCOPE]
    if not kept:
        return [OUT_OF_SCOPE] * len(probabilities)
    return _best([label_names[column] for column in kept], np.asarray(probabilities)[:, kept])


def _best(names: Sequence[str], probabilities: Array) -> list[str]:
    if not len(probabilities):
        return []
    return [names[column] for column in np.argmax(probabilities, axis=1)]


def accuracy(truth: Array | Sequence[str], predicted: Array | Sequence[str]) -> float:
    """The share of rows predicted right."""
    return share(np.asarray(truth) == np.asarray(predicted))


def share(rows: Array) -> float:
    """The mean of `rows`; NaN when there are none."""
    return float(np.mean(rows)) if len(rows) else float("nan")


def encode(*labels: Sequence[str]) -> tuple[list[str], list[Array]]:
    """Labels as small integers, so that resampling need not compare text: the names, and one code array per input."""
    names = sorted(set().union(*labels))
    code = {name: number for number, name in enumerate(names)}
    return names, [np.array([code[label] for label in column], dtype=np.int64) for column in labels]


def macro_f1(truth: Array | Sequence[str], predicted: Array | Sequence[str]) -> float:
    """The unweighted mean of F1 over every label that occurs in `truth` or in `predicted`.

    Integer arrays are taken as codes from `encode` and computed without sorting.
    """
    _, _, f1, support, predicted_count, _ = _counts(truth, predicted)
    seen = (support + predicted_count) > 0
    return share(f1[seen])


def macro_f1_of_true(truth: Array | Sequence[str], predicted: Array | Sequence[str]) -> float:
    """The same over the labels that occur in `truth` alone, for models that may say nothing of a text."""
    _, _, f1, support, _, _ = _counts(truth, predicted)
    return share(f1[support > 0])


def per_label(truth: Sequence[str], predicted: Sequence[str]) -> dict[str, dict[str, float | int]]:
    """Precision, recall, F1 and support (true rows) of every label that occurs; what is undefined counts as 0."""
    names, (true_codes, predicted_codes) = encode(truth, predicted)
    precision, recall, f1, support, _, _ = _counts(true_codes, predicted_codes)
    return {
        name: {
            "precision": float(precision[code]),
            "recall": float(recall[code]),
            "f1": float(f1[code]),
            "support": int(support[code]),
        }
        for code, name in enumerate(names)
    }


def _counts(truth: Array | Sequence[str], predicted: Array | Sequence[str]) -> tuple[Array, ...]:
    true_codes, predicted_codes = np.asarray(truth), np.asarray(predicted)
    if not (np.issubdtype(true_codes.dtype, np.integer) and np.issubdtype(predicted_codes.dtype, np.integer)):
        _, (true_codes, predicted_codes) = encode(list(truth), list(predicted))
    size = int(max(true_codes.max(initial=-1), predicted_codes.max(initial=-1))) + 1
    support = np.bincount(true_codes, minlength=size).astype(float)
    guesses = np.bincount(predicted_codes, minlength=size).astype(float)
    hits = np.bincount(true_codes[true_codes == predicted_codes], minlength=size).astype(float)
    precision = hits / np.maximum(guesses, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + guesses, 1)
    return precision, recall, f1, support, guesses, hits


def ece(confidence: Array, correct: Array, bins: int = BINS) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over equal-width bins, weighted by rows.

    Bins are (0, 1/bins], (1/bins, 2/bins], ...; 0 belongs to the first. Guo, Pleiss, Sun & Weinberger (2017), "On
    Calibration of Modern Neural Networks".
    """
    rows = calibration_bins(confidence, correct, bins)
    gaps = [row["rows"] * abs(row["confidence"] - row["accuracy"]) for row in rows]
    return sum(gaps) / len(confidence) if rows else float("nan")


def calibration_bins(confidence: Array, correct: Array, bins: int = BINS) -> list[dict[str, float]]:
    """The bins of `ece` that hold rows: `from`, `to`, `rows`, mean `confidence`, `accuracy`."""
    confidence, correct = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    rows = np.bincount(place, minlength=bins)
    confident = np.bincount(place, weights=confidence, minlength=bins)
    right = np.bincount(place, weights=correct, minlength=bins)
    return [
        {
            "from": number / bins,
            "to": (number + 1) / bins,
            "rows": int(rows[number]),
            "confidence": float(confident[number] / rows[number]),
            "accuracy": float(right[number] / rows[number]),
        }
        for number in np.flatnonzero(rows)
    ]


def auroc(scores: Array, positive: Array) -> float:
    """The chance that a positive row outscores a negative one, ties counting half; NaN when either kind is missing."""
    scores, positive = np.asarray(scores), np.asarray(positive, dtype=bool)
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # the mean rank of each run of ties, from 1
    return float((rank[place][positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def risk_coverage(confidence: Array, correct: Array) -> tuple[Array, Array, Array]:
    """Every distinct threshold, highest first, its share of rows answered and the share of those that is wrong."""
    confidence = np.asarray(confidence)
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(ordered) else np.array([], dtype=int)
    answered = last + 1
    right = np.cumsum(np.asarray(correct, dtype=float)[order])[last]
    return ordered[last], answered / max(len(ordered), 1), 1 - right / answered


def coverage_at_precision(confidence: Array, correct: Array, precision: float) -> float:
    """The largest share of all rows that one threshold answers with at least `precision`; 0 when none does."""
    if not len(confidence):
        return float("nan")
    _, coverage, risk = risk_coverage(confidence, correct)
    # Counting errors rounds: 9 of 10 must pass for 0.9.
    return float(np.max(coverage[1 - risk >= precision - 1e-12], initial=0.0))


def hits_at(scores: Array, truth: Array, k: int) -> Array:
    """For each query [q] of `scores` [q, candidates], the chance that candidate `truth` [q] is among the best k.

    It is 0 or 1 unless the candidate ties with others across the border: then all orders of the tie are equally likely,
    so that a ranker cannot gain by giving equal scores. NaN scores rank last.
    """
    better, tied = _placing(scores, truth)
    return np.asarray(np.clip((k - better) / (tied + 1), 0.0, 1.0))


def recall_at(scores: Array, truth: Array, k: int) -> float:
    """The mean of `hits_at`."""
    return share(hits_at(scores, truth, k))


def reciprocal_ranks(scores: Array, truth: Array) -> Array:
    """For each query, the expected 1 / rank of the true candidate (ties as in `hits_at`)."""
    better, tied = _placing(scores, truth)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, np.asarray(scores).shape[1] + 1))])
    return np.asarray((harmonic[better + tied + 1] - harmonic[better]) / (tied + 1))


def mrr(scores: Array, truth: Array) -> float:
    """Mean reciprocal rank."""
    return share(reciprocal_ranks(scores, truth))


def _placing(scores: Array, truth: Array) -> tuple[Array, Array]:
    scores = np.where(np.isnan(scores), -np.inf, np.asarray(scores, dtype=float))
    own = np.take_along_axis(scores, np.asarray(truth, dtype=int)[:, None], axis=1)
    return np.sum(scores > own, axis=1), np.sum(scores == own, axis=1) - 1


def answered_right(labels_true: Sequence[str], answers: Sequence[str]) -> Array:
    """Which rows would be answered right: in scope, and the in-scope label is the true one."""
    pairs = zip(labels_true, answers, strict=True)
    return np.array([true != OUT_OF_SCOPE and true == answer for true, answer in pairs], dtype=bool)


def experiment_intent_metrics(
    labels_true: Sequence[str], scores: IntentScores, thresholds: Thresholds
) -> dict[str, Any]:
    """What an experiment reports of intents; JSON-ready, None where TEST cannot tell (no out-of-scope rows, ...).

    TEST may hold labels the model lacks: such rows are simply wrong. `ece` is that of `confidence` as the probability
    of a right answer.
    """
    truth = list(labels_true)
    confidence, in_scope_score = np.asarray(scores.confidence), np.asarray(scores.in_scope)
    in_scope = np.array([label != OUT_OF_SCOPE for label in truth], dtype=bool)
    right = answered_right(truth, scores.answers)
    answered = confidence >= (np.inf if thresholds.answer is None else thresholds.answer)
    flagged = in_scope_score < thresholds.oos
    nan = float("nan")
    has_oos = not in_scope.all()
    values: dict[str, float] = {
        "accuracy": accuracy(truth, scores.predicted),
        "macro_f1": macro_f1(truth, scores.predicted),
        "in_scope_accuracy": share(right[in_scope]),
        "auroc": auroc(confidence, in_scope),
        "coverage_at_precision_90": coverage_at_precision(confidence, right, 0.9),
        "answer_threshold": nan if thresholds.answer is None else thresholds.answer,
        "realised_precision": share(right[answered]),
        "realised_coverage": share(answered),
        "oos_threshold": thresholds.oos,
        "oos_recall_at_oos": share(flagged[~in_scope]),
        "oos_precision_at_oos": share(~in_scope[flagged]) if has_oos else nan,
        "in_scope_accuracy_at_oos": share((right & ~flagged)[in_scope]),
        "ece": ece(confidence, right),
    }
    return {**{name: finite(value) for name, value in values.items()}, "per_label": per_label(truth, scores.predicted)}


def finite(value: float) -> float | None:
    """The number as JSON can hold it: None for NaN and the infinities."""
    return float(value) if np.isfinite(value) else None
