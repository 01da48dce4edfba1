"""The comparison: every figure of the contract, the same numbers as the plain metrics, and clear refusals."""

from dataclasses import replace

import numpy as np
import pytest

from data.errors import DatasetError
from trainer.judgement import metrics
from trainer.judgement.comparison import Judged, ModelName, TestSet
from trainer.judgement.evaluate import compare

LABELS = ["cancel", "oos", "refund"]
ROWS = 90


def frozen_rows(rows: int = ROWS) -> TestSet:
    labels = [LABELS[row % 3] for row in range(rows)]
    return TestSet(
        texts=["word " * (1 + row % 9) for row in range(rows)],
        labels=labels,
        languages=["en" if row % 2 else None for row in range(rows)],
        train_counts={"cancel": 40, "refund": 4, "oos": 30},
        reply_truth=np.zeros(4, dtype=int),
    )


def judged(model: ModelName, wrong: int, *, threshold: float | None = None, rows: int = ROWS) -> Judged:
    """A model that errs on the first `wrong` rows, and is less sure of those."""
    table = np.full((rows, 3), 0.1)
    for row in range(rows):
        table[row, (row % 3 + (row < wrong)) % 3] = 0.8
    sure = np.where(np.arange(rows) < wrong, 0.3, np.where(np.arange(rows) % 3 == 1, 0.2, 0.9))
    replies = np.tile([1.0, 0.5, 0.2], (4, 1)) if model == "candidate" else np.tile([0.5, 1.0, 0.2], (4, 1))
    answered = None if threshold is None else sure >= threshold
    return Judged(model, LABELS, table, sure, 2.0, 1000, answered, reply_scores=replies)


def four() -> list[Judged]:
    return [judged("candidate", 3, threshold=0.5), judged("live", 9), judged("floor", 30), judged("base", 15)]


def test_every_figure_is_there_and_is_that_of_the_plain_metric() -> None:
    found = compare(frozen_rows(), four(), draws=50)
    assert list(found.models) == ["floor", "base", "live", "candidate"]
    values = {name: interval.value for name, interval in found.models["candidate"].items()}
    candidate = four()[0]
    truth = frozen_rows().labels
    predicted = metrics.IntentScores(LABELS, candidate.probabilities, candidate.confidence, candidate.confidence)
    right = metrics.answered_right(truth, predicted.answers)
    assert values == {
        "accuracy": pytest.approx(87 / 90),
        "macro_f1": pytest.approx(metrics.macro_f1(truth, predicted.predicted)),
        "in_scope_accuracy": pytest.approx(right[np.arange(90) % 3 != 1].mean()),
        "ece": pytest.approx(metrics.ece(candidate.confidence, right)),
        "auroc": pytest.approx(metrics.auroc(candidate.confidence, np.arange(90) % 3 != 1)),
        "coverage_at_target_precision": pytest.approx(metrics.coverage_at_precision(candidate.confidence, right, 0.9)),
        "realised_precision": 1.0,
        "realised_coverage": pytest.approx(58 / 90),
        "in_scope_coverage": pytest.approx(58 / 60),
        "recall_at_1": 1.0,
        "recall_at_5": 1.0,
        "latency_ms": 2.0,
        "size_bytes": 1000,
    }
    assert "realised_precision" not in found.models["live"]
    assert found.models["floor"]["recall_at_1"].value == 0.0
    accuracy = found.metric("candidate", "accuracy")
    assert accuracy is not None
    assert accuracy.low <= accuracy.value <= accuracy.high
    assert found.metric("candidate", "unheard_of") is None
    assert (found.rows, found.in_scope_rows, found.oos_rows) == (90, 60, 30)


def test_the_candidate_is_set_against_every_other_model() -> None:
    found = compare(frozen_rows(), four(), draws=50)
    assert set(found.against) == {"floor", "base", "live"}
    floor = found.against["floor"]
    assert floor.accuracy.value == pytest.approx(27 / 90)
    assert floor.macro_f1.low > 0
    assert floor.p_value < 1e-6
    assert floor.recall_at_1 is not None
    assert floor.recall_at_1.value == 1.0


@pytest.mark.parametrize(
    ("names", "reference"), [(("live", "base"), "live"), (("base", "floor"), "base"), (("floor",), "floor"), ((), None)]
)
def test_flips_count_from_live_else_base_else_floor(names: tuple[ModelName, ...], reference: str | None) -> None:
    found = compare(frozen_rows(), [judged("candidate", 0), *(judged(name, 5) for name in names)], draws=5)
    assert found.reference == reference
    assert len(found.flips) == (5 if names else 0)


def test_flips_say_what_changed_worst_first() -> None:
    test = replace(frozen_rows(3), texts=["one", "two", "three"], labels=["cancel"] * 3)
    live = replace(judged("live", 0, rows=3), predicted=["refund", "cancel", "refund"])
    candidate = replace(judged("candidate", 0, rows=3), predicted=["cancel", "refund", "oos"])
    found = compare(test, [live, candidate], draws=5)
    assert [flip.to_wire() for flip in found.flips] == [
        {"text": "two", "label": "cancel", "before": "cancel", "after": "refund", "change": "worse"},
        {"text": "one", "label": "cancel", "before": "refund", "after": "cancel", "change": "better"},
        {"text": "three", "label": "cancel", "before": "refund", "after": "oos", "change": "different"},
    ]


