"""Intent classification: cross-entropy over a linear head on the encoder's unit-length embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from data.render import Rendered, Renderer
from export.onnx import PooledEncoder
from trainer.judgement import metrics
from trainer.recipes import IntentRecipe
from trainer.tasks.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class IntentRows:
    """Rendered utterances with `targets` int64 [n] (columns of the head) and `weights` float32 [n]."""

    rendered: Sequence[Rendered]
    targets: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rendered)

    def lengths(self) -> list[int]:
        return [len(rendered) for rendered in self.rendered]

    def batch(self, rows: Sequence[int], renderer: Renderer) -> tuple[torch.Tensor, ...]:
        """(input_ids, attention_mask [b, t]; targets, weights [b])."""
        ids, mask = renderer.pad([self.rendered[row] for row in rows])
        at = np.asarray(rows)
        return tuple(map(torch.from_numpy, (ids, mask, self.targets[at], self.weights[at])))


class IntentTask(Task):
    """`weight` [labels, hidden] and `bias` [labels] start the head: linear probing before fine-tuning."""

    primary = "f1"

    def __init__(
        self,
        encoder: PooledEncoder,
        recipe: IntentRecipe,
        weight: npt.NDArray[Any],
        bias: npt.NDArray[Any],
    ) -> None:
        super().__init__(encoder, recipe)
        self.head = nn.Linear(weight.shape[1], weight.shape[0])
        self._smoothing = recipe.label_smoothing
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(weight))
            self.head.bias.copy_(torch.as_tensor(bias))

    def logits(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        # The head computes in float32 under autocast too: its logits are compared by hundredths.
        embedding = self.encoder(ids, mask).float()
        with torch.autocast(embedding.device.type, enabled=False):
            return torch.as_tensor(self.head(embedding))

    def loss(self, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        ids, mask, targets, weights = batch
        losses = nn.functional.cross_entropy(
            self.logits(ids, mask), targets, reduction="none", label_smoothing=self._smoothing
        )
        # A batch may hold nothing but rows that count for nothing: it teaches nothing, rather than dividing by it.
        return (losses * weights).sum() / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)

    def validate(self, batches: Sequence[tuple[torch.Tensor, ...]]) -> dict[str, float]:
        logits = torch.cat([self.logits(ids, mask) for ids, mask, _, _ in batches])
        targets = torch.cat([targets for _, _, targets, _ in batches])
        loss = float(nn.functional.cross_entropy(logits, targets))
        predicted = logits.argmax(dim=1)
        f1 = metrics.macro_f1(targets.cpu().numpy(), predicted.cpu().numpy())
        return {"loss": loss, "f1": f1, "accuracy": float((predicted == targets).float().mean())}
