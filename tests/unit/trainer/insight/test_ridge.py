"""The closed form says of a row left out what a fit without that row says."""

import numpy as np
import pytest

from trainer.insight.ridge import left_out, probabilities, scores_of, waves


def clusters(per, labels=3, spread=0.3, seed=1):
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(labels, 16))
    classes = np.repeat(np.arange(labels), per)
    rows = centres[classes] + spread * generator.normal(size=(len(classes), 16))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), classes


def test_leaving_out_is_exact():
    rows, classes = clusters(12)
    found = left_out(rows, classes, np.ones(len(classes)))
    for place in (0, 13, 35):
        others = np.arange(len(classes)) != place
        alone = scores_of(rows[others], classes[others], found.strength, rows[place : place + 1])
        assert found.scores[place] == pytest.approx(alone[0], abs=1e-6)


def test_clusters_are_told_apart_and_a_wrong_label_is_not_believed():
    rows, classes = clusters(30)
    wrong = classes.copy()
    wrong[5] = 2
    found = probabilities(left_out(rows, wrong, np.ones(len(classes))).scores, wrong)
    assert (found.argmax(axis=1) == classes).mean() > 0.97
    assert found[5].argmax() == 0
    assert found.sum(axis=1) == pytest.approx(1)


def test_features_are_those_of_their_seed_and_close_to_the_kernel():
    rows, _ = clusters(20)
    assert (waves(rows, 3) == waves(rows, 3)).all()
    made = waves(rows, 3).astype(np.float64)
    wanted = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(axis=2))
    assert np.abs(made @ made.T - wanted).max() < 0.2