def test_slices_cover_every_row_three_times() -> None:
    found = compare(frozen_rows(), four(), draws=5)
    rows: dict[str, int] = {}
    for part in found.slices:
        rows[part.name] = rows.get(part.name, 0) + part.rows
    assert rows == {"language": 90, "length": 90, "class": 90}
    assert {(part.name, part.value) for part in found.slices} == {
        ("language", "en"), ("language", "unknown"), ("length", "short"), ("length", "medium"), ("length", "long"),
        ("class", "common"), ("class", "rare"),
    }  # fmt: skip
    rare = next(part for part in found.slices if part.value == "rare").to_wire()
    assert (rare["slice"], rare["value"], rare["rows"]) == ("class", "rare", 30)
    assert rare["accuracy"] == {"floor": 0.6667, "base": 0.8333, "live": 0.9, "candidate": 0.9667}
    assert rare["intervals"]["live"]["low"] < 0.9 < rare["intervals"]["live"]["high"]
    # Rows 5 and 8 of the thirty are wrong with live alone, out of 2 no p-value can be small.
    assert rare["exchange"] == {"model": "live", "won": 2, "lost": 0, "p_value": 0.5, "p_corrected": 1.0}


def test_rows_since_live_are_a_part_of_their_own_where_there_are_any() -> None:
    new = [row >= 80 for row in range(ROWS)]
    found = compare(replace(frozen_rows(), new=new), four(), draws=5)
    assert [(part.value, part.rows) for part in found.slices if part.name == "data"] == [("known", 80), ("new", 10)]
    for nothing in (None, [False] * ROWS):
        found = compare(replace(frozen_rows(), new=nothing), four(), draws=5)
        assert {part.name for part in found.slices} == {"language", "length", "class"}


def test_what_one_model_wins_and_loses_is_counted() -> None:
    live = compare(frozen_rows(), four(), draws=5).against["live"]
    assert (live.won, live.lost) == (6, 0)
    assert live.p_value == pytest.approx(2 / 2**6)
    wire = live.to_wire()
    assert set(wire) == {"accuracy", "macro_f1", "recall_at_1", "won", "lost", "p_value"}
    assert wire["accuracy"]["value"] == pytest.approx(6 / 90)


def test_per_class_calibration_and_confusion_describe_the_candidate() -> None:
    found = compare(frozen_rows(), four(), draws=5)
    cancel = found.per_class[0]
    assert (cancel.label, cancel.support) == ("cancel", 30)
    assert cancel.recall == pytest.approx(29 / 30)
    assert cancel.f1_by_model["candidate"] == cancel.f1 > cancel.f1_by_model["floor"]
    assert sum(rows for _, _, rows in found.confusion) == 90
    assert found.confused() == [("cancel", "oos", 1), ("oos", "refund", 1), ("refund", "cancel", 1)]
    assert sum(row["rows"] for row in found.calibration) == 90


def test_labels_of_the_test_set_that_no_model_knows_are_rows_of_the_class_table() -> None:
    test = replace(frozen_rows(3), labels=["cancel", "brand_new", "refund"])
    found = compare(test, [judged("candidate", 0, rows=3)], draws=5)
    new = next(row for row in found.per_class if row.label == "brand_new")
    assert (new.support, new.f1) == (1, 0.0)


def test_the_same_seed_gives_the_same_comparison() -> None:
    assert compare(frozen_rows(), four(), seed=5, draws=20) == compare(frozen_rows(), four(), seed=5, draws=20)


def test_a_diverged_model_is_known_and_gains_nothing_by_it() -> None:
    broken = judged("candidate", 0)
    broken = replace(broken, probabilities=np.full((ROWS, 3), np.nan), confidence=np.full(ROWS, np.nan))
    found = compare(frozen_rows(), [broken, judged("floor", 30)], draws=5)
    assert found.diverged
    assert found.collapsed
    assert found.models["candidate"]["auroc"].value == 0.5
    assert not compare(frozen_rows(), four(), draws=5).diverged


def test_one_answer_to_everything_is_a_collapse_unless_that_is_all_there_is() -> None:
    always = replace(judged("candidate", 0), predicted=["cancel"] * ROWS)
    assert compare(frozen_rows(), [always], draws=5).collapsed
    assert not compare(replace(frozen_rows(), labels=["cancel"] * ROWS), [always], draws=5).collapsed


def test_a_test_set_without_replies_has_no_recall() -> None:
    found = compare(replace(frozen_rows(), reply_truth=None), four(), draws=5)
    assert "recall_at_1" not in found.models["candidate"]
    assert found.against["live"].recall_at_1 is None


def test_an_empty_test_set_is_undefined_not_a_crash() -> None:
    empty = TestSet([], [], [], {})
    nothing = Judged("candidate", ["a"], np.zeros((0, 1)), np.zeros(0), 1.0, 1)
    found = compare(empty, [nothing], draws=5)
    assert found.models_to_wire()["candidate"]["accuracy"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize("models", [[], ["floor"], ["candidate", "candidate"], ["candidate", "live", "live"]])
def test_missing_or_doubled_models_are_refused(models: list[ModelName]) -> None:
    with pytest.raises(DatasetError, match="one candidate and no model twice"):
        compare(frozen_rows(), [judged(name, 1) for name in models])


def test_rows_that_do_not_match_are_refused() -> None:
    for broken in (judged("candidate", 1, rows=5), replace(judged("candidate", 1), predicted=["cancel"])):
        with pytest.raises(DatasetError, match="has 90 rows"):
            compare(frozen_rows(), [broken])
