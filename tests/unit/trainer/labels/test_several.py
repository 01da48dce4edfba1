"""Thresholds, scales and figures of labels that do not exclude each other, against what scikit-learn says of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from trainer.labels.several import ENOUGH, best_f1, f1_figures, guessing_loss, scale_of, sigmoid, thresholds_of

ROWS = arrays(np.int8, (12, 3), elements=st.integers(0, 1))
SCORES = arrays(np.float64, (12, 3), elements=st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9]))


@given(ROWS, ROWS)
def test_f1_is_what_scikit_learn_computes(truth: np.ndarray, predicted: np.ndarray) -> None:
    found = f1_figures(truth, predicted, ("a", "b", "c"))
    seen = np.flatnonzero((truth.sum(axis=0) + predicted.sum(axis=0)) > 0)
    assert found["micro_f1"] == pytest.approx(f1_score(truth, predicted, average="micro", zero_division=0))
    if len(seen):
        macro = f1_score(truth, predicted, average=None, zero_division=0)[seen].mean()
        assert found["macro_f1"] == pytest.approx(macro)
    else:
        assert found["macro_f1"] == 0
    assert [row["support"] for row in found["per_label"].values()] == truth.sum(axis=0).tolist()


@given(SCORES, ROWS)
def test_no_threshold_gives_a_label_a_better_f1(scores: np.ndarray, truth: np.ndarray) -> None:
    truth[0] = 1
    best = [
        max(f1_score(truth[:, at], scores[:, at] >= cut, zero_division=0) for cut in np.unique(scores[:, at]))
        for at in range(3)
    ]
    assert best_f1(scores, truth) == pytest.approx(np.mean(best))


def drawn(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits twice too sure and shifted, and labels that follow what they were made of."""
    generator = np.random.default_rng(seed)
    honest = generator.normal(-1, 1.5, size=(rows, 3))
    return 2 * honest + 1, (generator.random((rows, 3)) < sigmoid(honest)).astype(float)


def test_a_scale_makes_probabilities_keep_their_word() -> None:
    logits, truth = drawn(4000)
    scale = scale_of(logits, truth)
    assert scale.slope == pytest.approx([0.5] * 3, abs=0.05)
    assert scale.shift == pytest.approx([-0.5] * 3, abs=0.12)
    assert scale.probabilities(logits).mean(axis=0) == pytest.approx(truth.mean(axis=0), abs=1e-3)


def test_a_rare_label_shares_what_all_have() -> None:
    logits, truth = drawn(400)
    truth[:, 2] = 0
    truth[: ENOUGH - 1, 2] = 1
    own = scale_of(logits, truth)
    truth[:, 2] = 0
    truth[5 : ENOUGH + 4, 2] = 1  # other rows of it, as few
    moved = scale_of(logits, truth)
    assert own.slope[:2] == pytest.approx(moved.slope[:2])
    assert own.slope[2] == pytest.approx(moved.slope[2], abs=0.05)
    assert abs(own.thresholds[2] - moved.thresholds[2]) < 0.1


def test_logits_that_say_the_contrary_tell_no_more_than_how_frequent_a_label_is() -> None:
    logits, truth = drawn(400)
    found = scale_of(-logits, truth).probabilities(-logits)
    assert found == pytest.approx(np.broadcast_to(truth.mean(axis=0), found.shape), abs=1e-3)


def test_logits_that_tell_rows_apart_without_fault_stay_finite() -> None:
    truth = np.zeros((60, 1))
    truth[:30] = 1
    scale = scale_of(np.where(truth > 0, 9.0, -9.0), truth)
    assert np.isfinite([scale.slope, scale.shift, scale.thresholds]).all()
    assert ((scale.probabilities(np.array([[9.0], [-9.0]])) >= scale.thresholds)[:, 0] == [True, False]).all()


def test_a_threshold_stands_between_two_scores() -> None:
    truth = np.array([[1.0]] * 30 + [[0.0]] * 30)
    scores = np.array([[0.8]] * 30 + [[0.2]] * 30)
    assert thresholds_of(scores, truth) == pytest.approx([0.5])


def test_who_knows_frequencies_alone_loses_their_entropy() -> None:
    truth = np.array([[1.0, 0.0], [0.0, 0.0]])
    assert guessing_loss(truth) == pytest.approx(np.log(2) / 2)
