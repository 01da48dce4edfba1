"""Any number of labels a text: a logistic model each over the encoder's unit-length embedding, binary cross-entropy."""

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
from trainer.labels.several import best_f1
from trainer.recipes import LabelRecipe
from trainer.tasks.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class RenderedRows:
    """Rendered texts with `targets` float32 [n, labels], ones and zeros, and `weights` float32 [n]."""

    rendered: Sequence[Rendered]
    targets: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rendered)

    def lengths(self) -> list[int]:
        return [len(rendered) for rendered in self.rendered]

    def batch(self, rows: Sequence[int], renderer: Renderer) -> tuple[torch.Tensor, ...]:
        """(input_ids, attention_mask [b, t]; targets [b, labels], weights [b])."""
        ids, mask = renderer.pad([self.rendered[row] for row in rows])
        at = np.asarray(rows)
        return tuple(map(torch.from_numpy, (ids, mask, self.targets[at], self.weights[at])))


class LabelTask(Task):
    """`weight` [labels, hidden] and `bias` [labels] start the head. Validated by the macro-F1 that the best threshold
    of each label would give, since thresholds are chosen after the fit."""

    primary = "f1"

    def __init__(
        self, encoder: PooledEncoder, recipe: LabelRecipe, weight: npt.NDArray[Any], bias: npt.NDArray[Any]
    ) -> None:
        super().__init__(encoder, recipe)
        self.head = nn.Linear(weight.shape[1], weight.shape[0])
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
        losses = nn.functional.binary_cross_entropy_with_logits(self.logits(ids, mask), targets, reduction="none")
        # A batch may hold nothing but rows that count for nothing: it teaches nothing, rather than dividing by it.
        tiny = torch.finfo(weights.dtype).tiny
        return (losses.mean(dim=1) * weights).sum() / weights.sum().clamp(min=tiny)

    def validate(self, batches: Sequence[tuple[torch.Tensor, ...]]) -> dict[str, float]:
        logits = torch.cat([self.logits(ids, mask) for ids, mask, _, _ in batches])
        targets = torch.cat([targets for _, _, targets, _ in batches])
        loss = float(nn.functional.binary_cross_entropy_with_logits(logits, targets))
        return {"loss": loss, "f1": best_f1(logits.cpu().numpy(), targets.cpu().numpy())}
