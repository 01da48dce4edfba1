"""Every hyperparameter of a selector, and which of them the amount of data decides."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from trainer.hyperparameters import Hyperparameters


class ReplyRecipe(Hyperparameters):
    task: Literal["reply"] = "reply"
    method: Literal["frozen", "full"]
    # The other replies of a batch are what a reply is told from.
    batch_size: int = Field(32, ge=2, le=1024)
    scale: float = Field(20.0, gt=0, le=100, description="Inverse softmax temperature of the in-batch loss.")
    frequency: float = Field(
        0.9, ge=0, le=1, description="How much a score says of how often a reply is given: 1 all, 0 nothing."
    )
    precedents: float = Field(
        0.25, ge=0, lt=1, description="How far a conversation is moved, at most, to what was replied in others like it."
    )
    most_pairs: int = Field(0, ge=0, description="Pairs learned from at most, drawn by the seed; 0: all.")
    hard_negatives: int = Field(
        0, ge=0, le=32, description="Hardest wrong replies that each pair is told from besides; 0: none."
    )
    hard_share: float = Field(
        0.95, gt=0, le=1, description="What scores above this share of the right reply's score is no negative."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.hard_negatives and (self.method != "full" or self.epochs < 2):
            raise ValueError("hard_negatives are mined from the second epoch on: method 'full' and 2 epochs at least")
        return self


FEW_PAIRS = 200
"""Below this many (context, reply) pairs the selector keeps the untuned encoder."""
FULL_PAIRS = 3_000
"""From this many all layers learn, from longer contexts."""
TOKENS = 2_500_000
"""Tokens times epochs of a training of all layers, OVERHEAD among them: at most twelve to fourteen minutes of the
default base on two cores."""
OVERHEAD = 60
"""What a pair takes besides its tokens, in tokens: padding, and its share of the optimiser's step."""
MOST_EPOCHS = 8
LONGEST = 96
"""Tokens of a context or a reply that are read where all layers learn."""
LENGTH = 80.0
"""Tokens of a pair where nobody counted them."""


def reply_hyperparameters(pairs: int, length: float = LENGTH) -> dict[str, Any]:
    """What a recipe for this many pairs of `length` tokens in the mean holds, but for its base and seed."""
    if pairs < FEW_PAIRS:
        return {"name": "reply-frozen", "method": "frozen", "precedents": 0.0}
    if pairs < FULL_PAIRS:
        # Few pairs: the upper layers learn in a minute what all of them would learn in three.
        return {"name": "reply-top", "method": "full", "frozen_layers": 3, "epochs": 4, "learning_rate": 2e-4}
    most = round(TOKENS / (max(length, 1.0) + OVERHEAD))
    return {
        "name": "reply-full",
        "method": "full",
        "epochs": min(max(most // pairs, 1), MOST_EPOCHS),
        "most_pairs": most if most < pairs else 0,
        "batch_size": 64,
        "max_length": LONGEST,
        "learning_rate": 2e-4,
    }
