"""Whether variations of the rows are learned from, too: what trying them may cost, and when they are kept. Pure.

They are tried on rows that the models of the trial have not learned from, those that thresholds come from anyway. With
and without them, the same rows are answered, as they were said and perturbed. They are kept when

- more of the rows as they were said are answered right, by more than chance, and of the perturbed ones no fewer; or
- more of the perturbed ones are, by more than chance, and of the others no fewer, with a loss of more than a point
  ruled out (95 % interval of the paired bootstrap).

More than chance: McNemar's exact test below `CHANCE`, half of 5 % since there are two ways to be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from data.augment.vary import Variation
from trainer.intents.robustness import Answers, Bools
from trainer.judgement import metrics
from trainer.judgement.intervals import mcnemar, paired_bootstrap
from trainer.recipes import IntentRecipe

CHANCE = 0.025
TOLERATED_LOSS = 0.01
ADDED: Mapping[str, float] = {"frozen": 1.0, "ngrams": 1.0, "top": 0.25, "full": 0.25}
"""Most variations for each row, by method: where an encoder moves, every one costs as much as a row in every epoch."""
MOST_ADDED = 2_000
BUDGET = 0.5
"""Share of a training's own work that the trial, and learning what it kept, may add."""
FREE = 1_000
"""Texts through the encoder that a trial may take in any case: seconds."""
FEWEST = 0.1
"""Variations for each row below which a trial would find nothing."""
PASSES = 3
"""A step of learning costs as much as reading a text this many times."""

Decision = Literal["kept", "left_out", "not_tried", "off", "on"]


@dataclass(frozen=True, slots=True)
class Cost:
    """In texts through the encoder: the training without variations, what a trial costs before the first of them, and
    what each of them adds, in the trial and when it is kept."""

    own: float
    fixed: float
    each: float

    @property
    def affordable(self) -> int:
        return max(int((max(self.own * BUDGET, FREE) - self.fixed) / self.each), 0)


def cost_of(recipe: IntentRecipe, rows: int, learned: Sequence[int]) -> Cost:
    """What `recipe` costs on so many rows; `learned` counts the rows that each fold's model learns from."""
    step = PASSES * recipe.epochs
    if recipe.method in ("frozen", "ngrams"):
        return Cost(rows, 0, 1)
    if recipe.method == "full":
        return Cost(step * rows, step * rows, step)
    return Cost(step * (rows + sum(learned)), step * learned[0], step * (rows + sum(learned)) / max(rows, 1))


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many variations to make, and why none where it is none."""

    most: int
    why: str = ""


def wanted(recipe: IntentRecipe, rows: int, cost: Cost) -> Wanted:
    """What the recipe and the budget allow."""
    if recipe.augment == "off":
        return Wanted(0, "The recipe says off.")
    most = min(int(rows * ADDED[recipe.method]), MOST_ADDED)
    if recipe.augment == "on":
        return Wanted(most)
    if min(most, cost.affordable) < min(rows * FEWEST, MOST_ADDED):
        return Wanted(0, f"A trial would add more than {BUDGET:.0%} to the work of the training.")
    return Wanted(min(most, cost.affordable))


@dataclass(frozen=True, slots=True)
class Gain:
    """Shares of the same `rows` answered right without and with variations; `low` and `high` bound the difference."""

    rows: int
    without: float
    having: float
    low: float
    high: float
    p_value: float

    @classmethod
    def of(cls, before: Bools, after: Bools, seed: int) -> Gain:
        gap = paired_bootstrap(lambda _, right: metrics.share(right), before, (before, after), seed=seed)
        return cls(len(before), metrics.share(before), metrics.share(after), gap.low, gap.high, mcnemar(before, after))

    @property
    def value(self) -> float:
        return self.having - self.without

    @property
    def is_sure(self) -> bool:
        return self.value > 0 and self.p_value < CHANCE

    def to_wire(self) -> dict[str, Any]:
        shares = {"without": self.without, "with": self.having, "gain": self.value, "low": self.low, "high": self.high}
        finite = {name: metrics.finite(value) for name, value in shares.items()}
        return {"rows": self.rows, **finite, "p_value": metrics.finite(self.p_value)}


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What was tried, what it gained on the rows as they were said and perturbed, and what was decided.

    `rows` counts the variations that were made; none of them stands in a dataset or counts as data. `made_by` counts
    them by operator; some were made by two."""

    decision: Decision
    why: str
    rows: int = 0
    made_by: Mapping[str, int] = field(default_factory=dict)
    clean: Gain | None = None
    perturbed: Gain | None = None

    @property
    def is_used(self) -> bool:
        return self.decision in ("kept", "on")

    def to_wire(self) -> dict[str, Any]:
        return {
            "decision": self.decision,
            "why": self.why,
            "rows": self.rows,
            "made_by": dict(self.made_by),
            "clean": self.clean and self.clean.to_wire(),
            "perturbed": self.perturbed and self.perturbed.to_wire(),
        }


def untried(recipe: IntentRecipe, why: str, made: Sequence[Variation] = ()) -> Augmentation:
    """There was no trial: the recipe decides, or nothing could be tried."""
    if recipe.augment == "on" and made:
        return Augmentation("on", "The recipe says on.", len(made), _made_by(made))
    return Augmentation("off" if recipe.augment == "off" else "not_tried", why)


def decide(without: Answers, having: Answers, made: Sequence[Variation], seed: int) -> Augmentation:
    """Weigh a trial, by the rule at the top."""
    clean = Gain.of(without.clean, having.clean, seed)
    perturbed = Gain.of(without.perturbed, having.perturbed, seed)
    kept, why = weigh(clean, perturbed)
    return Augmentation("kept" if kept else "left_out", why, len(made), _made_by(made), clean, perturbed)


def weigh(clean: Gain, perturbed: Gain) -> tuple[bool, str]:
    """(whether variations are kept, why)."""
    if clean.is_sure and not perturbed.value < 0:
        return True, "Held-out messages are answered right more often, by more than chance."
    if not perturbed.is_sure:
        return False, "No gain on held-out messages that could not be chance."
    if clean.value < 0:
        return False, "Perturbed messages gain, but messages as they were said lose."
    if clean.low < -TOLERATED_LOSS:
        return False, "Perturbed messages gain, but a loss on messages as they were said cannot be ruled out."
    return True, "Perturbed held-out messages are answered right more often, by more than chance, at no loss on others."


def _made_by(made: Sequence[Variation]) -> dict[str, int]:
    return dict(sorted(Counter(name for one in made for name in one.operators).items()))
