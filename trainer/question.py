"""What an experiment is asked, and what every report of one says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.bases import DEFAULT
from trainer.recipes import Recipe

Outcome = tuple[dict[str, Any], list[dict[str, Any]]]
"""The report and the predictions."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an experiment; None leaves the choice to the data."""

    train: Path
    test: Path
    task: str
    out: Path
    seed: int = 0
    per_class: int | None = None
    recipe: Recipe | None = None
    base: str = DEFAULT
    unlabelled: Path | None = None
    """The brand's unlabelled turns; no recipe of this version learns from them, and the report says so."""


def common(question: Question, recipe: Recipe, rows: tuple[int, int], seconds: float) -> dict[str, Any]:
    """What every report says; `rows` are those of TRAIN and TEST."""
    return {
        "unlabelled_used": False,
        "task": question.task,
        "seed": question.seed,
        "train_rows": rows[0],
        "test_rows": rows[1],
        "train_seconds": round(seconds, 2),
        "recipe": recipe.model_dump(mode="json"),
        "base": recipe.base,
    }
