"""Intent classification: cross-entropy over a linear head; `targets` int64 [n] are columns of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import nn

from export.onnx import PooledEncoder
from trainer.judgement import metrics
from trainer.recipes import IntentRecipe
from trainer.tasks.linear_head import HeadBatch, LinearHeadTask


class IntentTask(LinearHeadTask):
    primary = "f1"

    def __init__(
        self, encoder: PooledEncoder, recipe: IntentRecipe, weight: npt.NDArray[Any], bias: npt.NDArray[Any]
    ) -> None:
        super().__init__(encoder, recipe, weight, bias)
        self._smoothing = recipe.label_smoothing

    def losses(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits, targets, reduction="none", label_smoothing=self._smoothing)

    def validate(self, batches: Sequence[HeadBatch]) -> dict[str, float]:
        logits, targets = self.gathered(batches)
        loss = float(nn.functional.cross_entropy(logits, targets))
        predicted = logits.argmax(dim=1)
        f1 = metrics.macro_f1(targets.cpu().numpy(), predicted.cpu().numpy())
        return {"loss": loss, "f1": f1, "accuracy": float((predicted == targets).float().mean())}
