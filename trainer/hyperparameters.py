"""The hyperparameters that every recipe has, whatever it trains; `trainer.recipes` holds the recipes themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.errors import RecipeError
from trainer.bases.known import DEFAULT


class Hyperparameters(BaseModel):
    # A number without end could be written neither into a report nor into a job's row.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    base: str = DEFAULT
    seed: int = Field(0, ge=0, lt=2**31)
    max_length: int = Field(64, ge=8, le=512, description="Longest input, in tokens.")
    frozen_layers: int = Field(0, ge=0, description="Lower layers that keep the base's weights, embeddings included.")
    epochs: int = Field(3, ge=1, le=100)
    batch_size: int = Field(32, ge=1, le=1024)
    eval_batch_size: int = Field(0, ge=0, le=4096, description="Rows validated at once; 0: twice batch_size.")
    accumulate: int = Field(1, ge=1, le=1024, description="Batches of one step.")
    learning_rate: float = Field(1e-4, gt=0, lt=1, description="Peak rate of the encoder.")
    head_learning_rate: float = Field(1e-2, gt=0, lt=1, description="Peak rate of the head.")
    weight_decay: float = Field(0.01, ge=0, lt=1)
    adam_beta1: float = Field(0.9, ge=0, lt=1, description="Decay of the optimiser's mean of gradients.")
    adam_beta2: float = Field(0.999, ge=0, lt=1, description="Decay of its mean of squared gradients.")
    adam_epsilon: float = Field(1e-8, gt=0, lt=1, description="Added to what it divides by.")
    schedule: Literal["linear", "constant"] = Field("linear", description="How the rate goes on after its rise.")
    warmup_share: float = Field(0.1, ge=0, lt=1, description="Share of the steps in which the rate rises.")
    dropout: float = Field(0.1, ge=0, lt=1)
    clip_norm: float = Field(1.0, gt=0)
    patience: int = Field(2, ge=1, description="Validations without gain before training stops.")
    validation_share: float = Field(0.1, gt=0, lt=0.5)
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"

    @property
    def is_folded(self) -> bool:
        """Whether parts of the rows score each other: such a fit has no rows of its own to stop by."""
        return False


_R = TypeVar("_R", bound=Hyperparameters)


SIZES = (("num_hidden_layers", "n_layers"), ("hidden_size", "dim"))
"""How architectures call the number of an encoder's layers and the size of its states."""
MEASURED = 6 * 384**2
"""Layers times the square of their size, of the default base: what picked rates were measured on."""
SLOWER = 2 / 3
"""Power of the size by which a rate falls: a fourth for the eightfold weights of a BERT of 12 layers."""


def sized(recipe: _R, configuration: Mapping[str, Any]) -> _R:
    """A picked `recipe` at the encoder's rate for a base of this configuration (its config.json).

    What suits a small encoder makes a large one diverge. So the rate falls with the weights of the layers, without the
    embeddings, which a large vocabulary swells: 5e-5 for a BERT-base where it is 2e-4 for the default base, as its
    authors advise (Devlin et al. 2019). A base that is no larger, or does not tell its size, keeps the rate.
    """
    told = [next((configuration[name] for name in names if name in configuration), None) for names in SIZES]
    layers, hidden = (one if isinstance(one, int) and one > 0 else 0 for one in told)
    size = layers * hidden**2
    if size <= MEASURED:
        return recipe
    rate = float(f"{recipe.learning_rate * (MEASURED / size) ** SLOWER:.2g}")
    return recipe.model_copy(update={"learning_rate": rate})


def made(kind: type[_R], body: dict[str, Any]) -> _R:
    """The recipe in `body`. Raises RecipeError with every problem at once."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}" for e in error.errors(include_input=False)
        ]
        raise RecipeError(
            f"The recipe does not hold: {'; '.join(problems)}.", remedy="docs/recipes.md lists every field and range."
        ) from None
