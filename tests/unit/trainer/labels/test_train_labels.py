"""Training a model of any number of labels, by all methods, on texts of a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from data.errors import DatasetError
from trainer.bases.catalogue import LocalBase
from trainer.core.embedding import embed
from trainer.core.run_folder import RunFolder
from trainer.labels.label_rows import LabelRows
from trainer.labels.several import f1_figures
from trainer.labels.train_labels import TrainedLabels, train_labels
from trainer.recipes import LabelRecipe

MakeRun = Callable[..., RunFolder]
LABELS = ("refund", "delivery", "login")


@pytest.fixture(scope="module")
def rows(said: Callable[..., Any]) -> LabelRows:
    """Texts of one label, of two at once, and of none."""
    some, other = said(14, LABELS), said(14, LABELS, start=14)
    texts, labels = list(some.texts), [(label,) for label in some.labels]
    for first, second in ((0, 1), (1, 2)):
        for at in range(10):
            texts.append(f"{other.texts[first * 14 + at]} and {other.texts[second * 14 + at]}")
            labels.append((LABELS[first], LABELS[second]))
    plain = said(12, ("hours",))
    return LabelRows([*texts, *plain.texts], [*labels, *[()] * 12])


def recipe_of(method: str, **given: Any) -> LabelRecipe:
    body = {"name": "t", "method": method, "epochs": 6, "batch_size": 8, "max_length": 24, "precision": "32-true"}
    folds = {"frozen": 3, "top": 2, "full": 0}[method]
    return LabelRecipe(**{**body, "folds": folds, "learning_rate": 3e-3, "validation_share": 0.2, **given})


def score(trained: TrainedLabels, rows: LabelRows) -> float:
    vectors = embed(trained.encoder, trained.renderer, trained.renderer.utterances(rows.texts))
    has = trained.head.chosen(trained.head.probabilities(vectors))
    return float(f1_figures(rows.targets(trained.head.labels), has, trained.head.labels)["macro_f1"])


@pytest.mark.parametrize("method", ["frozen", "top", "full"])
def test_every_method_finds_labels_that_come_together(
    method: str, tiny: LocalBase, rows: LabelRows, make_run: MakeRun
) -> None:
    trained = train_labels(recipe_of(method), tiny, rows, make_run(keep=False))
    assert trained.head.labels == tuple(sorted(LABELS))
    assert not trained.head.exclusive
    assert trained.encoder_is_base == (method == "frozen")
    assert 0.6 < trained.held_out <= 1
    assert score(trained, rows) > 0.8
    assert (len(trained.history) > 0) == (method != "frozen")


def test_the_same_seed_gives_the_same_head(tiny: LocalBase, rows: LabelRows, make_run: MakeRun) -> None:
    first, second = (train_labels(recipe_of("frozen"), tiny, rows, make_run(f"r{at}", keep=False)) for at in (0, 1))
    assert np.array_equal(first.head.weight, second.head.weight)
    assert np.array_equal(first.head.thresholds, second.head.thresholds)


def test_a_label_of_one_row_is_learned_and_never_scored(tiny: LocalBase, rows: LabelRows, make_run: MakeRun) -> None:
    more = LabelRows([*rows.texts, "when do you open"], [*rows.labels, ("hours",)])
    trained = train_labels(recipe_of("frozen"), tiny, more, make_run(keep=False))
    assert "hours" in trained.head.labels
    assert np.isfinite(trained.head.weight).all()


def test_what_all_rows_have_teaches_nothing(tiny: LocalBase, make_run: MakeRun) -> None:
    with pytest.raises(DatasetError, match="at least two"):
        train_labels(recipe_of("frozen"), tiny, LabelRows(["a", "b", "c"], [("x",)] * 3), make_run())
