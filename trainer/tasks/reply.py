"""Reply selection: a dual encoder that puts a context next to the reply the brand gave to it.

One encoder reads both sides. Every other reply of the batch is a negative (Henderson et al. 2017, "Efficient Natural
Language Response Suggestion for Smart Reply"), except copies of the true one: brands repeat themselves, and a repeat is
not a mistake.

A reply that is said often stands in most batches as well. So what is learned is how much *more* a context asks for a
reply than the others do, P(reply | context) / P(reply): how often a reply is given is known without learning, and is
added where one is chosen (export/replies.py).

Replies that are harder to tell from the true one may stand beside a batch (trainer/replies/hard_negatives.py). They are
negatives of a context, never the way back from a reply to its context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from data.render import Padder, Rendered
from export.onnx import PooledEncoder
from trainer.replies.recipe import ReplyRecipe
from trainer.tasks.task import EncoderTask


@dataclass(frozen=True, slots=True, eq=False)
class ReplyRows:
    """Rendered contexts and replies; `keys` int64 [n] are equal where the replies are the same text."""

    contexts: Sequence[Rendered]
    replies: Sequence[Rendered]
    keys: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.contexts)

    def lengths(self) -> list[int]:
        return [len(context) + len(reply) for context, reply in zip(self.contexts, self.replies, strict=True)]

    def texts(self, rows: Sequence[int]) -> list[Rendered]:
        return [text for row in rows for text in (self.contexts[row], self.replies[row])]

    def batch(self, rows: Sequence[int], renderer: Padder) -> tuple[torch.Tensor, ...]:
        """(context ids, mask [b, t]; reply ids, mask [b, u]; keys [b])."""
        contexts = renderer.pad([self.contexts[row] for row in rows])
        replies = renderer.pad([self.replies[row] for row in rows])
        return tuple(map(torch.from_numpy, (*contexts, *replies, self.keys[np.asarray(rows)])))


class ReplyTask(EncoderTask):
    primary = "recall_at_1"

    def __init__(self, encoder: PooledEncoder, recipe: ReplyRecipe) -> None:
        super().__init__(encoder, recipe)
        self._scale = recipe.scale

    def loss(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        context_ids, context_mask, reply_ids, reply_mask, keys, *beside = batch
        contexts = self.encoder(context_ids, context_mask).float()
        replies = self.encoder(reply_ids, reply_mask).float()
        hard = self.encoder(*beside[:2]).float() if beside else None
        with torch.autocast(contexts.device.type, enabled=False):
            scores = contexts @ replies.T * self._scale
            harder = None if hard is None else contexts @ hard.T * self._scale
            if harder is not None:
                harder = harder.masked_fill(~beside[2], float("-inf"))
            return contrastive_loss(scores, keys, harder)

    def validate(self, batches: Sequence[tuple[torch.Tensor, ...]]) -> dict[str, float]:
        contexts = torch.cat([self.encoder(ids, mask).float() for ids, mask, *_ in batches])
        replies = torch.cat([self.encoder(ids, mask).float() for _, _, ids, mask, *_ in batches])
        keys = torch.cat([batch[4] for batch in batches])
        scores = contexts @ replies.T
        loss = float(contrastive_loss(scores * self._scale, keys))
        hit = keys[scores.argmax(dim=1)] == keys
        return {"loss": loss, "recall_at_1": float(hit.float().mean())}


def contrastive_loss(scores: torch.Tensor, keys: torch.Tensor, harder: torch.Tensor | None = None) -> torch.Tensor:
    """Symmetric softmax cross-entropy over `scores` [b, b], whose diagonal holds the true pairs.

    From a context to its reply, all columns whose `keys` [b] are equal are the true reply: then the scores for which
    the loss is least are the logarithms of P(reply | context) / P(reply), whatever a batch holds (noise contrastive
    estimation by ranking: Ma & Collins 2018). Back from a reply to its context, the other contexts that got it are no
    negatives: they leave the denominator. `harder` [b, c] are scores of further negatives of each context, minus
    infinity where they are none.
    """
    same = keys[:, None] == keys[None, :]
    true = torch.eye(len(keys), dtype=torch.bool, device=keys.device)
    offered = scores if harder is None else torch.cat([scores, harder], dim=1)
    missed = offered.logsumexp(dim=1) - scores.masked_fill(~same, float("-inf")).logsumexp(dim=1)
    back = scores.masked_fill(same & ~true, float("-inf")).T
    targets = torch.arange(len(keys), device=keys.device)
    return (missed.mean() + nn.functional.cross_entropy(back, targets)) / 2
