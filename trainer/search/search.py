"""The search for a recipe: what a model says of rows that it has not learned from decides, and never a test file.

The first trial is the default recipe. Each trial is scored fold by fold and cut short once it falls behind the median
of those before it. The best is then compared with the default on fresh folds that no trial has seen, and takes its
place only where a 95 % interval of the gain lies above chance and out of scope is told as well as before.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.trial import FrozenTrial, Trial, TrialState

from data.errors import TrainingError
from trainer.intents import folds
from trainer.intents.folds import Fold
from trainer.judgement.intervals import Difference, paired_bootstrap
from trainer.recipes import IntentRecipe
from trainer.search.budget import FOLDS, Budget
from trainer.search.grouping import groups_of
from trainer.search.held_lock import holding
from trainer.search.rehearsal import Heard, Rehearsal
from trainer.search.space import Space
from trainer.search.study import DEFAULT, Trials

FRESH = 1_000_003
"""Added to the seed for the folds of the last comparison, which no trial was chosen by."""
SCOPE_COST = 0.01
"""Area under the ROC curve, in scope against out of scope, that a recipe may lose to be taken."""
WAIT_SECONDS = 0.2
Tell = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Found:
    """The recipe to train by, and what is said of how it was found."""

    recipe: IntentRecipe
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """One search: among which recipes, on which rows, for how long; `folder` keeps it for who takes it up again."""

    space: Space
    rehearsal: Rehearsal
    budget: Budget
    folder: Path
    tell: Tell

    def found(self) -> Found:
        """Search to the end of the budget, and compare. Raises whatever the rehearsal's `check` raises."""
        started = time.monotonic()
        groups = groups_of(self.rehearsal.rows)
        plan = folds.grouped(self.rehearsal.rows.labels, groups, FOLDS, self._seed)
        with Trials.opened(self.folder, self._name(), self._seed, self._check) as trials:
            self._try(trials, plan)
            with holding(self.folder / "outcome.lock", self._check):
                outcome = trials.outcome()
                if outcome is None or outcome["trials"] != len(trials.over()):
                    outcome = self._concluded(trials, groups)
                    trials.conclude(outcome)
        recipe = IntentRecipe.model_validate(outcome["recipe"])
        return Found(recipe, {**outcome, "seconds": round(time.monotonic() - started, 2)})

    @property
    def _seed(self) -> int:
        return self.space.start.seed

    def _check(self) -> None:
        self.rehearsal.run.check()

    def _name(self) -> str:
        """Other rows, or another recipe to start from, are another study in the same file."""
        rows = self.rehearsal.rows
        said = [
            self.space.start.model_dump(mode="json"),
            self.space.methods,
            list(rows.texts),
            list(rows.labels),
            FOLDS,
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]

    def _try(self, trials: Trials, plan: list[Fold]) -> None:
        while True:
            self._check()
            if trials.complete() and not self.budget.leaves(trials.spent()):
                break
            trial = trials.begin(self.budget.trials)
            if trial is None:
                break
            try:
                value = self._value(trials, trial, plan)
            except BaseException:
                trials.give_back(trial)
                raise
            trials.end(trial, value)
            self._told(trials, trial, value)
        while trials.under_way():  # all processes choose among the same trials
            self._check()
            time.sleep(WAIT_SECONDS)

    def _value(self, trials: Trials, trial: Trial, plan: list[Fold]) -> float | None:
        """The share of rows that the recipe answers right; None where it is cut short."""
        is_default = DEFAULT in trial.user_attrs
        recipe = self.space.start if is_default else self.space.recipe(trial)
        started, before = time.monotonic(), trials.spent()
        right: list[bool] = []
        for step, fold in enumerate(plan):
            try:
                right += self.rehearsal.hear(recipe, fold).right.tolist()
            except TrainingError as error:
                if is_default:
                    raise
                trial.set_user_attr("error", error.code)
                return None
            score = float(np.mean(right)) if right else 0.0
            trial.report(score, step)
            late = not self.budget.leaves(before + time.monotonic() - started)
            if step + 1 < len(plan) and not is_default and (late or trial.should_prune()):
                return None
        return score

    def _told(self, trials: Trials, trial: Trial, value: float | None) -> None:
        over = len(trials.over())
        body: dict[str, Any] = {"trial": trial.number, "score": value, "best": _best(trials).value}
        self.tell({"type": "search", **body, "over": over, "trials": self.budget.trials})
        self.tell({"type": "progress", "stage": "search", "step": over, "steps": self.budget.trials, **body})

    def _recipe(self, trial: FrozenTrial) -> IntentRecipe:
        return self.space.start if DEFAULT in trial.user_attrs else self.space.recipe(_Drawn(trial.params))

    def _concluded(self, trials: Trials, groups: list[int]) -> dict[str, Any]:
        over, best = trials.over(), _best(trials)
        default = next(trial for trial in trials.complete() if DEFAULT in trial.user_attrs)
        recipe, compared = self._recipe(best), None
        accepted, why = False, "No recipe that was tried beat the default."
        if best.number != default.number:
            compared = self._compared(recipe, groups)
            accepted, why = compared.judged()
        return {
            "trials": len(over),
            "pruned": sum(trial.state == TrialState.PRUNED for trial in over),
            "default": {"score": default.value},
            "best": {"score": best.value, **self.space.params(recipe)},
            "gain": None if compared is None else compared.gain.to_wire(),
            "scope_gain": None if compared is None else compared.scope,
            "accepted": accepted,
            "why": why,
            "recipe": (recipe if accepted else self.space.start).model_dump(mode="json"),
        }

    def _compared(self, recipe: IntentRecipe, groups: list[int]) -> _Compared:
        """The default and `recipe` on fresh folds, with another seed, which keep labels from their models too."""
        labels, seed = self.rehearsal.rows.labels, (self._seed + FRESH) % 2**31
        fresh = folds.keeping_away(folds.grouped(labels, groups, FOLDS, seed), labels, seed)
        heard = [
            [self.rehearsal.hear(one.model_copy(update={"seed": seed}), fold) for fold in fresh]
            for one in (self.space.start, recipe)
        ]
        first, second = (_counts(groups, one) for one in heard)
        counted = _counts(groups, heard[0], scored=True)
        gain = paired_bootstrap(_share, counted, (first, second), seed=self._seed)
        before, after = (float(np.mean([part.apart() for part in one])) for one in heard)
        return _Compared(gain, after - before)


