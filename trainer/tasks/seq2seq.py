"""From source to target, token by token: the loss is on the target's tokens alone, each told from those before it.

A target's first tokens (`opening`) are given, never learned. What is the likeliest token everywhere, given the true
tokens before it, is what greedy decoding writes: so `exact_match` needs no decoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from data.render import Padder, Rendered
from trainer.recipes import Seq2SeqRecipe
from trainer.tasks.task import Task

IGNORED = -100
Seq2SeqBatch = tuple[torch.Tensor, ...]
"""(source ids, their mask [b, s]; what the decoder reads, what it shall say next [b, t]), all int64."""


@dataclass(frozen=True, slots=True, eq=False)
class Seq2SeqRows:
    """Rendered sources, the ids of their targets with their end, and what every target begins with."""

    sources: Sequence[Rendered]
    targets: Sequence[tuple[int, ...]]
    opening: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.targets)

    def lengths(self) -> list[int]:
        return [len(source) + len(target) for source, target in zip(self.sources, self.targets, strict=True)]

    def texts(self, rows: Sequence[int]) -> list[Rendered]:
        return []  # no layer is frozen, so none is computed once

    def batch(self, rows: Sequence[int], renderer: Padder) -> Seq2SeqBatch:
        ids, mask = renderer.pad([self.sources[row] for row in rows])
        told = [Rendered((*self.opening, *self.targets[row][:-1])) for row in rows]
        read, _ = renderer.pad(told)
        said = np.full(read.shape, IGNORED, dtype=np.int64)
        first = len(self.opening) - 1
        for at, row in enumerate(rows):
            said[at, first : first + len(self.targets[row])] = self.targets[row]
        return tuple(map(torch.from_numpy, (ids, mask, read, said)))


class Seq2SeqTask(Task):
    primary = "token_accuracy"

    def __init__(self, model: PreTrainedModel, recipe: Seq2SeqRecipe) -> None:
        super().__init__()
        self.model = model
        self._smoothing = recipe.label_smoothing
        _drop(model, recipe.dropout)

    def loss(self, batch: Seq2SeqBatch) -> torch.Tensor:
        found = logits(self.model, batch)
        with torch.autocast(found.device.type, enabled=False):
            return nn.functional.cross_entropy(
                found.float().flatten(0, 1),
                batch[-1].flatten(),
                ignore_index=IGNORED,
                label_smoothing=self._smoothing,
            )

    def validate(self, batches: Sequence[Seq2SeqBatch]) -> dict[str, float]:
        rows = [told(self.model, batch) for batch in batches]
        nats, right, counts = (torch.cat(column) for column in zip(*rows, strict=True))
        tokens = max(int(counts.sum()), 1)
        return {
            "loss": float(nats.sum()) / tokens,
            "token_accuracy": int(right.sum()) / tokens,
            "exact_match": float((right == counts).double().mean()),
        }


def logits(model: nn.Module, batch: Seq2SeqBatch) -> torch.Tensor:
    """[batch, target, vocabulary]. What is padded stands behind what counts, and a decoder looks back only."""
    ids, mask, read, _ = batch
    return torch.as_tensor(model(input_ids=ids, attention_mask=mask, decoder_input_ids=read, use_cache=False).logits)


def told(model: nn.Module, batch: Seq2SeqBatch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of each row: its surprise in nats, how many of its tokens are the likeliest, how many it has. On the CPU."""
    found, said = logits(model, batch).float(), batch[-1]
    there = said != IGNORED
    losses = nn.functional.cross_entropy(found.transpose(1, 2), said, ignore_index=IGNORED, reduction="none")
    right = (found.argmax(dim=-1) == said) & there
    return losses.double().sum(dim=1).cpu(), right.sum(dim=1).cpu(), there.sum(dim=1).cpu()


def _drop(model: nn.Module, share: float) -> None:
    """Let every layer forget this share of its activations: some hold a module for it, some a number."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "dropout", None), float):
            module.dropout = share  # type: ignore[assignment]
