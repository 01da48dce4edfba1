"""How steady a result is: the same recipe on parts of the rows in turn, and the same experiment from several seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.errors import DatasetError
from trainer.intents import folds
from trainer.judgement.metrics import accuracy, macro_f1
from trainer.recipes import IntentRecipe
from trainer.search.grouping import groups_of
from trainer.search.rehearsal import Rehearsal

FIGURES = (
    "accuracy", "macro_f1", "micro_f1", "in_scope_accuracy", "auroc", "span_f1", "recall_at_1_of_100", "mrr",
    "bits_per_byte", "perplexity_per_token", "chrf", "bleu", "rouge_l", "exact_match", "copies", "distinct_2",
)  # fmt: skip
"""What is compared between seeds, as far as the task has it."""


def cross_validated(recipe: IntentRecipe, rehearsal: Rehearsal, count: int) -> dict[str, Any]:
    """Accuracy and macro-F1 on `count` parts, each answered by a model that learned the others.

    Like rows, and rows of one source, are in one part; labels are spread evenly. Raises DatasetError where the rows
    cannot be parted so often.
    """
    labels, groups = rehearsal.rows.labels, groups_of(rehearsal.rows)
    plan = folds.grouped(labels, groups, count, recipe.seed)
    if not all(fold.score for fold in plan):
        raise DatasetError(
            f"These rows cannot be parted into {count} folds: too few of them differ from each other.",
            remedy="Ask for fewer folds.",
        )
    heard = [rehearsal.hear(recipe, fold) for fold in plan]
    return {
        "folds": count,
        "groups": len(set(groups)),
        "rows": sum(len(part.rows) for part in heard),
        "accuracy": spread_of([accuracy(part.truth, part.predicted) for part in heard]),
        "macro_f1": spread_of([macro_f1(part.truth, part.predicted) for part in heard]),
    }


def over_seeds(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the reports of one experiment from several seeds say together."""
    names = [name for name in FIGURES if all(isinstance(report.get(name), (int, float)) for report in reports)]
    return {
        "seeds": [report["seed"] for report in reports],
        **{name: spread_of([float(report[name]) for report in reports]) for name in names},
    }


def spread_of(values: Sequence[float]) -> dict[str, Any]:
    """Their mean and standard deviation (that of a sample), and each."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": sd, "each": list(values)}