@dataclass(frozen=True, slots=True)
class _Compared:
    """What the best recipe gains on rows not learned from, and in telling what is out of scope."""

    gain: Difference
    scope: float

    def judged(self) -> tuple[bool, str]:
        low, value, high = (f"{one:+.1%}" for one in (self.gain.low, self.gain.value, self.gain.high))
        said = f"On fresh parts of the rows it gains {value} ({low} to {high})"
        if not self.gain.low > 0:
            return False, f"{said}, which may be chance: the default stays."
        if self.scope < -SCOPE_COST:
            return False, f"{said}, but tells worse what is out of scope (AUROC {self.scope:+.3f}): the default stays."
        return True, f"{said}, more than chance: it takes the default's place."


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What a trial drew, drawn again."""

    params: Mapping[str, Any]

    def suggest_categorical(self, name: str, choices: object) -> Any:
        return self.params[name]

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return int(self.params[name])

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return float(self.params[name])


def _best(trials: Trials) -> FrozenTrial:
    """The earliest of those with the highest score: the default where none is better."""
    return max(trials.complete(), key=lambda trial: (trial.value, DEFAULT in trial.user_attrs, -trial.number))


def _counts(groups: list[int], heard: list[Heard], scored: bool = False) -> npt.NDArray[np.int64]:
    """By group, how many rows were answered right, or scored at all: like rows are one draw of the bootstrap."""
    counts = np.zeros(max(groups) + 1, dtype=np.int64)
    for part in heard:
        for row, right in zip(part.rows, part.right, strict=True):
            counts[groups[row]] += scored or right
    return counts


def _share(scored: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> float:
    return float(right.sum() / max(scored.sum(), 1))
