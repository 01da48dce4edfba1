"""A base that chats: a causal language model with a chat template, and how conversations become its input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safetensors import safe_open

from data.chat_render import ChatRenderer
from trainer.bases.catalogue import LocalBase

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class ChatBase:
    local: LocalBase

    @property
    def name(self) -> str:
        return self.local.name

    @property
    def parameters(self) -> int:
        """How many numbers it holds, told from the size of its weights."""
        with safe_open(self.local.folder / "model.safetensors", framework="np") as file:
            return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118

    def renderer(self, longest: int | None = None) -> ChatRenderer:
        """Over at most `longest` tokens. Raises BaseRefused for a base without a chat template that is of use."""
        return ChatRenderer.from_folder(self.local.folder, longest)

    def model(self) -> PreTrainedModel:
        """Fresh base weights, float32, in evaluation mode. Raises BaseRefused."""
        from transformers import AutoModelForCausalLM

        model: PreTrainedModel = self.local.loaded(AutoModelForCausalLM).eval()
        return model
