"""A base that chats: a causal language model with a chat template, and how conversations become its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    def renderer(self, longest: int | None = None) -> ChatRenderer:
        """Over at most `longest` tokens. Raises BaseRefused for a base without a chat template that is of use."""
        return ChatRenderer.from_folder(self.local.folder, longest)

    def model(self) -> PreTrainedModel:
        """Fresh base weights, float32, in evaluation mode. Raises BaseRefused."""
        from transformers import AutoModelForCausalLM

        model: PreTrainedModel = self.local.loaded(AutoModelForCausalLM).eval()
        return model
