"""Every hyperparameter of a generator: a causal chat model that learns to say what the brand says."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from trainer.hyperparameters import Hyperparameters


class GenerateRecipe(Hyperparameters):
    """A chat model, in all of its layers or by adapters of low rank (LoRA: Hu et al. 2022)."""

    task: Literal["generate"] = "generate"
    method: Literal["full", "lora"]
    max_length: int = Field(512, ge=32, le=8192, description="Longest conversation, in tokens; the oldest turns go.")
    batch_size: int = Field(64, ge=1, le=1024, description="Most lines of a batch.")
    batch_tokens: int = Field(4096, ge=64, le=1 << 20, description="Most tokens of a batch, padding included.")
    learns: Literal["brand", "all"] = Field("brand", description="Whose words are learned: the brand's, or everyone's.")
    packing: bool = Field(False, description="Fill lines with several conversations, none of which sees another.")
    gradient_checkpointing: bool = Field(False, description="Compute again instead of keeping: slower, less memory.")
    lora_rank: int = Field(16, ge=1, le=256)
    lora_alpha: float = Field(32.0, gt=0, le=1024)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.frozen_layers:
            raise ValueError("a generator learns in all of its layers, or by adapters: frozen_layers must be 0")
        if self.batch_tokens < self.max_length:
            raise ValueError("batch_tokens must be at least max_length: a batch holds one conversation or more")
        return self
