"""What tasks with a linear head share: rows, the head over the encoder's unit-length embedding, a loss by weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from data.render import Padder
from export.onnx import PooledEncoder
from trainer.core.datamodule import RenderedRows
from trainer.recipes import Recipe
from trainer.tasks.task import EncoderTask

HeadBatch = tuple[torch.Tensor, ...]
"""(input_ids, attention_mask [b, t]; targets [b, ...], weights [b])."""


@dataclass(frozen=True, slots=True, eq=False)
class TargetRows(RenderedRows):
    """Rendered texts with their `targets` [n, ...], as the loss of the task takes them, and `weights` float32 [n]."""

    targets: npt.NDArray[Any]
    weights: npt.NDArray[np.float32]

    def batch(self, rows: Sequence[int], renderer: Padder) -> HeadBatch:
        ids, mask = renderer.pad([self.rendered[row] for row in rows])
        at = np.asarray(rows)
        return tuple(map(torch.from_numpy, (ids, mask, self.targets[at], self.weights[at])))


class LinearHeadTask(EncoderTask):
    """`weight` [labels, hidden] and `bias` [labels] start the head: linear probing before fine-tuning."""

    def __init__(
        self, encoder: PooledEncoder, recipe: Recipe, weight: npt.NDArray[Any], bias: npt.NDArray[Any]
    ) -> None:
        super().__init__(encoder, recipe)
        self.head = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            self.head.weight.copy_(torch.as_tensor(weight))
            self.head.bias.copy_(torch.as_tensor(bias))

    def losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of every row, [b], before it is weighed."""
        raise NotImplementedError

    def loss(self, batch: HeadBatch) -> torch.Tensor:
        ids, mask, targets, weights = batch
        losses = self.losses(self.logits(ids, mask), targets)
        # A batch may hold nothing but rows that count for nothing: it teaches nothing, rather than dividing by it.
        return (losses * weights).sum() / weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)

    def logits(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        # The head computes in float32 under autocast too: its logits are compared by hundredths.
        embedding = self.encoder(ids, mask).float()
        with torch.autocast(embedding.device.type, enabled=False):
            return torch.as_tensor(self.head(embedding))

    def gathered(self, batches: Sequence[HeadBatch]) -> tuple[torch.Tensor, torch.Tensor]:
        """(logits, targets) of all batches together."""
        logits = torch.cat([self.logits(ids, mask) for ids, mask, _, _ in batches])
        return logits, torch.cat([targets for _, _, targets, _ in batches])

    def weights(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """(weight, bias) of the head as it stands."""
        return self.head.weight.detach().numpy(), self.head.bias.detach().numpy()
