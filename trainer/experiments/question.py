"""What an experiment is asked, and what every report of one says."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from data.errors import UsageError
from trainer.bases.known import DEFAULT
from trainer.order import SEEDS
from trainer.recipes import Recipe
from trainer.search.budget import Budget

TASKS = ("intent", "labels", "sentiment", "reply", "entities", "summarise", "translate", "generate")
ONE_LABEL = {"labels": "intent", "sentiment": "intent"}
"""Where every text has exactly one label, these tasks go the way of intents, and a recipe for them may be one of
theirs."""
FEWEST, MOST = 2, 20
"""Folds of a cross-validation that may be asked for."""
MOST_SEEDS = 100

Outcome = tuple[dict[str, Any], list[dict[str, Any]]]
"""The report and the predictions."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an experiment; None leaves the choice to the recipe, and that of a recipe to the data."""

    train: Path
    test: Path
    task: str
    out: Path
    seed: int | None = None
    per_class: int | None = None
    recipe: Recipe | None = None
    base: str | None = None
    unlabelled: Path | None = None
    """The brand's unlabelled turns; no recipe of this version learns from them, and the report says so."""
    folds: int | None = None
    """Parts of TRAIN for a cross-validation beside the test."""
    seeds: int = 1
    """How often it is done again, from one seed after the other."""
    search: Budget | None = None
    """How long a better recipe is searched for, within TRAIN."""

    def settled(self) -> Settled:
        """The same with its seed and base: those asked for, else those of the recipe, else the default ones."""
        recipe = self.recipe
        seed = self.seed if self.seed is not None else recipe.seed if recipe is not None else 0
        base = self.base if self.base is not None else recipe.base if recipe is not None else DEFAULT
        kept = {one.name: getattr(self, one.name) for one in fields(self)}
        named = None if recipe is None else recipe.model_copy(update={"seed": seed, "base": base})
        return Settled(**{**kept, "seed": seed, "base": base, "recipe": named})


@dataclass(frozen=True, slots=True)
class Settled(Question):
    """A question that names its seed and base; a recipe in it names the same. `keeps`: whether a model that can be used
    on its own stays in `out`."""

    seed: int = 0
    base: str = DEFAULT
    keeps: bool = True


def common(question: Settled, recipe: Recipe, rows: tuple[int, int], seconds: float) -> dict[str, Any]:
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


def refuse_nonsense(question: Settled) -> None:
    """Raise UsageError for what no experiment can be."""
    if question.task not in TASKS:
        raise UsageError(f"A task is one of {', '.join(TASKS)}; it came as {question.task!r}.")
    if question.recipe is not None and question.recipe.task not in (question.task, ONE_LABEL.get(question.task)):
        raise UsageError(f"The recipe is for {question.recipe.task!r}, the experiment for {question.task!r}.")
    if not 0 <= question.seed < SEEDS:
        raise UsageError(f"A seed is a whole number from 0 to {SEEDS - 1}.")
    if question.per_class is not None and question.per_class < 1:
        raise UsageError("Of every class at least one row is needed, to learn from it.")
    if question.folds is not None and not FEWEST <= question.folds <= MOST:
        raise UsageError(f"A cross-validation takes {FEWEST} to {MOST} folds.")
    if not 1 <= question.seeds <= MOST_SEEDS:
        raise UsageError(f"An experiment is repeated over 1 to {MOST_SEEDS} seeds.")
    if question.task not in ("intent", *ONE_LABEL):
        refuse_parting(question)


def refuse_parting(question: Question) -> None:
    """Raise UsageError where parts of TRAIN shall score each other and this task has no way to."""
    if question.folds is not None or question.search is not None:
        raise UsageError(
            "Folds and a search need texts that have exactly one label each.",
            remedy="They are possible for --task intent, and for labels or sentiment where every text has one label;"
            " --seeds is possible for all tasks.",
        )
