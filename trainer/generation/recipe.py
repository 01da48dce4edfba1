"""Every hyperparameter of a generator: a causal chat model that learns what the brand says, and what it rather says."""

from __future__ import annotations

from typing import Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from trainer.hyperparameters import Hyperparameters, made


class ChatHyperparameters(Hyperparameters):
    """What all trainings of a chat model have: all of its layers learn, or adapters of low rank (LoRA: Hu et al. 2022)
    beside them."""

    max_length: int = Field(512, ge=32, le=8192, description="Longest conversation, in tokens; the oldest turns go.")
    batch_tokens: int = Field(4096, ge=64, le=1 << 20, description="Most tokens of a batch, padding included.")
    gradient_checkpointing: bool = Field(False, description="Compute again instead of keeping: slower, less memory.")
    lora_rank: int = Field(16, ge=1, le=256)
    lora_alpha: float = Field(32.0, gt=0, le=1024)

    @model_validator(mode="after")
    def _learns_everywhere(self) -> Self:
        if self.frozen_layers:
            raise ValueError("a generator learns in all of its layers, or by adapters: frozen_layers must be 0")
        return self


class GenerateRecipe(ChatHyperparameters):
    task: Literal["generate"] = "generate"
    method: Literal["full", "lora"]
    batch_size: int = Field(64, ge=1, le=1024, description="Most lines of a batch.")
    learns: Literal["brand", "all"] = Field("brand", description="Whose words are learned: the brand's, or everyone's.")
    packing: bool = Field(False, description="Fill lines with several conversations, none of which sees another.")
    preference: Literal["dpo", "orpo", "none"] = Field(
        "dpo", description="How a retraining learns afterwards what reviewers prefer, if it does."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.batch_tokens < self.max_length:
            raise ValueError("batch_tokens must be at least max_length: a batch holds one conversation or more")
        return self


class PreferenceRecipe(ChatHyperparameters):
    """A chat model that learns which of two replies to rather give (trainer/tasks/preference)."""

    task: Literal["prefer"] = "prefer"
    method: Literal["dpo", "orpo"]
    tunes: Literal["full", "lora"] = Field("full", description="Every layer learns, or adapters beside them do.")
    # Two replies often differ in a few words: what a step forgets of either would be more than that.
    dropout: float = Field(0.0, ge=0, lt=1)
    batch_size: int = Field(16, ge=1, le=1024, description="Most pairs of a batch.")
    beta: float = Field(0.1, gt=0, le=100, description="How much a difference of log-probabilities weighs.")
    margin: float = Field(0.0, ge=0, le=100, description="What the weighed difference should exceed.")
    supervised: float = Field(1.0, ge=0, le=100, description="Weight of learning the chosen reply as such.")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.batch_tokens < 2 * self.max_length:
            raise ValueError("batch_tokens must be at least twice max_length: a batch holds a pair or more")
        if self.method == "orpo" and not self.supervised:
            raise ValueError("nothing but supervised ties orpo to what was said before: it must be above 0")
        return self


_R = TypeVar("_R", bound=ChatHyperparameters)
SMALL, LARGE = 50_000_000, 400_000_000
"""Below so many parameters a model is tuned in big steps; from so many on, by adapters."""
TOKENS = {SMALL: 600_000, LARGE: 3_000_000}
"""Tokens times epochs of a training, by the same sizes: more conversations need fewer looks at each. On two cores the
default base learns some 3,000 tokens a second."""
MOST_EPOCHS = 3
"""A few hundred replies are known by heart after as many looks: held-out ones are foretold worse from then on."""
RATES = {("full", SMALL): 5e-4, ("full", LARGE): 1e-4, ("lora", SMALL): 4e-3, ("lora", LARGE): 2e-4}
"""Learning rates by method, for models that are small and for those that are not."""


def pick_generate(
    tokens: int, parameters: int, *, base: str, method: Literal["full", "lora"] | None = None, seed: int = 0
) -> GenerateRecipe:
    """The recipe for so many tokens to learn from and a base of so many parameters, by `method` where one is named.

    Raises RecipeError for a seed that is none.
    """
    method = method or ("full" if parameters < LARGE else "lora")
    size = SMALL if parameters < SMALL else LARGE
    body: dict[str, Any] = {"name": f"generate-{method}", "method": method, "learning_rate": RATES[method, size]}
    body |= {"epochs": min(max(round(TOKENS[size] / max(tokens, 1)), 2), MOST_EPOCHS), "base": base, "seed": seed}
    if parameters < SMALL:
        body |= {"batch_tokens": 1024}
    if parameters >= LARGE:
        body |= {"gradient_checkpointing": True}
    return made(GenerateRecipe, body)


PREFERENCE_PASSES = 600
"""Pairs times epochs of a preference tuning: what few pairs have in common is soon learned, what they have not, too."""


def pick_preference(
    pairs: int, parameters: int, *, base: str, method: Literal["dpo", "orpo"] = "dpo", seed: int = 0
) -> PreferenceRecipe:
    """The recipe for so many pairs and a base of so many parameters. Raises RecipeError for a seed that is none."""
    epochs = min(max(round(PREFERENCE_PASSES / max(pairs, 1)), 1), 5)
    body: dict[str, Any] = {"name": f"prefer-{method}", "method": method, "epochs": epochs, "base": base, "seed": seed}
    body |= {"supervised": 2.0, "beta": 1.0 if method == "orpo" else 0.1}
    if parameters < SMALL:
        body |= {"learning_rate": 4e-4}
    elif parameters < LARGE:
        body |= {"learning_rate": 2e-5}
    else:
        body |= {"tunes": "lora", "learning_rate": 1e-4, "gradient_checkpointing": True}
    return made(PreferenceRecipe, body)


def going_on(
    recipe: PreferenceRecipe, learned: ChatHyperparameters, parameters: int, *, adapted: bool
) -> PreferenceRecipe:
    """The same after a model of so many parameters has learned by `learned`: on conversations as long, in as little
    memory, and, where it is `adapted`, by the adapters that it has."""
    body = recipe.model_dump() | {"max_length": learned.max_length}
    body["batch_tokens"] = max(recipe.batch_tokens, 2 * learned.max_length)
    body["gradient_checkpointing"] = recipe.gradient_checkpointing or learned.gradient_checkpointing
    if adapted:
        body |= {"tunes": "lora", "lora_rank": learned.lora_rank, "lora_alpha": learned.lora_alpha}
    if adapted and recipe.tunes == "full":
        size = SMALL if parameters < SMALL else LARGE
        body["learning_rate"] *= RATES["lora", size] / RATES["full", size]
    return made(PreferenceRecipe, body)
