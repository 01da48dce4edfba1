"""What reviewers prefer, learned after what the brand says: kept only where it does not cost the brand's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import DatasetError
from data.schema import Example
from trainer.core.run_folder import RunFolder
from trainer.generation.lines import Ask
from trainer.generation.pairs import Pair, preferences_of, sides
from trainer.generation.preference import FEWEST, prefer
from trainer.generation.preferred import compared
from trainer.generation.recipe import pick_preference
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
    if len(reviews.train) < FEWEST:
        return start, {**told, "why": f"fewer than {FEWEST} pairs"}
    recipe = pick_preference(len(reviews.train), start.base.parameters, base=start.base.name, seed=start.recipe.seed)
    try:
        tuned = prefer(recipe, start, reviews.train, reviews.held, run)
    except DatasetError:  # enough pairs, of which too few differ
        return start, {**told, "why": f"fewer than {FEWEST} different pairs"}
    asked = reviews.held or reviews.train
    both = [one for one in (sides(pair, tuned.renderer) for pair in asked) if one is not None]
    found = compared(start.model, tuned.model, tuned.renderer, both, held)
    before, after = (one.bits_per_byte().value for one in (found.replies_before, found.replies_after))
    kept = not before or after <= (1 + COSTS_AT_MOST) * before
    why = "" if kept else f"it would take {100 * (after / before - 1):.1f} % more bits per byte of the brand's replies"
    measured = found.to_wire()
    measured["held_pairs"] = measured.pop("pairs")
    return tuned if kept else start, {**told, **measured, "kept": kept, "why": why}
