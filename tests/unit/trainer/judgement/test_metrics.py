"""The metrics against plain formulas and scikit-learn."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_fscore_support, roc_auc_score

from trainer.judgement import metrics

LABELS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcde")), min_size=1, max_size=60)
SCORES = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=60)


@dataclass(frozen=True)
class Cut:
    answer: float | None
    oos: float


@given(LABELS)
def test_macro_f1_is_that_of_scikit_learn(rows: list[tuple[str, str]]) -> None:
    truth, predicted = map(list, zip(*rows, strict=True))
    expected = f1_score(truth, predicted, average="macro", zero_division=0)
    assert metrics.macro_f1(truth, predicted) == pytest.approx(expected)
    _, codes = metrics.encode(truth, predicted)
    assert metrics.macro_f1(*codes) == pytest.approx(expected)


@given(LABELS)
def test_per_label_is_that_of_scikit_learn(rows: list[tuple[str, str]]) -> None:
    truth, predicted = map(list, zip(*rows, strict=True))
    names = sorted({*truth, *predicted})
    expected = precision_recall_fscore_support(truth, predicted, labels=names, zero_division=0)
    ours = metrics.per_label(truth, predicted)
    assert list(ours) == names
    for column, key in enumerate(("precision", "recall", "f1", "support")):
        assert [ours[name][key] for name in names] == pytest.approx(list(expected[column]))


def test_a_code_that_no_row_holds_does_not_weigh_in_macro_f1() -> None:
    assert metrics.macro_f1(np.array([0, 4]), np.array([0, 4])) == 1.0


@given(SCORES)
def test_auroc_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, positive = map(np.array, zip(*rows, strict=True))
    ours = metrics.auroc(scores, positive)
    if positive.all() or not positive.any():
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(roc_auc_score(positive, scores))


@given(SCORES, st.sampled_from([0.5, 0.8, 0.9, 1.0]))
def test_coverage_at_precision_tries_every_threshold(rows: list[tuple[int, bool]], precision: float) -> None:
    confidence, correct = map(np.array, zip(*rows, strict=True))
    best = 0.0
    for threshold in confidence:
        answered = confidence >= threshold
        if correct[answered].mean() >= precision - 1e-12:
            best = max(best, answered.mean())
    assert metrics.coverage_at_precision(confidence, correct, precision) == pytest.approx(best)


def test_ties_stand_or_fall_together() -> None:
    confidence, correct = np.array([0.9, 0.9, 0.1]), np.array([True, False, True])
    assert metrics.coverage_at_precision(confidence, correct, 1.0) == 0.0
    thresholds, coverage, risk = metrics.risk_coverage(confidence, correct)
    assert thresholds.tolist() == [0.9, 0.1]
    assert coverage.tolist() == pytest.approx([2 / 3, 1.0])
    assert risk.tolist() == pytest.approx([0.5, 1 / 3])


def test_nine_right_of_ten_is_a_precision_of_nine_tenths() -> None:
    assert metrics.coverage_at_precision(np.ones(10), np.arange(10) > 0, 0.9) == 1.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_calibration_error_by_the_formula_of_guo(rows: list[tuple[float, bool]]) -> None:
    confidence, correct = map(np.array, zip(*rows, strict=True))
    expected = 0.0
    for number in range(15):
        low, high = number / 15, (number + 1) / 15
        bin_rows = (np.ceil(confidence * 15) == number + 1) | ((number == 0) & (confidence == 0))
        if bin_rows.any():
            assert confidence[bin_rows].min() >= low - 1e-9
            assert confidence[bin_rows].max() <= high + 1e-9
            expected += bin_rows.mean() * abs(correct[bin_rows].mean() - confidence[bin_rows].mean())
    assert metrics.ece(confidence, correct) == pytest.approx(expected)


def test_a_perfectly_calibrated_model_has_no_error() -> None:
    assert metrics.ece(np.full(10, 0.7), np.arange(10) < 7) == pytest.approx(0)


def test_recall_and_reciprocal_rank_without_ties() -> None:
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    truth = np.array([0, 1, 2])
    assert metrics.recall_at(scores, truth, 1) == pytest.approx(1 / 3)
    assert metrics.recall_at(scores, truth, 2) == pytest.approx(2 / 3)
    assert metrics.mrr(scores, truth) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


@given(st.lists(st.integers(0, 2), min_size=2, max_size=7), st.data())
def test_ties_count_as_all_orders_are_equally_likely(row: list[int], data: st.DataObject) -> None:
    truth = data.draw(st.integers(0, len(row) - 1))
    k = data.draw(st.integers(1, len(row)))
    better = sum(score > row[truth] for score in row)
    places = [better + place for place in range(1, row.count(row[truth]) + 1)]
    scores, true = np.array([row], dtype=float), np.array([truth])
    assert metrics.recall_at(scores, true, k) == pytest.approx(np.mean([place <= k for place in places]))
    assert metrics.mrr(scores, true) == pytest.approx(np.mean([1 / place for place in places]))


def test_scores_that_are_no_numbers_rank_last() -> None:
    scores = np.array([[np.nan, 1.0], [np.nan, np.nan]])
    assert metrics.recall_at(scores, np.array([0, 0]), 1) == pytest.approx(0.25)


def test_metrics_of_nothing_are_undefined_and_do_not_warn() -> None:
    empty = np.array([])
    for value in (
        metrics.accuracy([], []),
        metrics.macro_f1([], []),
        metrics.ece(empty, empty),
        metrics.auroc(empty, empty),
        metrics.coverage_at_precision(empty, empty, 0.9),
        metrics.recall_at(np.zeros((0, 3)), empty, 1),
        metrics.mrr(np.zeros((0, 3)), empty),
    ):
        assert np.isnan(value)
    assert metrics.per_label([], []) == {}
    assert [len(part) for part in metrics.risk_coverage(empty, empty)] == [0, 0, 0]


def scores(with_oos: bool = True) -> metrics.IntentScores:
    names = ["cancel", "oos", "refund"] if with_oos else ["cancel", "refund"]
    table = np.array([[0.7, 0.1, 0.2], [0.3, 0.5, 0.2], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1], [0.6, 0.1, 0.3]])
    return metrics.IntentScores(
        names,
        table if with_oos else table[:, [0, 2]],
        np.array([0.9, 0.4, 0.8, 0.1, 0.7]),
        np.array([0.9, 0.5, 0.8, 0.2, 0.9]),
    )


TRUE = ["cancel", "cancel", "refund", "oos", "unheard_of"]


def test_experiment_metrics_by_hand() -> None:
    report = metrics.experiment_intent_metrics(TRUE, scores(), Cut(0.6, 0.6))
    per_label = report.pop("per_label")
    assert report == {
        "accuracy": pytest.approx(3 / 5),  # cancel, refund, oos
        "macro_f1": pytest.approx((0.5 + 2 / 3 + 1 + 0) / 4),
        "in_scope_accuracy": pytest.approx(3 / 4),  # the second row is right among in-scope labels
        "auroc": pytest.approx(1.0),
        "coverage_at_precision_90": pytest.approx(2 / 5),
        "answer_threshold": 0.6,
        "realised_precision": pytest.approx(2 / 3),
        "realised_coverage": pytest.approx(3 / 5),
        "oos_threshold": 0.6,
        "oos_recall_at_oos": 1.0,
        "oos_precision_at_oos": 0.5,
        "in_scope_accuracy_at_oos": pytest.approx(2 / 4),
        "ece": pytest.approx(np.mean([0.1, 0.6, 0.2, 0.1, 0.7])),
    }
    assert set(per_label) == {"cancel", "refund", "oos", "unheard_of"}
    assert per_label["unheard_of"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}


def test_experiment_metrics_of_a_model_without_an_out_of_scope_label() -> None:
    report = metrics.experiment_intent_metrics(TRUE, scores(with_oos=False), Cut(0.6, 0.6))
    assert report["accuracy"] == pytest.approx(3 / 5)
    assert report["in_scope_accuracy"] == pytest.approx(3 / 4)


def test_experiment_metrics_are_null_where_the_test_cannot_tell() -> None:
    report = metrics.experiment_intent_metrics(["cancel"] * 5, scores(), Cut(2.0, 0.6))
    for name in ("auroc", "oos_recall_at_oos", "oos_precision_at_oos", "realised_precision"):
        assert report[name] is None
    assert report["realised_coverage"] == 0.0
    assert report["in_scope_accuracy_at_oos"] == pytest.approx(2 / 5)
    nothing = metrics.IntentScores(["a"], np.zeros((0, 1)), np.array([]), np.array([]))
    assert metrics.experiment_intent_metrics([], nothing, Cut(0.5, 0.5))["accuracy"] is None


def test_without_an_answer_threshold_nothing_is_answered() -> None:
    report = metrics.experiment_intent_metrics(TRUE, scores(), Cut(None, 0.6))
    assert (report["answer_threshold"], report["realised_precision"], report["realised_coverage"]) == (None, None, 0.0)


def test_a_model_that_knows_no_intent_answers_nothing() -> None:
    assert metrics.best_in_scope(["oos"], np.ones((2, 1))) == ["oos", "oos"]
    assert not metrics.answered_right(["oos", "cancel"], ["oos", "oos"]).any()
