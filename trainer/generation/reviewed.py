"""What reviewers prefer, learned after what the brand says: kept only where it does not cost the brand's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.errors import DatasetError, TrainingError
from data.schema import Example
from trainer.core.run_folder import RunFolder
from trainer.generation.lines import Ask
from trainer.generation.pairs import Pair, preferences_of, sides
from trainer.generation.preference import FEWEST, prefer
from trainer.generation.preferred import compared
from trainer.generation.recipe import GenerateRecipe, PreferenceRecipe, going_on, pick_preference
from trainer.generation.train_generator import TrainedGenerator

COSTS_AT_MOST = 0.05
"""How many more bits per byte, as a share, the brand's held-out replies may take afterwards."""


@dataclass(frozen=True, slots=True)
class Reviews:
    """Pairs of a reply that a reviewer wrote and the one that it corrected, to learn from and held out; `alone` counts
    disliked replies without a correction."""

    train: Sequence[Pair] = ()
    held: Sequence[Pair] = ()
    alone: int = 0

    @classmethod
    def of(cls, train: Sequence[Example], held: Sequence[Example]) -> Reviews:
        learned, unseen = preferences_of(train), preferences_of(held)
        return cls(learned.pairs, unseen.pairs, learned.alone + unseen.alone)


def reviewed(
    start: TrainedGenerator, reviews: Reviews, held: Sequence[Ask], run: RunFolder
) -> tuple[TrainedGenerator, dict[str, Any]]:
    """`start` after it has learned what reviewers prefer, or as it was; and what is to be told of it. `held` are
    replies of the brand that nobody learned from."""
    told: dict[str, Any] = {"pairs": len(reviews.train), "disliked_alone": reviews.alone, "kept": False}
    recipe = _recipe(start, len(reviews.train))
    if recipe is None:
        return start, {**told, "why": "the recipe asks for none"}
    if len(reviews.train) < FEWEST:
        return start, {**told, "why": f"fewer than {FEWEST} pairs"}
    told["recipe"] = recipe.model_dump(mode="json")
    try:
        tuned = prefer(recipe, start, reviews.train, reviews.held, run)
    except DatasetError:  # enough pairs, of which too few differ
        return start, {**told, "why": f"fewer than {FEWEST} different pairs"}
    except TrainingError as error:  # a generator that is as good as without it
        return start, {**told, "failed": error.code, "why": error.message}
    asked = reviews.held or reviews.train
    both = [one for one in (sides(pair, tuned.renderer) for pair in asked) if one is not None]
    found = compared(start.model, tuned.model, tuned.renderer, both, held)
    before, after = (one.bits_per_byte().value for one in (found.replies_before, found.replies_after))
    kept = not before or after <= (1 + COSTS_AT_MOST) * before
    why = "" if kept else f"it would take {100 * (after / before - 1):.1f} % more bits per byte of the brand's replies"
    measured = found.to_wire()
    measured["held_pairs"] = measured.pop("pairs")
    return _further(start, tuned) if kept else start, {**told, **measured, "kept": kept, "why": why}


def _recipe(start: TrainedGenerator, pairs: int) -> PreferenceRecipe | None:
    """By the method that the recipe of `start` names; None where it wants none."""
    method = start.recipe.preference if isinstance(start.recipe, GenerateRecipe) else "dpo"
    if method == "none":
        return None
    base = start.base
    picked = pick_preference(pairs, base.parameters, base=base.name, method=method, seed=start.recipe.seed)
    return going_on(picked, start.recipe, base.parameters, adapted=start.adapted is not None)


def _further(start: TrainedGenerator, tuned: TrainedGenerator) -> TrainedGenerator:
    """`tuned`, told by the recipe that can be ordered again, under which `start` learned and all of this followed."""
    return replace(
        tuned,
        recipe=start.recipe,
        history=start.history,
        seconds=start.seconds + tuned.seconds,
        example=start.example,
        findings=start.findings + tuned.findings,
    )
