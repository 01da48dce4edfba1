"""Entities: each token of a text gets a tag (O, B-type, I-type), by its state in the encoder and the signs of its
surface together, and a chain weighs what may follow what.

Every piece of a word has a tag, so that spans begin and end where text does in any language, with no notion of a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from data.render import Padder, Rendered
from data.schema import Entity
from export.onnx import TokenEncoder
from export.surface import BUCKETS, Signs
from export.tagging import TaggingHead, best_path, runs_of, tags_of
from trainer.core.datamodule import RenderedRows
from trainer.entities.span_metrics import span_scores
from trainer.recipes import EntityRecipe
from trainer.tasks.chain import IGNORED, Chain
from trainer.tasks.task import EncoderTask

Tags = npt.NDArray[np.int64]
EntityBatch = tuple[torch.Tensor, ...]
"""(input_ids, attention_mask [b, t]; signs [n], where those of each token begin [b * t]; tags [b, t])."""
SPREAD = 0.05
"""Standard deviation of what a sign adds before anything is learned of it."""


@dataclass(frozen=True, slots=True, eq=False)
class EntityRows(RenderedRows):
    """Rendered texts, the signs of their tokens, and the tag of each token (IGNORED where it stands for no text)."""

    signs: Sequence[Sequence[Signs]]
    tags: Sequence[Tags]

    def batch(self, rows: Sequence[int], renderer: Padder) -> EntityBatch:
        ids, mask = renderer.pad([self.rendered[row] for row in rows])
        tags = np.full(ids.shape, IGNORED, dtype=np.int64)
        every: list[Signs] = []
        for at, row in enumerate(rows):
            tags[at, : len(self.tags[row])] = self.tags[row]
            every += [*self.signs[row], *((),) * (ids.shape[1] - len(self.signs[row]))]
        begins = np.cumsum([0, *map(len, every)])[:-1]
        signs = np.fromiter(chain.from_iterable(every), dtype=np.int64)
        return tuple(map(torch.from_numpy, (ids, mask, signs, begins, tags)))


def tagged(rendered: Rendered, spans: Sequence[Entity], types: Sequence[str]) -> Tags:
    """The tags of a text's tokens: B- for the first that a span touches, I- for the others."""
    column = {name: at for at, name in enumerate(tags_of(types))}
    tags = np.array([0 if end > start else IGNORED for start, end in rendered.offsets], dtype=np.int64)
    for span in spans:
        touched = [at for at, (a, b) in enumerate(rendered.offsets) if a < b and a < span.end and b > span.start]
        tags[touched] = column[f"I-{span.type}"]
        tags[touched[:1]] = column[f"B-{span.type}"]
    return tags


class EntityTask(EncoderTask):
    primary = "span_f1"

    def __init__(self, encoder: TokenEncoder, recipe: EntityRecipe, types: tuple[str, ...]) -> None:
        super().__init__(encoder, recipe)
        hidden = int(encoder.transformer.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self._types, self._forgets = types, recipe.sign_dropout
        generator = torch.Generator().manual_seed(recipe.seed)
        self.project = _linear(hidden, recipe.inner, generator)
        self.signs = nn.EmbeddingBag(BUCKETS, recipe.inner, mode="sum")
        self.weigh = _linear(recipe.inner, len(tags_of(types)), generator)
        self.chain = Chain(types)
        self.drop = nn.Dropout(recipe.dropout)
        with torch.no_grad():
            self.signs.weight.normal_(std=SPREAD, generator=generator)

    def emissions(self, batch: EntityBatch) -> torch.Tensor:
        """What each token says for each tag: [batch, sequence, tags]."""
        ids, mask, signs, begins, _ = batch
        states = self.encoder(ids, mask).float()
        with torch.autocast(states.device.type, enabled=False):
            kept = torch.ones(len(signs), device=states.device)
            if self.training:
                kept = (torch.rand_like(kept) >= self._forgets).float()
            seen = self.signs(signs, begins, per_sample_weights=kept).view(*ids.shape, -1)
            inner = self.project(self.drop(states)) + self.drop(seen)
            return torch.as_tensor(self.weigh(self.drop(nn.functional.gelu(inner, approximate="tanh"))))

    def loss(self, batch: EntityBatch) -> torch.Tensor:
        emissions = self.emissions(batch)
        with torch.autocast(emissions.device.type, enabled=False):
            return self.chain.loss(emissions, batch[-1])

    def validate(self, batches: Sequence[EntityBatch]) -> dict[str, float]:
        head = self.head()
        losses, counts, truth, found = [], [], [], []
        for batch in batches:
            emissions = self.emissions(batch)
            losses.append(float(self.chain.loss(emissions, batch[-1])))
            counts.append(int((batch[-1] != IGNORED).sum()))
            for own, tags in zip(emissions.cpu().numpy(), batch[-1].cpu().numpy(), strict=True):
                there = tags != IGNORED
                truth.append(set(runs_of(tags[there].tolist())))
                found.append(set(runs_of(best_path(head, own[there]))) if there.any() else set())
        scores = span_scores(truth, found)
        loss = float(np.average(losses, weights=counts)) if sum(counts) else 0.0
        return {"loss": loss, "span_f1": scores.f1, "precision": scores.precision, "recall": scores.recall}

    def head(self) -> TaggingHead:
        """What was learned beside the encoder, as plain arrays; rounded as they will be on disk, wide as they are read
        back: what is measured here is what will be served."""
        with torch.no_grad():
            chosen = (
                self.project.weight.T,
                self.project.bias,
                self.signs.weight.half(),
                self.weigh.weight.T,
                self.weigh.bias,
                self.chain.transitions,
                self.chain.begin,
            )
            return TaggingHead(self._types, *(array.detach().cpu().float().numpy().copy() for array in chosen))


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """A layer whose beginning follows from the generator alone."""
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        bound = inputs**-0.5
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.zero_()
    return layer
