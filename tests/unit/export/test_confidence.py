"""Features and confidence against plain loops."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.schema import OUT_OF_SCOPE
from export.confidence import FEATURES, features, score
from export.heads import IntentHead


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def make(labels: list[str], neighbours: int, seed: int, hidden: int = 5) -> IntentHead:
    generator = np.random.default_rng(seed)
    return IntentHead(
        labels=tuple(labels),
        weight=(3 * generator.standard_normal((len(labels), hidden))).astype(np.float32),
        bias=generator.standard_normal(len(labels)).astype(np.float32),
        temperature=float(generator.uniform(0.3, 3)),
        neighbours=unit(generator.standard_normal((neighbours, hidden))),
        neighbour_labels=generator.integers(len(labels), size=neighbours).astype(np.int32),
        scope=generator.standard_normal(len(FEATURES) + 1).astype(np.float32),
        correct=generator.standard_normal(len(FEATURES) + 1).astype(np.float32),
    )


def by_hand(head: IntentHead, vector: np.ndarray) -> tuple[list[float], dict[str, float], int]:
    """(probabilities, features, best) of one message, written out."""
    logits = [
        (sum(float(w) * float(x) for w, x in zip(row, vector, strict=True)) + float(bias)) / head.temperature
        for row, bias in zip(head.weight, head.bias, strict=True)
    ]
    total = sum(math.exp(logit) for logit in logits)
    shares = [math.exp(logit) / total for logit in logits]
    inside = [at for at, label in enumerate(head.labels) if label != OUT_OF_SCOPE]
    best = max(inside, key=lambda at: shares[at])
    first = min(max(shares[best], 1e-6), 1 - 1e-6)
    second = min(max([shares[at] for at in inside if at != best], default=1e-6), 1)
    second = max(second, 1e-6)
    near, of_class = (-1.0, -1.0) if len(head.neighbours) else (0.0, 0.0)
    for neighbour, label in zip(head.neighbours, head.neighbour_labels, strict=True):
        cosine = sum(float(a) * float(b) for a, b in zip(neighbour, vector, strict=True))
        if head.labels[label] != OUT_OF_SCOPE:
            near = max(near, cosine)
        if label == best:
            of_class = max(of_class, cosine)
    found = {
        "logit": math.log(first / (1 - first)),
        "nearest": near,
        "nearest_of_class": of_class,
        "margin": math.log(first / second),
        "energy": math.log(total),
    }
    return shares, found, best


def logistic(found: dict[str, float], coefficients: np.ndarray) -> float:
    margin = sum(found[name] * float(c) for name, c in zip(FEATURES, coefficients, strict=False))
    return 1 / (1 + math.exp(-(margin + float(coefficients[-1]))))


LABELS = st.lists(st.sampled_from(["a", "b", "c", "d", OUT_OF_SCOPE]), min_size=1, max_size=5, unique=True).filter(
    lambda labels: labels != [OUT_OF_SCOPE]
)


@settings(max_examples=60, deadline=None)
@given(LABELS, st.integers(0, 9), st.integers(0, 2**31), st.integers(0, 6))
def test_features_and_scores_are_those_of_a_plain_loop(
    labels: list[str], neighbours: int, seed: int, rows: int
) -> None:
    head = make(labels, neighbours, seed)
    vectors = unit(np.random.default_rng(seed + 1).standard_normal((rows, 5)))
    probabilities, columns, best = features(head, vectors)
    scored = score(head, vectors)
    assert columns.shape == (rows, len(FEATURES))
    assert probabilities.shape == (rows, len(labels))
    for row, vector in enumerate(vectors):
        shares, found, likeliest = by_hand(head, vector)
        assert probabilities[row] == pytest.approx(shares, abs=1e-5)
        assert dict(zip(FEATURES, columns[row], strict=True)) == pytest.approx(found, rel=1e-3, abs=1e-3)
        assert best[row] == scored.best[row] == likeliest
        assert scored.in_scope[row] == pytest.approx(logistic(found, head.scope), abs=1e-3)
        expected = logistic(found, head.scope) * logistic(found, head.correct)
        assert scored.confidence[row] == pytest.approx(expected, abs=1e-3)


@given(LABELS, st.integers(0, 2**31), st.floats(0, 2.0**99, width=32))
def test_whatever_the_weights_scores_are_numbers_between_0_and_1(labels: list[str], seed: int, scale: float) -> None:
    head = make(labels, 4, seed)
    wild = replace(head, weight=(head.weight * np.float32(scale)).clip(-1e30, 1e30))
    found = score(wild, unit(np.random.default_rng(seed).standard_normal((5, 5))))
    for values in (found.confidence, found.in_scope):
        assert ((values >= 0) & (values <= 1)).all()
    assert np.allclose(found.probabilities.sum(axis=1), 1)


def test_out_of_scope_is_never_the_best_label() -> None:
    head = replace(make(["a", OUT_OF_SCOPE, "b"], 3, 0), bias=np.array([0, 99, 1], dtype=np.float32))
    found = score(head, unit(np.random.default_rng(0).standard_normal((50, 5))))
    assert set(found.best.tolist()) <= {0, 2}
    assert (found.probabilities.argmax(axis=1) == 1).all()


def test_neighbours_that_are_out_of_scope_bring_nobody_in() -> None:
    head = make(["a", OUT_OF_SCOPE], 6, 0)
    head = replace(head, neighbour_labels=np.ones(6, dtype=np.int32))
    _, columns, _ = features(head, head.neighbours)
    assert set(columns[:, 1].tolist()) == {-1.0}


def test_a_message_scores_the_same_alone_and_among_others() -> None:
    head = make(["a", "b", "c"], 8, 3)
    vectors = unit(np.random.default_rng(1).standard_normal((30, 5)))
    whole: Any = score(head, vectors)
    alone = [score(head, vectors[at : at + 1]) for at in range(30)]
    np.testing.assert_allclose(whole.confidence, [one.confidence[0] for one in alone], rtol=1e-5)
    np.testing.assert_array_equal(whole.best, [one.best[0] for one in alone])


def test_no_messages_have_no_scores() -> None:
    found = score(make(["a", "b"], 3, 0), np.empty((0, 5), dtype=np.float32))
    assert len(found.confidence) == len(found.best) == len(found.in_scope) == 0
