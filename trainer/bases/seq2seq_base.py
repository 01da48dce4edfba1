"""A base with an encoder and a decoder: what its configuration says of its texts, and its weights.

Taken are the kinds that the tests train, export and compare; each says in its own way where a text begins and ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.errors import BaseRefused
from data.pair_render import PairShape, Seq2SeqRenderer
from trainer.bases.catalogue import LocalBase
from trainer.recipes import Seq2SeqRecipe

if TYPE_CHECKING:
    from transformers import PreTrainedModel

KINDS = ("t5", "mt5", "bart")
WITHOUT = "There is none in the catalogue: `attune bases import` one, or give its folder, and name it as --base."


def is_seq2seq(local: LocalBase) -> bool:
    """Whether the base has an encoder and a decoder, by what its configuration says."""
    return local.configuration().get("model_type") in KINDS


@dataclass(frozen=True, slots=True)
class Seq2SeqBase:
    """`start_id` is the token its decoder begins with, `positions` how many tokens it tells apart (None: any)."""

    local: LocalBase
    kind: str
    start_id: int
    end_id: int
    positions: int | None

    @classmethod
    def of(cls, local: LocalBase) -> Seq2SeqBase:
        """Raises BaseRefused for a base of another kind, or one that does not say how its decoder begins and ends."""
        said = local.configuration()
        kind = said.get("model_type")
        if kind not in KINDS:
            raise BaseRefused(
                f"A sequence-to-sequence base is of the kind {', '.join(KINDS)}; {local.name!r} is {str(kind)[:40]!r}.",
                remedy=WITHOUT,
                base=local.name,
            )
        start, end = said.get("decoder_start_token_id"), said.get("eos_token_id")
        if not isinstance(start, int) or not isinstance(end, int):
            raise BaseRefused(
                f"The config.json of the base {local.name!r} names no decoder_start_token_id, or no eos_token_id.",
                remedy="Save the model again with both in its configuration.",
                base=local.name,
            )
        # A T5 counts distances, of which the far ones are alike: it reads texts of any length.
        positions = said.get("max_position_embeddings") if kind == "bart" else None
        return cls(local, str(kind), start, end, positions if isinstance(positions, int) else None)

    def renderer(self, recipe: Seq2SeqRecipe) -> Seq2SeqRenderer:
        """Raises BaseRefused when the tokenizer does not end texts as the model does."""
        most = self.positions or max(recipe.max_length, recipe.target_length)
        source, target = min(recipe.max_length, most), min(recipe.target_length, most)
        shape = PairShape(source, target, self.start_id, recipe.instruction)
        renderer = Seq2SeqRenderer.read(self.local.folder / "tokenizer.json", shape)
        if renderer.end_id != self.end_id:
            raise BaseRefused(
                f"The tokenizer of the base {self.local.name!r} ends texts with {renderer.end_id}, its config.json "
                f"with {self.end_id}.",
                remedy="Save the model and its own tokenizer together.",
                base=self.local.name,
            )
        return renderer

    def model(self) -> PreTrainedModel:
        """Fresh base weights, in evaluation mode. Raises BaseRefused."""
        from transformers import AutoModelForSeq2SeqLM

        model: PreTrainedModel = self.local.loaded(AutoModelForSeq2SeqLM).eval()
        return model
